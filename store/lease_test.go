package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.CurrentLease(t.Context())
		wantKind(t, "nobody leads", err, drydock.ErrNotFound)
		me, other := uuid.NewString(), uuid.NewString()
		l, err := s.AcquireLease(t.Context(), me, "host-1/4711", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if l.Holder != me || l.Name != "host-1/4711" || l.Term < 1 || l.Expires.Sub(l.Acquired) < time.Hour-time.Minute {
			t.Errorf("lease: %+v", l)
		}
		recent(t, "acquired", l.Acquired)
		if now, err := s.CurrentLease(t.Context()); err != nil || now != l {
			t.Errorf("current: %+v, want %+v, error %v", now, l, err)
		}
		_, err = s.AcquireLease(t.Context(), other, "host-2", time.Hour)
		wantKind(t, "another", err, drydock.ErrConflict)
		if err != nil && !strings.Contains(err.Error(), "host-1/4711") {
			t.Errorf("the refusal does not name the leader: %v", err)
		}
		for _, again := range []string{me, strings.ToUpper(me)} {
			same, err := s.AcquireLease(t.Context(), again, "host-1/4711", 2*time.Hour)
			if err != nil || same.Term != l.Term || same.Holder != me || !same.Expires.After(l.Expires) {
				t.Errorf("the holder %s asks again: %+v, error %v", again, same, err)
			}
		}
		renewed, err := s.RenewLease(t.Context(), l, 3*time.Hour)
		if err != nil || renewed.Term != l.Term || renewed.Holder != me || renewed.Expires.Sub(l.Expires) < time.Hour {
			t.Errorf("renewed: %+v, error %v", renewed, err)
		}
		_, err = s.RenewLease(t.Context(), drydock.Lease{Holder: other, Term: l.Term}, time.Hour)
		wantKind(t, "renew another's", err, drydock.ErrLeaseLost)
		wantKind(t, "release another's", s.ReleaseLease(t.Context(), drydock.Lease{Holder: other, Term: l.Term}, ""), drydock.ErrLeaseLost)
		if now, err := s.CurrentLease(t.Context()); err != nil || now.Holder != me {
			t.Errorf("current: %+v, error %v", now, err)
		}
	})
}

func TestLeaseTerms(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if none, err := s.LeaseHistory(t.Context(), 0); err != nil || len(none) != 0 {
			t.Errorf("history at first: %+v, error %v", none, err)
		}
		var terms []drydock.Lease
		me := uuid.NewString()
		for i := range 5 {
			l, err := s.AcquireLease(t.Context(), me, fmt.Sprint("n", i), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			terms = append(terms, l)
			if i == 4 {
				break
			}
			if err := s.ReleaseLease(t.Context(), l, fmt.Sprint("because ", i)); err != nil {
				t.Fatal(err)
			}
			wantKind(t, "released twice", s.ReleaseLease(t.Context(), l, "again"), drydock.ErrLeaseLost)
			_, err = s.CurrentLease(t.Context())
			wantKind(t, "after the release", err, drydock.ErrNotFound)
		}
		history, err := s.LeaseHistory(t.Context(), 0)
		if err != nil || len(history) != 5 {
			t.Fatalf("history: %+v, error %v", history, err)
		}
		for i, h := range history {
			l := terms[4-i]
			if h.Term != l.Term || h.Holder != me || h.Name != l.Name || !h.Started.Equal(l.Acquired) {
				t.Errorf("%d: %+v, want %+v", i, h, l)
			}
			if i > 0 && (h.Term >= history[i-1].Term || h.Ended.IsZero() || h.Reason != fmt.Sprint("because ", 4-i)) {
				t.Errorf("%d: %+v", i, h)
			}
		}
		if !history[0].Ended.IsZero() || history[0].Reason != "" {
			t.Errorf("the present term has ended: %+v", history[0])
		}
		if two, err := s.LeaseHistory(t.Context(), 2); err != nil || len(two) != 2 || two[0] != history[0] {
			t.Errorf("the newest two: %+v, error %v", two, err)
		}
	})
}

func TestLeaseExpires(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first, err := s.AcquireLease(t.Context(), uuid.NewString(), "first", 300*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		var second drydock.Lease
		storetest.Eventually(t, "take over", func() bool {
			second, err = s.AcquireLease(t.Context(), uuid.NewString(), "second", time.Hour)
			if err != nil {
				wantKind(t, "too early", err, drydock.ErrConflict)
			}
			return err == nil
		})
		if second.Term <= first.Term || second.Acquired.Before(first.Expires) {
			t.Errorf("second %+v after %+v", second, first)
		}
		_, err = s.RenewLease(t.Context(), first, time.Hour)
		wantKind(t, "renew", err, drydock.ErrLeaseLost)
		wantKind(t, "release", s.ReleaseLease(t.Context(), first, "late"), drydock.ErrLeaseLost)
		history, err := s.LeaseHistory(t.Context(), 0)
		if err != nil || len(history) != 2 || history[1].Reason != "expired" || history[1].Ended.IsZero() {
			t.Errorf("history: %+v, error %v", history, err)
		}
		if now, err := s.CurrentLease(t.Context()); err != nil || now != second {
			t.Errorf("current: %+v, error %v", now, err)
		}
	})
}

// A lease that has run out is lost even if nobody took it; its holder may campaign again and gets a new term.
func TestLeaseExpiredAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		me := uuid.NewString()
		l, err := s.AcquireLease(t.Context(), me, "me", 200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		storetest.Eventually(t, "expiry", func() bool {
			_, err := s.CurrentLease(t.Context())
			return errors.Is(err, drydock.ErrNotFound)
		})
		_, err = s.RenewLease(t.Context(), l, time.Hour)
		wantKind(t, "renew", err, drydock.ErrLeaseLost)
		again, err := s.AcquireLease(t.Context(), me, "me", time.Hour)
		if err != nil || again.Term <= l.Term {
			t.Errorf("again: %+v after %+v, error %v", again, l, err)
		}
	})
}

func TestLeaseInvalid(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		me := uuid.NewString()
		for what, try := range map[string]struct {
			holder, name string
			ttl          time.Duration
		}{
			"no holder": {"", "n", time.Hour}, "bad holder": {"me", "n", time.Hour}, "no time": {me, "n", 0}, "negative time": {me, "n", -time.Second},
			"NUL": {me, "n\x00", time.Hour}, "UTF-8": {me, "n\xff", time.Hour}, "long name": {me, strings.Repeat("n", drydock.MaxName+1), time.Hour},
		} {
			_, err := s.AcquireLease(t.Context(), try.holder, try.name, try.ttl)
			wantInvalid(t, what, err)
		}
		l, err := s.AcquireLease(t.Context(), me, strings.Repeat("n", drydock.MaxName), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, ttl := range []time.Duration{0, -time.Second} {
			_, err = s.RenewLease(t.Context(), l, ttl)
			wantInvalid(t, "renew for no time", err)
		}
		wantInvalid(t, "NUL reason", s.ReleaseLease(t.Context(), l, "\x00"))
		_, err = s.LeaseHistory(t.Context(), -1)
		wantInvalid(t, "negative limit", err)
		if now, err := s.CurrentLease(t.Context()); err != nil || now.Term != l.Term {
			t.Errorf("after refusals: %+v, error %v", now, err)
		}
	})
}

// Many campaign with short leases, and give up or fall silent in turn: one leader at a time, terms only grow, the history tells the same.
func TestLeaseCampaign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const campaigners, wins = 6, 5
		var mu sync.Mutex
		holders := map[int64]string{}
		together(campaigners, func(i int) {
			me := uuid.NewString()
			var last int64
			for won := 0; won < wins; {
				l, err := s.AcquireLease(t.Context(), me, fmt.Sprint("c", i), 30*time.Millisecond)
				if errors.Is(err, drydock.ErrConflict) {
					continue
				}
				if err != nil {
					t.Errorf("acquire: %v", err)
					return
				}
				mu.Lock()
				if other, ok := holders[l.Term]; ok && other != me {
					t.Errorf("term %d has two leaders", l.Term)
				}
				holders[l.Term] = me
				mu.Unlock()
				if l.Term < last {
					t.Errorf("term %d after %d", l.Term, last)
				}
				last = l.Term
				won++
				endTerm(t, s, l, won%2 == 0)
			}
		})
		checkTerms(t, s, holders, campaigners*wins/2)
	})
}

// endTerm releases the lease, or renews it once and lets it run out.
func endTerm(t *testing.T, s *store.Store, l drydock.Lease, release bool) {
	if release {
		if err := s.ReleaseLease(t.Context(), l, "released"); err != nil && !errors.Is(err, drydock.ErrLeaseLost) {
			t.Errorf("release: %v", err)
		}
		return
	}
	if _, err := s.RenewLease(t.Context(), l, 40*time.Millisecond); err != nil && !errors.Is(err, drydock.ErrLeaseLost) {
		t.Errorf("renew: %v", err)
	}
	storetest.Eventually(t, "the lease runs out", func() bool {
		now, err := s.CurrentLease(t.Context())
		return errors.Is(err, drydock.ErrNotFound) || now.Term != l.Term
	})
}

func checkTerms(t *testing.T, s *store.Store, holders map[int64]string, least int) {
	t.Helper()
	history, err := s.LeaseHistory(t.Context(), drydock.MaxPage)
	if err != nil || len(history) < least {
		t.Errorf("%d terms in the history, error %v", len(history), err)
	}
	for i, h := range history {
		if i > 0 && (h.Term >= history[i-1].Term || h.Ended.IsZero() || h.Ended.After(history[i-1].Started)) {
			t.Errorf("%+v, then %+v", h, history[i-1])
			break
		}
		if holder, ok := holders[h.Term]; ok && holder != h.Holder {
			t.Errorf("term %d was %s's, the history says %s", h.Term, holder, h.Holder)
		}
	}
}
