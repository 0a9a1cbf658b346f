package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
)

// rival is an orchestrator of upstream's: its three statements about the lease.
type rival struct {
	t  *testing.T
	db rawDB
	me uuid.UUID
}

func (r rival) holds() bool {
	r.t.Helper()
	var n int
	if err := r.db.QueryRow(`SELECT count(*) FROM active_instance WHERE identity = $1`, r.me[:]).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n == 1
}

// claim is claim_leadership with a grace period of seconds.
func (r rival) claim(grace int) bool {
	r.t.Helper()
	r.db.exec(r.t, `INSERT INTO active_instance (dummy_key, identity, last_ping) VALUES (1, $1, timezone('UTC', now())) ON CONFLICT (dummy_key)
		DO UPDATE SET identity = $1, last_ping = timezone('UTC', now())
		WHERE active_instance.last_ping < (timezone('UTC', now()) - $2 * interval '1 second')`, r.me[:], grace)
	return r.holds()
}

// ping is maintain_leadership, by a clock that is off by skew.
func (r rival) ping(skew time.Duration) bool {
	r.t.Helper()
	result, err := r.db.Exec(`UPDATE active_instance SET last_ping = $2 WHERE identity = $1`, r.me[:], time.Now().UTC().Add(skew))
	if err != nil {
		r.t.Fatal(err)
	}
	n, err := result.RowsAffected()
	return err == nil && n == 1
}

func (r rival) abdicate() {
	r.t.Helper()
	r.db.exec(r.t, `DELETE FROM active_instance WHERE identity = $1`, r.me[:])
}

func campaign(s *store.Store, t *testing.T) (drydock.Lease, error) {
	return s.AcquireLease(t.Context(), uuid.NewString(), "us", time.Hour)
}

// Of an orchestrator of ours and one of upstream's, one leads, and each change raises the term.
func TestTwoKindsOneLeader(t *testing.T) {
	s, up := shared(t)
	them := rival{t, up.db, uuid.New()}
	if !them.claim(300) || !them.ping(0) {
		t.Fatal("upstream cannot lead")
	}
	task := create(t, s, noop())
	theirs := up.get(task.ID)
	up.save(theirs, "running") // a task without a term
	_, err := campaign(s, t)
	wantKind(t, "we campaign while upstream pings", err, drydock.ErrConflict)
	if !them.ping(9 * time.Hour) {
		t.Error("upstream cannot ping")
	}
	if l, err := s.CurrentLease(t.Context()); err != nil || l.Name != "upstream" || time.Until(l.Expires) > 10*time.Minute {
		t.Errorf("by a clock that is hours ahead: %+v, error %v", l, err)
	}
	if !them.ping(-9 * time.Hour) { // or a session west of UTC
		t.Error("upstream cannot ping")
	}
	_, err = campaign(s, t)
	wantKind(t, "we campaign while upstream pings by a clock that is hours behind", err, drydock.ErrConflict)
	them.abdicate()
	ours, err := campaign(s, t)
	if err != nil || ours.Term != 2 {
		t.Fatalf("after upstream: %+v, error %v", ours, err)
	}
	up.db.exec(t, `UPDATE active_instance SET last_ping = last_ping - interval '1 hour', expires = expires`) // we hang, but not for longer than our lease
	if them.claim(15) || them.ping(0) {
		t.Error("upstream leads beside us")
	}
	if _, err := s.RenewLease(t.Context(), ours, time.Hour); err != nil {
		t.Errorf("our lease: %v", err)
	}
	if a, err := s.AdoptTasks(t.Context(), ours, nil); err != nil || len(a.Failed) != 1 || a.Failed[0] != task.ID {
		t.Errorf("adopted %+v, error %v", a, err)
	}
	up.save(theirs, "complete") // the deposed one has finished: too late
	if got := get(t, s, task.ID); got.Result.Status != drydock.ResultFailure {
		t.Errorf("a deposed orchestrator changed %+v", got)
	}
	up.db.exec(t, `UPDATE active_instance SET last_ping = last_ping - interval '1 hour', expires = expires - interval '2 hours'`)
	if !them.claim(300) {
		t.Error("upstream cannot take over when ours has expired")
	}
	_, err = s.ClaimTasks(t.Context(), ours, []drydock.Action{drydock.ActionNoop}, 1)
	wantKind(t, "a deposed instance of ours", err, drydock.ErrLeaseLost)
	if l, err := s.CurrentLease(t.Context()); err != nil || l.Term != 3 {
		t.Errorf("lease %+v, error %v", l, err)
	}
	history, err := s.LeaseHistory(t.Context(), 0)
	if err != nil || len(history) != 3 || !history[0].Ended.IsZero() || history[1].Ended.IsZero() || history[2].Ended.IsZero() {
		t.Errorf("history %+v, error %v", history, err)
	}
}

// Upstream's account needs no rights on what was added, and no search path.
func TestUpstreamHasNoRights(t *testing.T) {
	s, up := shared(t)
	task := create(t, s, noop())
	role := "upstream_" + uuid.NewString()[:8]
	up.db.SetMaxOpenConns(1)
	up.db.exec(t, `CREATE ROLE `+role+`; GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, result_message, active_instance TO `+role+`;
		GRANT USAGE ON SEQUENCE result_message_sequence_seq TO `+role+`; SET ROLE `+role)
	them := rival{t, up.db, uuid.New()}
	if !them.claim(300) || !them.ping(0) {
		t.Error("upstream cannot lead")
	}
	them.abdicate()
	up.save(up.get(task.ID), "running")
	up.say(task.ID, "hello")
	up.db.exec(t, `SET search_path = ''`)
	up.db.exec(t, `UPDATE public.tasks SET status = 'complete'`)
	up.db.exec(t, `INSERT INTO public.active_instance (dummy_key, identity, last_ping) VALUES (1, '\x01', now())`)
	up.db.exec(t, `RESET ROLE; SET search_path = public; DROP OWNED BY `+role+`; DROP ROLE `+role)
	wantStatus(t, s, task.ID, drydock.StatusComplete)
}
