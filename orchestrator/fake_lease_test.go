package orchestrator_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"drydock"
)

// fakeLeases is a lease kept in memory; its clock is the test's.
type fakeLeases struct {
	mu      sync.Mutex
	now     drydock.Lease
	term    int64
	reasons []string
	renew   func(n int) error // what the nth renewal does before it counts; nil: nothing
	release func() error
	renewed int
	sticky  bool // acquiring one's own lease keeps the term
	bells   []chan struct{}
}

func (f *fakeLeases) free() bool { return f.now.Term == 0 || !time.Now().Before(f.now.Expires) }

func (f *fakeLeases) CurrentLease(context.Context) (drydock.Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.free() {
		return drydock.Lease{}, drydock.ErrNotFound
	}
	return f.now, nil
}

func (f *fakeLeases) AcquireLease(_ context.Context, holder, name string, ttl time.Duration) (drydock.Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.free() && f.now.Holder != holder {
		return drydock.Lease{}, fmt.Errorf("%w: %s leads", drydock.ErrConflict, f.now.Name)
	}
	if f.free() || !f.sticky {
		f.term++
	}
	f.now = drydock.Lease{Holder: holder, Name: name, Term: f.term, Acquired: time.Now(), Expires: time.Now().Add(ttl)}
	return f.now, nil
}

func (f *fakeLeases) RenewLease(ctx context.Context, l drydock.Lease, ttl time.Duration) (drydock.Lease, error) {
	f.mu.Lock()
	f.renewed++
	n, renew := f.renewed, f.renew
	f.mu.Unlock()
	if renew != nil {
		if err := renew(n); err != nil {
			return drydock.Lease{}, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.free() || f.now.Term != l.Term {
		return drydock.Lease{}, drydock.ErrLeaseLost
	}
	f.now.Expires = time.Now().Add(ttl)
	return f.now, ctx.Err()
}

func (f *fakeLeases) ReleaseLease(_ context.Context, l drydock.Lease, reason string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.release != nil {
		if err := f.release(); err != nil {
			return err
		}
	}
	if f.free() || f.now.Term != l.Term {
		return drydock.ErrLeaseLost
	}
	f.reasons = append(f.reasons, reason)
	f.now.Expires = time.Now()
	for _, b := range f.bells {
		select {
		case b <- struct{}{}:
		default:
		}
	}
	return nil
}

func (f *fakeLeases) Listen(topic string) (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bell := make(chan struct{}, 1)
	if topic == "lease" {
		f.bells = append(f.bells, bell)
	}
	return bell, func() {}
}

func (f *fakeLeases) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.reasons, "; ")
}

// takeOver gives the lease to somebody else, as if it had expired.
func (f *fakeLeases) takeOver(ttl time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.term++
	f.now = drydock.Lease{Holder: holderB, Name: "other", Term: f.term, Expires: time.Now().Add(ttl)}
}
