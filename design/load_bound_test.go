package design

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"drydock"
	"drydock/site"
)

// named is a Resolver of another design for each reference.
type named struct{}

func (named) Resolve(_ context.Context, ref string) ([]byte, drydock.Resolution, error) {
	text := "schema: drydock/Rack/v1\nmetadata: {name: " + ref + "}\ndata: {tor_switches: {}}\n"
	return []byte(text), drydock.Resolution{Digest: ref}, nil
}

func (named) Check(string) error { return nil }

// TestChecksAtOnce: of many designs that are wanted at the same time only some are checked at a time, and all of them in the end.
func TestChecksAtOnce(t *testing.T) {
	var under, most atomic.Int64
	var once sync.Once
	full, release := make(chan struct{}), make(chan struct{})
	in, err := NewIngester(func(*site.Design) []site.Finding {
		n := under.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		if n == checksAtOnce {
			once.Do(func() { close(full) })
		}
		<-release
		under.Add(-1)
		return nil
	})
	must(t, err)
	l := NewLoader(named{}, in, nil)
	var all sync.WaitGroup
	for i := range 5 * checksAtOnce {
		all.Go(func() {
			if _, err := l.Load(t.Context(), fmt.Sprint("r", i)); err != nil {
				t.Error(err)
			}
		})
	}
	<-full
	close(release)
	all.Wait()
	if most.Load() != checksAtOnce {
		t.Errorf("%d at once, want %d", most.Load(), checksAtOnce)
	}
}
