package memo

import (
	"context"
	"sync"
	"time"
)

// Flights let callers who want the same thing at the same time share the work for it. The zero value is ready for use.
type Flights[K comparable, V any] struct {
	Finish bool // work goes on when nobody waits for it any more, and may be joined again
	mu     sync.Mutex
	aloft  map[K]*Flight[V]
}

// Flight is work that callers wait for.
type Flight[V any] struct {
	group   *sync.Mutex
	done    chan struct{}
	cancel  context.CancelFunc
	value   V         // how far it came; what came of it once done is closed
	waiters int       // callers who did not leave
	latest  time.Time // when the last of them will have left
	endless bool      // one of them has all the time in the world
}

// Do waits for the value of key, which run makes if nobody does so yet. The work has the values of the first caller's context, but ends only
// when the last waiter has left; whoever comes later starts anew. If ctx ends first, Do returns at once: false, and how far the work had come.
func (g *Flights[K, V]) Do(ctx context.Context, key K, run func(context.Context, *Flight[V]) V) (V, bool) {
	g.mu.Lock()
	f := g.aloft[key]
	if f == nil {
		f = &Flight[V]{group: &g.mu, done: make(chan struct{})}
		var work context.Context
		work, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		if g.aloft == nil {
			g.aloft = map[K]*Flight[V]{}
		}
		g.aloft[key] = f
		go g.fly(work, key, f, run)
	}
	f.waiters++
	if end, ok := ctx.Deadline(); !ok {
		f.endless = true
	} else if end.After(f.latest) {
		f.latest = end
	}
	g.mu.Unlock()
	select {
	case <-f.done:
		return f.value, true
	case <-ctx.Done():
		return g.leave(key, f)
	}
}

func (g *Flights[K, V]) fly(ctx context.Context, key K, f *Flight[V], run func(context.Context, *Flight[V]) V) {
	defer f.cancel()
	var v V
	defer func() { // whatever run does: those who wait must not wait for ever
		g.mu.Lock()
		defer g.mu.Unlock()
		f.value = v
		g.remove(key, f)
		close(f.done)
	}()
	v = run(ctx, f)
}

func (g *Flights[K, V]) leave(key K, f *Flight[V]) (V, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-f.done: // both at once: nothing is gained by throwing the value away
		return f.value, true
	default:
	}
	if f.waiters--; f.waiters == 0 && !g.Finish {
		f.cancel()
		g.remove(key, f)
	}
	return f.value, false
}

func (g *Flights[K, V]) remove(key K, f *Flight[V]) {
	if g.aloft[key] == f { // a later flight may have taken its place
		delete(g.aloft, key)
	}
}

// Report tells those who leave how far the work has come.
func (f *Flight[V]) Report(v V) {
	f.group.Lock()
	defer f.group.Unlock()
	f.value = v
}

// Until returns when the last of those who wait now will have left; false if one of them has no deadline.
func (f *Flight[V]) Until() (time.Time, bool) {
	f.group.Lock()
	defer f.group.Unlock()
	return f.latest, !f.endless
}
