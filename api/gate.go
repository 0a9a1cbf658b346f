package api

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"drydock"
)

// gate lets so many requests at a time do work that is heavy, and so many more wait for it. It is safe for concurrent use.
type gate struct {
	slots    chan struct{} // one element for each request at work
	room     int64         // requests that may wait
	patience time.Duration // how long one waits
	waiting  atomic.Int64
}

// The bounds of work on designs unless Options say otherwise. Most of the time such a request waits for a source; one that does not answer must not
// keep those of others away, so there are many more of them than designs that are checked at the same time.
const (
	designsAtOnce  = 100
	designsWaiting = 1000
	designPatience = 30 * time.Second
)

func newGate(slots, room int, patience time.Duration) *gate {
	return &gate{slots: make(chan struct{}, slots), room: int64(room), patience: patience}
}

// enter waits for a slot and returns what gives it back. It is ErrUnavailable if too many wait already, if the wait is too long, or if ctx ends.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	leave = func() { <-g.slots }
	select {
	case g.slots <- struct{}{}:
		return leave, nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.room {
		return nil, fmt.Errorf("%w: %d designs are being looked at and %d requests wait for that already; try again", drydock.ErrUnavailable, cap(g.slots), g.room)
	}
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, fmt.Errorf("%w: %d other designs are being looked at, and none was done within %s; try again", drydock.ErrUnavailable, cap(g.slots), g.patience)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: the request ended while it waited: %w", drydock.ErrUnavailable, ctx.Err())
	}
}
