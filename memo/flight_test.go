package memo

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFlights: all who wait share one run; it ends with the last of them, unless it shall finish, and whoever comes later starts anew.
func TestFlights(t *testing.T) {
	for _, finish := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := Flights[string, int]{Finish: finish}
			var runs, ended atomic.Int32
			release := make(chan struct{})
			run := func(ctx context.Context, f *Flight[int]) int {
				n := int(runs.Add(1))
				f.Report(n)
				select {
				case <-ctx.Done():
					ended.Add(1)
					return -1
				case <-release:
					return 2
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if v, landed := g.Do(ctx, "k", run); landed || v != 1 {
						t.Errorf("landed %v with %d", landed, v)
					}
				})
			}
			synctest.Wait()
			cancel()
			all.Wait()
			synctest.Wait()
			if want := map[bool]int32{false: 1, true: 0}[finish]; runs.Load() != 1 || ended.Load() != want {
				t.Errorf("finish %v: %d runs, %d ended", finish, runs.Load(), ended.Load())
			}
			close(release)
			want := map[bool]int32{false: 2, true: 1}[finish] // it is joined again, or begun anew
			if v, landed := g.Do(t.Context(), "k", run); !landed || v != 2 || runs.Load() != want {
				t.Errorf("finish %v, later: %v with %d after %d runs", finish, landed, v, runs.Load())
			}
		})
	}
}
