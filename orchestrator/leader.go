package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"drydock"
)

// Leases is what a Leader needs of the store. The database's clock decides who holds the lease; times in here are never compared with ours.
type Leases interface {
	AcquireLease(ctx context.Context, holder, name string, ttl time.Duration) (drydock.Lease, error)
	RenewLease(ctx context.Context, l drydock.Lease, ttl time.Duration) (drydock.Lease, error)
	ReleaseLease(ctx context.Context, l drydock.Lease, reason string) error
	CurrentLease(ctx context.Context) (drydock.Lease, error)
	Listen(topic string) (bell <-chan struct{}, stop func())
}

// topicLease is the store's topic that rings when a lease has been released.
const topicLease = "lease"

// LeaderOptions configure a Leader. Zero durations take their defaults.
type LeaderOptions struct {
	Holder string        // UUID of this instance, new at every start of the process
	Name   string        // for people: host and process
	TTL    time.Duration // how long the lease lasts without renewal; default 15 s
	Renew  time.Duration // between renewals; default TTL/3
	Margin time.Duration // trust in the lease ends this long before the TTL does; default TTL/5
	Watch  time.Duration // how often a follower looks whether the lease is free (a read); default 1 s, or TTL/3 if that is shorter
	Grace  time.Duration // how long the lead function may take to return once its context has ended; default 1 minute
	Logger *slog.Logger  // nil: silent
}

// Leader campaigns for the lease and runs a function while it holds it. It is safe for concurrent use, except that Run runs once at a time.
type Leader struct {
	leases Leases
	o      LeaderOptions
	trust  time.Duration // TTL - Margin
	log    *slog.Logger

	mu      sync.Mutex
	current drydock.Lease
	until   time.Time       // monotonic: end of trust
	held    context.Context // ends with trust; nil: not leading
}

// NewLeader checks the options: Renew < TTL - Margin < TTL. It answers ErrInvalid otherwise, or if Holder is not a UUID.
func NewLeader(leases Leases, o LeaderOptions) (*Leader, error) {
	holder, err := drydock.ParseTaskID(o.Holder)
	if err != nil {
		return nil, fmt.Errorf("%w: holder %.60q of the lease is not a UUID", drydock.ErrInvalid, o.Holder)
	}
	o.Holder = string(holder)
	o.TTL = orDefault(o.TTL, 15*time.Second)
	o.Renew = orDefault(o.Renew, o.TTL/3)
	o.Margin = orDefault(o.Margin, o.TTL/5)
	o.Watch = orDefault(o.Watch, min(time.Second, o.TTL/3))
	o.Grace = orDefault(o.Grace, time.Minute)
	if o.TTL < 0 || o.Renew < 0 || o.Margin < 0 || o.Watch < 0 || o.Grace < 0 {
		return nil, fmt.Errorf("%w: durations of a leader must not be negative", drydock.ErrInvalid)
	}
	if o.Renew >= o.TTL-o.Margin {
		return nil, fmt.Errorf("%w: a lease of %v that is trusted until %v before its end must be renewed more often than every %v",
			drydock.ErrInvalid, o.TTL, o.Margin, o.Renew)
	}
	return &Leader{leases: leases, o: o, trust: o.TTL - o.Margin, log: orSilent(o.Logger)}, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func orSilent(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// Current returns the lease while this process may act under it.
func (l *Leader) Current() (drydock.Lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil || l.held.Err() != nil || !time.Now().Before(l.until) {
		return drydock.Lease{}, false
	}
	return l.current, true
}

func (l *Leader) setCurrent(held context.Context, lease drydock.Lease, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.current, l.until = held, lease, until
}

// Run campaigns for the lease until ctx ends, and runs lead whenever it holds it.
//
// The context of lead ends when the lease can no longer be trusted (cause: ErrLeaseLost), at the latest TTL-Margin after the last successful
// renewal began, or when ctx does (cause: ErrShutdown). In the second case the lease is renewed for as long as lead takes to put its things
// away, and released then, so that another process takes over within a second. A lead that returns or panics while it still leads is
// reported to the log; the lease is released with that reason, and the campaign begins again after a pause that grows.
//
// Run returns nil when ctx has ended and lead has returned. It returns ErrUnavailable when lead does not return within Grace: the process
// should end then, because another may lead while this one still acts.
func (l *Leader) Run(ctx context.Context, lead func(ctx context.Context, lease drydock.Lease) error) error {
	bell, stop := l.leases.Listen(topicLease)
	defer stop()
	again := l.newBackoff()
	ended, end := context.WithCancel(ctx)
	end()
	var term int64
	for {
		lease, began, ok := l.campaign(ctx, bell, term)
		if !ok {
			return nil
		}
		term = lease.Term
		l.log.Info("leading", "term", term)
		err := l.hold(ctx, lease, began, lead)
		l.setCurrent(ended, drydock.Lease{}, time.Time{})
		if errors.Is(err, errStuck) {
			return fmt.Errorf("%w: lead of term %d has not returned %v after its end; end this process", drydock.ErrUnavailable, term, l.o.Grace)
		}
		if ctx.Err() != nil {
			l.log.Info("no longer leading", "term", term, "reason", "shutdown")
			return nil
		}
		l.log.Error("no longer leading", "term", term, "err", err)
		// The pause grows for a lead that fails, not for one that was overtaken: it must be ready to follow whoever leads now.
		if time.Since(began) > 2*l.o.TTL || errors.Is(err, drydock.ErrLeaseLost) {
			again = l.newBackoff()
		}
		if !again.wait(ctx) {
			return nil
		}
	}
}

func (l *Leader) newBackoff() backoff {
	return backoff{next: min(time.Second, l.o.TTL/3), max: 4 * l.o.TTL}
}

// errStuck says that lead did not return.
var errStuck = errors.New("lead does not return")

// hold runs lead under a lease and renews it until lead has returned; then it gives the lease back.
func (l *Leader) hold(ctx context.Context, lease drydock.Lease, began time.Time, lead func(context.Context, drydock.Lease) error) error {
	trust, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	defer lose(drydock.ErrLeaseLost)
	leadCtx, end := context.WithCancelCause(context.WithValue(trust, trustKey{}, trust))
	defer end(nil)
	defer context.AfterFunc(ctx, func() { end(fmt.Errorf("%w: %w", ErrShutdown, context.Cause(ctx))) })()

	l.setCurrent(trust, lease, began.Add(l.trust))
	expiry := time.AfterFunc(time.Until(began.Add(l.trust)), func() {
		lose(fmt.Errorf("%w: term %d could not be renewed within %v", drydock.ErrLeaseLost, lease.Term, l.trust))
	})
	defer expiry.Stop()

	done := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() { done <- err }()
		err = guard(func() error { return lead(leadCtx, lease) })
	}()
	renewing := make(chan struct{})
	stopRenewing := make(chan struct{})
	go func() {
		defer close(renewing)
		l.renew(trust, stopRenewing, lease, expiry, lose)
	}()

	err, returned := awaitLead(leadCtx, done, l.o.Grace)
	lost := context.Cause(trust)
	close(stopRenewing)
	lose(drydock.ErrLeaseLost) // also ends a renewal in flight
	<-renewing
	if !returned {
		return errStuck // not released: lead may still act
	}
	reason := "released: shutdown"
	switch {
	case lost != nil:
		err, reason = lost, "released: could not be renewed"
	case ctx.Err() == nil && err == nil:
		err, reason = errors.New("lead returned"), "released: lead returned"
	case ctx.Err() == nil:
		reason = "released: " + clean(err.Error(), 200)
	case err != nil:
		l.log.Warn("lead ended with an error at shutdown", "term", lease.Term, "err", err)
	}
	l.release(ctx, lease, reason)
	return err
}

// awaitLead waits for lead to return, but not longer than grace once its context has ended.
func awaitLead(leadCtx context.Context, done <-chan error, grace time.Duration) (err error, returned bool) {
	select {
	case err := <-done:
		return err, true
	case <-leadCtx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-done:
		return err, true
	case <-timer.C:
		return nil, false
	}
}

// renew keeps the lease until trust or stop ends. Each success moves the end of trust; what fails for a while is tried again, sooner, until
// trust ends; a lease that the store says is lost ends trust at once.
func (l *Leader) renew(trust context.Context, stop <-chan struct{}, lease drydock.Lease, expiry *time.Timer, lose context.CancelCauseFunc) {
	interval := jitter(l.o.Renew)
	for pause(trust, interval, stop) {
		select {
		case <-stop:
			return
		default:
		}
		began := time.Now()
		call, cancel := context.WithTimeout(trust, l.o.Renew)
		renewed, err := l.leases.RenewLease(call, lease, l.o.TTL)
		cancel()
		switch {
		case err == nil:
			interval = jitter(l.o.Renew)
			// A timer that has fired has ended trust; it must not come back even though the store has renewed the lease.
			if expiry.Stop() {
				lease = renewed
				l.setCurrent(trust, lease, began.Add(l.trust))
				expiry.Reset(time.Until(began.Add(l.trust)))
			}
		case errors.Is(err, drydock.ErrLeaseLost):
			lose(fmt.Errorf("renew term %d: %w", lease.Term, err))
			return
		case trust.Err() == nil:
			interval = jitter(min(time.Second, l.o.Renew/4))
			l.log.Warn("lease not renewed; trying again", "term", lease.Term, "err", err)
		}
	}
}

// release gives the lease back. An error is only logged: the lease expires by itself.
func (l *Leader) release(ctx context.Context, lease drydock.Lease, reason string) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(5*time.Second, l.trust))
	defer cancel()
	if err := l.leases.ReleaseLease(call, lease, reason); err != nil && !errors.Is(err, drydock.ErrLeaseLost) {
		l.log.Warn("lease not released; it expires by itself", "term", lease.Term, "err", err)
	}
}

// guard runs f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return f()
}

// errGoexit is the error of a function that ended its goroutine.
var errGoexit = errors.New("ended its goroutine (runtime.Goexit) instead of returning")

// panicError is a panic as an error; the stack is for the log.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }
