package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drydock"
)

// The reasons for which the context of an action, or of a lead function, ends; get them with context.Cause. The fourth is drydock.ErrLeaseLost.
var (
	// ErrShutdown: this process is being stopped. A repeatable task whose action returns an error now is queued again.
	ErrShutdown = fmt.Errorf("%w: the orchestrator is being stopped", drydock.ErrUnavailable)
	// ErrTerminated: somebody asked for the end of the task.
	ErrTerminated = fmt.Errorf("%w: terminated by request", drydock.ErrConflict)
	// ErrTaken: the task is no longer this orchestrator's. Nothing that its action answers will be recorded.
	ErrTaken = fmt.Errorf("%w: the task has been taken away", drydock.ErrConflict)
)

// trustKey finds, in the context of a lead function, the context of the lease itself. It outlives the former at a shutdown, while the lead
// puts its things away, and ends when the lease does.
type trustKey struct{}

func trustOf(ctx context.Context) context.Context {
	if trust, ok := ctx.Value(trustKey{}).(context.Context); ok {
		return trust
	}
	return context.WithoutCancel(ctx)
}

// campaign tries until it has a lease of a term other than old, or until ctx ends. began is when the successful attempt did. It looks before it
// asks: a look is a read that no writer waits for.
func (l *Leader) campaign(ctx context.Context, bell <-chan struct{}, old int64) (lease drydock.Lease, began time.Time, ok bool) {
	said := ""
	for ctx.Err() == nil {
		lease, began, err := l.attempt(ctx, old)
		switch {
		case err == nil && ctx.Err() == nil:
			return lease, began, true
		case err == nil:
			l.release(ctx, lease, "released: shutdown")
			return drydock.Lease{}, time.Time{}, false
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			l.log.Info("not leading", "reason", said)
		}
		if !pause(ctx, jitter(l.o.Watch), bell) {
			break
		}
	}
	return drydock.Lease{}, time.Time{}, false
}

// attempt takes the lease if it is free. A lease that we hold already is one whose acquisition or release did not answer. If its term is old, tasks
// of that term were left behind when it ended, and only a new term will adopt them: it is given back first.
func (l *Leader) attempt(ctx context.Context, old int64) (drydock.Lease, time.Time, error) {
	// Not cut short by a shutdown: a lease that was won without anybody hearing of it would keep others out.
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.trust)
	defer cancel()
	now, err := l.leases.CurrentLease(call)
	switch {
	case err == nil && now.Holder == l.o.Holder && now.Term == old:
		if err := l.leases.ReleaseLease(call, now, "released: begins a new term"); err != nil && !errors.Is(err, drydock.ErrLeaseLost) {
			return drydock.Lease{}, time.Time{}, fmt.Errorf("release own old lease: %w", err)
		}
	case err == nil && now.Holder != l.o.Holder:
		return drydock.Lease{}, time.Time{}, fmt.Errorf("%w: %s (%s) leads", drydock.ErrConflict, now.Name, now.Holder)
	case err != nil && !errors.Is(err, drydock.ErrNotFound):
		return drydock.Lease{}, time.Time{}, fmt.Errorf("look who leads: %w", err)
	}
	began := time.Now()
	lease, err := l.leases.AcquireLease(call, l.o.Holder, l.o.Name, l.o.TTL)
	if err != nil {
		return drydock.Lease{}, time.Time{}, fmt.Errorf("acquire lease: %w", err)
	}
	if lease.Term == old {
		l.release(ctx, lease, "released: begins a new term")
		return drydock.Lease{}, time.Time{}, fmt.Errorf("%w: the store answered the old term %d", drydock.ErrConflict, old)
	}
	return lease, began, nil
}
