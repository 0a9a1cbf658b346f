package store_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// methods is every method that talks to the database, with arguments that are good and about a running task.
func methods(l drydock.Lease, id drydock.TaskID) map[string]func(context.Context, *store.Store) error {
	all := taskMethods(l, id)
	maps.Copy(all, otherMethods(l, id))
	return all
}

func taskMethods(l drydock.Lease, id drydock.TaskID) map[string]func(context.Context, *store.Store) error {
	noops := []drydock.Action{drydock.ActionNoop}
	return map[string]func(context.Context, *store.Store) error{
		"Ping":       func(ctx context.Context, s *store.Store) error { return s.Ping(ctx) },
		"Migrate":    func(ctx context.Context, s *store.Store) error { _, err := s.Migrate(ctx); return err },
		"Migrations": func(ctx context.Context, s *store.Store) error { _, err := s.Migrations(ctx); return err },
		"CreateTask": func(ctx context.Context, s *store.Store) error { _, _, err := s.CreateTask(ctx, noop()); return err },
		"CreateSubtasks": func(ctx context.Context, s *store.Store) error {
			_, err := s.CreateSubtasks(ctx, l, id, []drydock.NewTask{noop()})
			return err
		},
		"Task": func(ctx context.Context, s *store.Store) error { _, err := s.Task(ctx, id); return err },
		"Tasks": func(ctx context.Context, s *store.Store) error {
			_, err := s.Tasks(ctx, drydock.TaskQuery{})
			return err
		},
		"Subtree": func(ctx context.Context, s *store.Store) error { _, err := s.Subtree(ctx, id, 0); return err },
		"UpdateTask": func(ctx context.Context, s *store.Store) error {
			_, err := s.UpdateTask(ctx, l, id, func(*drydock.Task) error { return nil })
			return err
		},
		"ClaimTasks": func(ctx context.Context, s *store.Store) error { _, err := s.ClaimTasks(ctx, l, noops, 1); return err },
		"FinishTasks": func(ctx context.Context, s *store.Store) error {
			_, err := s.FinishTasks(ctx, l, []drydock.TaskFinish{{ID: id, Result: drydock.Result{Status: drydock.ResultSuccess}}})
			return err
		},
		"HeartbeatTasks": func(ctx context.Context, s *store.Store) error {
			_, err := s.HeartbeatTasks(ctx, l, []drydock.TaskID{id})
			return err
		},
		"TerminatingTasks": func(ctx context.Context, s *store.Store) error { _, err := s.TerminatingTasks(ctx, l); return err },
		"TerminateTask":    func(ctx context.Context, s *store.Store) error { _, err := s.TerminateTask(ctx, id, "a"); return err },
		"RetryTask":        func(ctx context.Context, s *store.Store) error { _, err := s.RetryTask(ctx, l, id, 1); return err },
		"RollupTask":       func(ctx context.Context, s *store.Store) error { _, err := s.RollupTask(ctx, l, id, ""); return err },
		"RequeueTasks": func(ctx context.Context, s *store.Store) error {
			_, err := s.RequeueTasks(ctx, l, []drydock.TaskID{id}, "why")
			return err
		},
		"AdoptTasks": func(ctx context.Context, s *store.Store) error { _, err := s.AdoptTasks(ctx, l, noops); return err },
		"Queue":      func(ctx context.Context, s *store.Store) error { _, err := s.Queue(ctx); return err },
	}
}

func otherMethods(l drydock.Lease, id drydock.TaskID) map[string]func(context.Context, *store.Store) error {
	return map[string]func(context.Context, *store.Store) error{
		"AddMessages": func(ctx context.Context, s *store.Store) error {
			return s.AddMessages(ctx, id, drydock.Message{Text: "x"})
		},
		"AddMessages of two": func(ctx context.Context, s *store.Store) error {
			return s.AddMessages(ctx, id, drydock.Message{Text: "x"}, drydock.Message{Text: "y"})
		},
		"Messages": func(ctx context.Context, s *store.Store) error { _, err := s.Messages(ctx, id, 0, 0); return err },
		"MessagesByTask": func(ctx context.Context, s *store.Store) error {
			_, err := s.MessagesByTask(ctx, []drydock.TaskID{id})
			return err
		},
		"ErrorCounts": func(ctx context.Context, s *store.Store) error {
			_, err := s.ErrorCounts(ctx, []drydock.TaskID{id})
			return err
		},
		"AddBuildData": func(ctx context.Context, s *store.Store) error { return s.AddBuildData(ctx, data("n", "g", 1, "d")) },
		"BuildData": func(ctx context.Context, s *store.Store) error {
			_, err := s.BuildData(ctx, drydock.BuildDataQuery{Latest: true})
			return err
		},
		"SetBootContext": func(ctx context.Context, s *store.Store) error {
			return s.SetBootContext(ctx, drydock.BootContext{Node: "n", Task: someTask, Key: make([]byte, 32)})
		},
		"BootContext": func(ctx context.Context, s *store.Store) error { _, err := s.BootContext(ctx, "n"); return err },
		"AddBootActions": func(ctx context.Context, s *store.Store) error {
			return s.AddBootActions(ctx, action(drydock.BootContext{Node: "n", Task: someTask}, 1, "a", drydock.ResultIncomplete))
		},
		"BootActions": func(ctx context.Context, s *store.Store) error { _, err := s.BootActions(ctx, "n"); return err },
		"BootAction":  func(ctx context.Context, s *store.Store) error { _, err := s.BootAction(ctx, ulid(1)); return err },
		"ReportBootAction": func(ctx context.Context, s *store.Store) error {
			_, err := s.ReportBootAction(ctx, ulid(1), drydock.ResultSuccess)
			return err
		},
		"AddDesign": func(ctx context.Context, s *store.Store) error {
			_, _, err := s.AddDesign(ctx, []byte("documents"))
			return err
		},
		"Design": func(ctx context.Context, s *store.Store) error { _, err := s.Design(ctx, "digest"); return err },
		"Purge": func(ctx context.Context, s *store.Store) error {
			_, err := s.Purge(ctx, drydock.Retention{TasksOlderThan: 1, BuildDataOlderThan: 1})
			return err
		},
		"AcquireLease": func(ctx context.Context, s *store.Store) error {
			_, err := s.AcquireLease(ctx, uuid.NewString(), "n", time.Hour)
			return err
		},
		"RenewLease":   func(ctx context.Context, s *store.Store) error { _, err := s.RenewLease(ctx, l, time.Hour); return err },
		"ReleaseLease": func(ctx context.Context, s *store.Store) error { return s.ReleaseLease(ctx, l, "why") },
		"CurrentLease": func(ctx context.Context, s *store.Store) error { _, err := s.CurrentLease(ctx); return err },
		"LeaseHistory": func(ctx context.Context, s *store.Store) error { _, err := s.LeaseHistory(ctx, 0); return err },
	}
}

// A call whose context has ended says that it could not do its work, and has not done it.
func TestCancelled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		id := running(t, s, l).ID
		before := state(t, s, id)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancelLate()
		for name, call := range methods(l, id) {
			wantKind(t, name+", cancelled", call(cancelled, s), drydock.ErrUnavailable)
			wantKind(t, name+", too late", call(late, s), drydock.ErrUnavailable)
		}
		if after := state(t, s, id); after != before {
			t.Errorf("a cancelled call wrote:\n%s\n%s", before, after)
		}
		if page, err := s.Tasks(t.Context(), drydock.TaskQuery{}); err != nil || len(page.Tasks) != 1 {
			t.Errorf("%d tasks, error %v", len(page.Tasks), err)
		}
		if now, err := s.CurrentLease(t.Context()); err != nil || now.Term != l.Term {
			t.Errorf("lease %+v, error %v", now, err)
		}
	})
}

// Without tables, as before the first migration, every method fails and says what kind of failure it is; none finds nothing.
func TestNotMigrated(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		var none, bare []string
		for name, call := range methods(drydock.Lease{Holder: uuid.NewString(), Term: 1}, someTask) {
			if name == "Ping" || name == "Migrate" || name == "Migrations" {
				continue
			}
			if err := call(t.Context(), s); err == nil {
				none = append(none, name)
			} else if !hasKind(err) {
				bare = append(bare, name+": "+err.Error())
			}
		}
		if len(none)+len(bare) > 0 {
			t.Errorf("no error from %q; no kind in %d errors, such as %q", none, len(bare), append(bare, "")[0])
		}
	})
}
