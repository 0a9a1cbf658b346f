package reference

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
)

// A thousand callers who want the same reference at the same time cause one fetch, and all get what it brings.
func TestResolveWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", gate: make(chan struct{})}
		r := resolverFor(s, ResolverOptions{})
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if res := wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource); res.Attempts != 1 || res.Took != time.Minute {
					t.Errorf("%+v", res)
				}
			})
		}
		time.Sleep(time.Minute) // of the bubble
		close(s.gate)
		all.Wait()
		s.wantAsked(t, 1)
	})
}

// A caller who is cancelled is let go at once; the others go on waiting and get their answer.
func TestResolveWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", gate: make(chan struct{})}
		r := resolverFor(s, ResolverOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() { _, _, err := r.Resolve(ctx, "x://h/p"); left <- err }()
		synctest.Wait()
		go func() { _, _, err := r.Resolve(t.Context(), "x://h/p"); stayed <- err }()
		synctest.Wait()
		cancel() // the one whose call began the fetch
		synctest.Wait()
		wantError(t, <-left, context.Canceled, "stopped")
		if _, _, ended := s.count(); ended != 0 || len(stayed) != 0 {
			t.Fatal("the fetch ended with the first caller")
		}
		close(s.gate)
		if err := <-stayed; err != nil {
			t.Error(err)
		}
		s.wantAsked(t, 1)
	})
}

// When the last caller has left, the fetch ends. Whoever comes later starts a new one and hears nothing of the old one's end, even if that
// one has not noticed yet.
func TestResolveAfterLastWaiter(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			old := make(chan struct{})
			s := &source{body: "a: 1", gate: old, deaf: deaf}
			r := resolverFor(s, ResolverOptions{})
			ctx, cancel := context.WithCancel(t.Context())
			left := make(chan error, 2)
			for range 2 {
				go func() { _, _, err := r.Resolve(ctx, "x://h/p"); left <- err }()
			}
			synctest.Wait()
			cancel()
			wantError(t, <-left, drydock.ErrUnavailable, "stopped (context canceled)")
			wantError(t, <-left, context.Canceled, "")
			s.set(func(s *source) { s.gate = nil })
			wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
			synctest.Wait()
			if asked, _, ended := s.count(); asked != 2 || ended == 0 != deaf {
				t.Errorf("asked %d times, %d heard the end", asked, ended)
			}
			close(old)
		})
	}
}

// Whatever the order of coming and going, who is not cancelled gets the answer.
func TestResolveComingAndGoing(t *testing.T) {
	s := &source{body: "a: 1"}
	slow := fetcherAsked(func(ctx context.Context, q Request) (Answer, error) {
		for range rand.N(50) {
			if ctx.Err() != nil {
				return Answer{}, ctx.Err()
			}
			runtime.Gosched()
		}
		return s.Fetch(ctx, q)
	})
	r := resolverFor(slow, ResolverOptions{BreakAfter: 1})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 300 {
				ctx, cancel := context.WithCancel(t.Context())
				patient := rand.N(3) > 0
				if !patient {
					go cancel()
				}
				_, _, err := r.Resolve(ctx, []string{"x://h/p", "x://h/q"}[i%2])
				cancel()
				if patient && err != nil {
					t.Errorf("a caller who was not cancelled: %v", err)
				}
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// The fetch sees the values of the context of the caller who began it, such as what its log lines carry.
func TestResolveValues(t *testing.T) {
	type key struct{}
	f := fetcherAsked(func(ctx context.Context, _ Request) (Answer, error) {
		if ctx.Value(key{}) != "trace" {
			t.Error("the values of the context are lost")
		}
		return Answer{}, nil
	})
	if _, _, err := resolverFor(f, ResolverOptions{}).Resolve(context.WithValue(t.Context(), key{}, "trace"), "x://h"); err != nil {
		t.Error(err)
	}
}

// A defect of a fetcher is an error for those who wait, not the end of the process, and the next call is free of it.
func TestResolvePanic(t *testing.T) {
	broken := true
	f := fetcherAsked(func(context.Context, Request) (Answer, error) {
		if broken {
			panic("secret-of-the-reference")
		}
		return Answer{Body: []byte("a: 1")}, nil
	})
	var log strings.Builder
	r := resolverFor(f, ResolverOptions{Logger: textLogger(&log)})
	_, _, err := r.Resolve(t.Context(), "x://u:secret-of-the-reference@h")
	if err == nil || len(kindsOf(err)) != 0 || !strings.Contains(err.Error(), "defect of this program") || strings.Contains(err.Error()+log.String(), "secret-of-the") {
		t.Errorf("%v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), "stack=") {
		t.Error("the log does not say where")
	}
	broken = false
	wantResolved(t, r, "x://u:secret-of-the-reference@h", "a: 1", drydock.OriginSource)
}
