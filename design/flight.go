package design

import (
	"context"
	"sync"
	"time"
)

// flights let callers who want the same thing at the same time share the work for it. The zero value is ready for use.
type flights[K comparable, V any] struct {
	finish bool // work goes on when nobody waits for it any more, and may be joined again
	mu     sync.Mutex
	aloft  map[K]*flight[V]
}

// flight is work that callers wait for.
type flight[V any] struct {
	group   *sync.Mutex
	done    chan struct{}
	cancel  context.CancelFunc
	value   V         // how far it came; what came of it once done is closed
	waiters int       // callers who did not leave
	latest  time.Time // when the last of them will have left
	endless bool      // one of them has all the time in the world
}

// do waits for the value of key, which run makes if nobody does so yet. The work has the values of the first caller's context, but ends only
// when the last waiter has left; whoever comes later starts anew. If ctx ends first, do returns at once: false, and how far the work had come.
func (g *flights[K, V]) do(ctx context.Context, key K, run func(context.Context, *flight[V]) V) (V, bool) {
	g.mu.Lock()
	f := g.aloft[key]
	if f == nil {
		f = &flight[V]{group: &g.mu, done: make(chan struct{})}
		var work context.Context
		work, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		if g.aloft == nil {
			g.aloft = map[K]*flight[V]{}
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

func (g *flights[K, V]) fly(ctx context.Context, key K, f *flight[V], run func(context.Context, *flight[V]) V) {
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

func (g *flights[K, V]) leave(key K, f *flight[V]) (V, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-f.done: // both at once: nothing is gained by throwing the value away
		return f.value, true
	default:
	}
	if f.waiters--; f.waiters == 0 && !g.finish {
		f.cancel()
		g.remove(key, f)
	}
	return f.value, false
}

func (g *flights[K, V]) remove(key K, f *flight[V]) {
	if g.aloft[key] == f { // a later flight may have taken its place
		delete(g.aloft, key)
	}
}

// report tells those who leave how far the work has come.
func (f *flight[V]) report(v V) {
	f.group.Lock()
	defer f.group.Unlock()
	f.value = v
}

// until returns when the last of those who wait now will have left; false if one of them has no deadline.
func (f *flight[V]) until() (time.Time, bool) {
	f.group.Lock()
	defer f.group.Unlock()
	return f.latest, !f.endless
}
