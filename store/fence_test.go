package store_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// orchestratorMethods is every method that writes under a lease, on a running task with nothing else queued but child.
var orchestratorMethods = map[string]func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error{
	"CreateSubtasks": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.CreateSubtasks(t.Context(), l, id, []drydock.NewTask{noop()})
		return err
	},
	"UpdateTask": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.UpdateTask(t.Context(), l, id, func(task *drydock.Task) error { task.Result.Message = "stale"; return nil })
		return err
	},
	"ClaimTasks": func(t *testing.T, s *store.Store, l drydock.Lease, _ drydock.TaskID) error {
		_, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 10)
		return err
	},
	"ClaimTasks of nothing": func(t *testing.T, s *store.Store, l drydock.Lease, _ drydock.TaskID) error {
		_, err := s.ClaimTasks(t.Context(), l, []drydock.Action{"none"}, 10)
		return err
	},
	"FinishTasks": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{ID: id, Result: drydock.Result{Status: drydock.ResultSuccess}, Messages: []drydock.Message{{Text: "stale"}}}})
		return err
	},
	"HeartbeatTasks": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.HeartbeatTasks(t.Context(), l, []drydock.TaskID{id})
		return err
	},
	"RetryTask": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.RetryTask(t.Context(), l, id, 3)
		return err
	},
	"RollupTask": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.RollupTask(t.Context(), l, id, "")
		return err
	},
	"RequeueTasks": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
		_, err := s.RequeueTasks(t.Context(), l, []drydock.TaskID{id}, "stale")
		return err
	},
	"AdoptTasks": func(t *testing.T, s *store.Store, l drydock.Lease, _ drydock.TaskID) error {
		_, err := s.AdoptTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop})
		return err
	},
	"RenewLease": func(t *testing.T, s *store.Store, l drydock.Lease, _ drydock.TaskID) error {
		_, err := s.RenewLease(t.Context(), l, time.Hour)
		return err
	},
}

// No method writes under a lease that has ended or was made up, and a refusal leaves nothing behind.
func TestFence(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		old := storetest.Lead(t, s)
		task := running(t, s, old)
		if _, err := s.CreateSubtasks(t.Context(), old, task.ID, []drydock.NewTask{noop()}); err != nil {
			t.Fatal(err)
		}
		now := storetest.Depose(t, s, old)
		before := state(t, s, task.ID)
		leases := map[string]drydock.Lease{
			"old":         old,
			"zero":        {},
			"old holder":  {Holder: old.Holder, Term: now.Term},
			"old term":    {Holder: now.Holder, Term: old.Term},
			"future term": {Holder: now.Holder, Term: now.Term + 1},
			"no holder":   {Term: now.Term},
			"bad holder":  {Holder: "somebody", Term: now.Term},
		}
		for which, l := range leases {
			for name, call := range orchestratorMethods {
				wantKind(t, name+" under lease "+which, call(t, s, l, task.ID), drydock.ErrLeaseLost)
			}
		}
		if after := state(t, s, task.ID); after != before {
			t.Errorf("a stale write left something:\n%s\n%s", before, after)
		}
		if l, err := s.CurrentLease(t.Context()); err != nil || l.Term != now.Term || l.Holder != now.Holder {
			t.Errorf("lease is now %+v, want %+v, error %v", l, now, err)
		}
	})
}

// After the release nobody leads, and the last leader may not write either.
func TestFenceAfterRelease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		task := running(t, s, l)
		if err := s.ReleaseLease(t.Context(), l, "done"); err != nil {
			t.Fatal(err)
		}
		before := state(t, s, task.ID)
		for name, call := range orchestratorMethods {
			wantKind(t, name, call(t, s, l, task.ID), drydock.ErrLeaseLost)
		}
		if after := state(t, s, task.ID); after != before {
			t.Errorf("a stale write left something:\n%s\n%s", before, after)
		}
	})
}

// A lease that has run out is no licence, even while nobody else has taken it.
func TestFenceAfterExpiry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l, err := s.AcquireLease(t.Context(), uuid.NewString(), "slow", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		task := running(t, s, l)
		storetest.Eventually(t, "expiry", func() bool {
			_, err := s.CurrentLease(t.Context())
			return errors.Is(err, drydock.ErrNotFound)
		})
		before := state(t, s, task.ID)
		for name, call := range orchestratorMethods {
			wantKind(t, name, call(t, s, l, task.ID), drydock.ErrLeaseLost)
		}
		if after := state(t, s, task.ID); after != before {
			t.Errorf("a stale write left something:\n%s\n%s", before, after)
		}
	})
}

// The present leader does not touch what an older term left running, unless by adopting it.
func TestFenceTaskOfOldTerm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		old := storetest.Lead(t, s)
		task := running(t, s, old)
		_, err := s.UpdateTask(t.Context(), old, task.ID, func(x *drydock.Task) error { x.Result.Failure("n1"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		now := storetest.Depose(t, s, old)
		before := state(t, s, task.ID)
		for _, name := range []string{"CreateSubtasks", "UpdateTask", "RollupTask", "RetryTask"} {
			err := orchestratorMethods[name](t, s, now, task.ID)
			if !errors.Is(err, drydock.ErrConflict) && !errors.Is(err, drydock.ErrLeaseLost) {
				t.Errorf("%s: error %v, want conflict or lease lost", name, err)
			}
		}
		if done, err := s.FinishTasks(t.Context(), now, []drydock.TaskFinish{{ID: task.ID, Result: drydock.Result{Status: drydock.ResultSuccess}, Messages: []drydock.Message{{Text: "x"}}}}); err != nil || len(done) != 0 {
			t.Errorf("finished %v, error %v", done, err)
		}
		if got, err := s.RequeueTasks(t.Context(), now, []drydock.TaskID{task.ID}, "why"); err != nil || len(got) != 0 {
			t.Errorf("requeued %v, error %v", got, err)
		}
		if alive, err := s.HeartbeatTasks(t.Context(), now, []drydock.TaskID{task.ID}); err != nil || len(alive) != 0 {
			t.Errorf("alive %v, error %v", alive, err)
		}
		if after := state(t, s, task.ID); after != before {
			t.Errorf("changed:\n%s\n%s", before, after)
		}
	})
}

// A leader that goes on writing while another takes over: no write that begins after the takeover is made.
func TestFenceRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const writers = 6
		old, err := s.AcquireLease(t.Context(), uuid.NewString(), "old", 400*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		var tasks [writers]drydock.TaskID
		for i := range tasks {
			tasks[i] = running(t, s, old).ID
		}
		var over atomic.Bool
		var now drydock.Lease
		together(writers+1, func(i int) {
			if i == writers {
				storetest.Eventually(t, "take over", func() bool {
					l, err := s.AcquireLease(t.Context(), uuid.NewString(), "new", time.Hour)
					if err != nil && !errors.Is(err, drydock.ErrConflict) {
						t.Errorf("take over: %v", err)
					}
					now = l
					return err == nil
				})
				over.Store(true)
				return
			}
			for late := 0; late < 3; {
				before := over.Load()
				_, err := s.UpdateTask(t.Context(), old, tasks[i], func(task *drydock.Task) error { task.Result.Message += "."; return nil })
				switch {
				case err == nil && before:
					t.Error("a write of the old term was made after the takeover")
					return
				case err != nil && !errors.Is(err, drydock.ErrLeaseLost):
					t.Errorf("write: %v", err)
					return
				}
				if before {
					late++
				}
			}
		})
		if now.Term <= old.Term {
			t.Errorf("term %d after %d", now.Term, old.Term)
		}
	})
}
