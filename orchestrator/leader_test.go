package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
	"drydock/orchestrator"
)

const (
	holderA = "11111111-1111-4111-8111-111111111111"
	holderB = "22222222-2222-4222-8222-222222222222"
)

func newLeader(t *testing.T, f *fakeLeases, holder string) *orchestrator.Leader {
	t.Helper()
	l, err := orchestrator.NewLeader(f, orchestrator.LeaderOptions{Holder: holder, Name: holder[:4]})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// campaign runs a leader in the background; stop ends it and returns what Run did.
func campaign(t *testing.T, l *orchestrator.Leader, lead func(context.Context, drydock.Lease) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, lead) }()
	return func() error { cancel(); return <-done }
}

// until leads until its context ends.
func until(ctx context.Context, _ drydock.Lease) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestLeaderOptions(t *testing.T) {
	for name, o := range map[string]orchestrator.LeaderOptions{
		"holder":         {Holder: "me"},
		"renew too late": {Holder: holderA, TTL: 10 * time.Second, Renew: 9 * time.Second, Margin: time.Second},
		"margin too big": {Holder: holderA, TTL: 10 * time.Second, Margin: 11 * time.Second},
		"negative":       {Holder: holderA, TTL: -time.Second},
	} {
		if _, err := orchestrator.NewLeader(&fakeLeases{}, o); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

func TestLeaderKeepsLeading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		l := newLeader(t, f, holderA)
		if _, ok := l.Current(); ok {
			t.Error("leads before Run")
		}
		stop := campaign(t, l, until)
		time.Sleep(time.Hour)
		lease, ok := l.Current()
		if !ok || lease.Term != 1 || f.told() != "" {
			t.Errorf("after an hour: lease %+v %v, released %q", lease, ok, f.told())
		}
		if err := stop(); err != nil || f.told() != "released: shutdown" {
			t.Errorf("stop: %v, released %q", err, f.told())
		}
		if _, ok := l.Current(); ok {
			t.Error("leads after Run")
		}
	})
}

func TestLeaderReleaseIsTakenOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		stopA := campaign(t, newLeader(t, f, holderA), until)
		synctest.Wait()
		led := make(chan time.Time, 1)
		stopB := campaign(t, newLeader(t, f, holderB), func(ctx context.Context, l drydock.Lease) error {
			led <- time.Now()
			return until(ctx, l)
		})
		time.Sleep(time.Minute)
		released := time.Now()
		if err := stopA(); err != nil {
			t.Error(err)
		}
		if d := (<-led).Sub(released); d > time.Second {
			t.Errorf("taken over after %v", d)
		}
		if err := stopB(); err != nil {
			t.Error(err)
		}
	})
}

// A leader that died does not release; its lease expires and is taken over within a second of that.
func TestLeaderTakesOverExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		f.takeOver(15 * time.Second)
		began := time.Now()
		led := make(chan time.Time, 1)
		stop := campaign(t, newLeader(t, f, holderA), func(ctx context.Context, l drydock.Lease) error {
			led <- time.Now()
			return until(ctx, l)
		})
		if d := (<-led).Sub(began); d < 15*time.Second || d > 16*time.Second {
			t.Errorf("taken over after %v", d)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever renewals do, trust ends TTL-Margin after the last good one began.
func TestLeaderTrustEnds(t *testing.T) {
	hour := func(int) error { time.Sleep(time.Hour); return nil }
	for name, renew := range map[string]func(int) error{
		"unavailable": func(int) error { return drydock.ErrUnavailable },
		"other error": func(int) error { return errors.New("odd") },
		"hangs":       hour,
		"late answer": func(n int) error { time.Sleep(14 * time.Second); return nil }, // as after a pause of the process
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeLeases{renew: renew}
				began := time.Now()
				ended := make(chan time.Duration, 100)
				cause := make(chan error, 100)
				l := newLeader(t, f, holderA)
				stop := campaign(t, l, func(ctx context.Context, _ drydock.Lease) error {
					<-ctx.Done()
					ended <- time.Since(began)
					cause <- context.Cause(ctx)
					if _, ok := l.Current(); ok {
						t.Error("Current says that it leads")
					}
					return nil
				})
				if d := <-ended; d != 12*time.Second {
					t.Errorf("trust ended after %v, want 12s", d)
				}
				if err := <-cause; !errors.Is(err, drydock.ErrLeaseLost) {
					t.Errorf("cause: %v", err)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
				time.Sleep(2 * time.Hour) // what hangs, returns
			})
		})
	}
}

func TestLeaderSurvivesTransientErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{renew: func(n int) error {
			if n%4 != 0 {
				return fmt.Errorf("renew: %w", drydock.ErrUnavailable)
			}
			return nil
		}}
		terms := 0
		stop := campaign(t, newLeader(t, f, holderA), func(ctx context.Context, l drydock.Lease) error {
			terms++
			return until(ctx, l)
		})
		time.Sleep(time.Hour)
		if err := stop(); err != nil || terms != 1 {
			t.Errorf("%d terms, %v", terms, err)
		}
	})
}

func TestLeaderSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		lost := make(chan error, 10)
		terms := make(chan int64, 10)
		stop := campaign(t, newLeader(t, f, holderA), func(ctx context.Context, l drydock.Lease) error {
			terms <- l.Term
			err := until(ctx, l)
			lost <- err
			return err
		})
		synctest.Wait()
		f.takeOver(time.Minute)
		began := time.Now()
		if err := <-lost; !errors.Is(err, drydock.ErrLeaseLost) {
			t.Errorf("cause: %v", err)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("noticed after %v", d)
		}
		<-terms
		if term := <-terms; term != 3 || time.Since(began) > 62*time.Second {
			t.Errorf("leads again under term %d after %v", term, time.Since(began))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Tasks of a term that ended badly are adopted only under a new term, so the same term is never led twice.
func TestLeaderNeverRepeatsTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		f := &fakeLeases{sticky: true}
		f.renew = func(int) error {
			if down {
				return drydock.ErrUnavailable
			}
			return nil
		}
		f.release = func() error {
			if down {
				return drydock.ErrUnavailable
			}
			return nil
		}
		terms := make(chan int64, 10)
		stop := campaign(t, newLeader(t, f, holderA), func(ctx context.Context, l drydock.Lease) error {
			terms <- l.Term
			return until(ctx, l)
		})
		time.Sleep(12500 * time.Millisecond) // trust is over, the lease is not
		f.mu.Lock()
		down = false
		f.mu.Unlock()
		if a, b := <-terms, <-terms; a != 1 || b != 2 {
			t.Errorf("terms %d, %d", a, b)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestLeaderSupervises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		var times []time.Time
		stop := campaign(t, newLeader(t, f, holderA), func(ctx context.Context, l drydock.Lease) error {
			times = append(times, time.Now())
			switch len(times) {
			case 1:
				return errors.New("broken")
			case 2:
				panic("boom")
			case 3:
				return nil
			}
			return until(ctx, l)
		})
		time.Sleep(time.Minute)
		if err := stop(); err != nil || len(times) != 4 {
			t.Fatalf("%d leads, %v", len(times), err)
		}
		if want := "released: broken; released: panic: boom; released: lead returned; released: shutdown"; f.told() != want {
			t.Errorf("released %q, want %q", f.told(), want)
		}
		if first, third := times[1].Sub(times[0]), times[3].Sub(times[2]); third < 2*first {
			t.Errorf("pauses do not grow: %v, %v", first, third)
		}
	})
}

// At a shutdown the lease is renewed for as long as lead takes to drain, and released after it.
func TestLeaderRenewsWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		l := newLeader(t, f, holderA)
		stop := campaign(t, l, func(ctx context.Context, _ drydock.Lease) error {
			<-ctx.Done()
			if cause := context.Cause(ctx); !errors.Is(cause, orchestrator.ErrShutdown) || errors.Is(cause, drydock.ErrLeaseLost) {
				t.Errorf("cause: %v", cause)
			}
			time.Sleep(50 * time.Second)
			if _, ok := l.Current(); !ok || f.told() != "" {
				t.Errorf("lease given up while draining: %q", f.told())
			}
			return nil
		})
		synctest.Wait()
		if err := stop(); err != nil || f.told() != "released: shutdown" {
			t.Errorf("%v, released %q", err, f.told())
		}
	})
}

// A lead that does not return ends Run, and its lease is not released: it may still act.
func TestLeaderStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		free := make(chan struct{})
		stop := campaign(t, newLeader(t, f, holderA), func(context.Context, drydock.Lease) error { <-free; return nil })
		synctest.Wait()
		if err := stop(); !errors.Is(err, drydock.ErrUnavailable) || f.told() != "" {
			t.Errorf("%v, released %q", err, f.told())
		}
		close(free)
	})
}

// Of several campaigners one leads at a time, whatever happens to them.
func TestLeadersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeLeases{}
		var mu sync.Mutex
		leading, most := 0, 0
		var last int64
		lead := func(ctx context.Context, l drydock.Lease) error {
			mu.Lock()
			leading++
			most = max(most, leading)
			if l.Term <= last {
				t.Errorf("term %d after %d", l.Term, last)
			}
			last = l.Term
			mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(l.Term%7) * 9 * time.Second):
			}
			mu.Lock()
			leading--
			mu.Unlock()
			return errors.New("enough")
		}
		var stops []func() error
		for i := range 5 {
			stops = append(stops, campaign(t, newLeader(t, f, fmt.Sprintf("%08d-1111-4111-8111-111111111111", i)), lead))
		}
		time.Sleep(time.Hour)
		for _, stop := range stops {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		if most != 1 || last < 50 {
			t.Errorf("%d led at once, %d terms", most, last)
		}
	})
}
