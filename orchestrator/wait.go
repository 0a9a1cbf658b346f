package orchestrator

import (
	"context"
	"math/rand/v2"
	"time"
)

// jitter returns between three quarters of d and d, so that processes which started together do not stay together.
func jitter(d time.Duration) time.Duration {
	if d < 4 {
		return d
	}
	return d - rand.N(d/4)
}

// pause waits for d, the bell (nil: none) or the end of ctx, and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration, bell <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-bell:
	}
	return ctx.Err() == nil
}

// backoff spaces out attempts: each wait is twice as long as the one before, up to max.
type backoff struct{ next, max time.Duration }

// storeBackoff is for a database that did not answer.
func storeBackoff() backoff { return backoff{next: 20 * time.Millisecond, max: 2 * time.Second} }

// wait returns false when ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	d := jitter(b.next)
	b.next = min(2*b.next, b.max)
	return pause(ctx, d, nil)
}
