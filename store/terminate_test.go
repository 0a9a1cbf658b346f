package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestTerminate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		root := running(t, s, l)
		made, err := s.CreateSubtasks(t.Context(), l, root.ID, []drydock.NewTask{withSubtasks(noop(), noop()), noop(), noop()})
		if err != nil {
			t.Fatal(err)
		}
		done := claim(t, s, l, 1)[0] // the oldest child; its own child stays queued
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, done.ID)
		busy := claim(t, s, l, 1)[0]
		bystander := create(t, s, noop())
		tree, err := s.Subtree(t.Context(), root.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := map[drydock.TaskID]drydock.TaskStatus{}
		var wantChanged []drydock.TaskID
		for _, task := range tree {
			want[task.ID] = map[drydock.TaskStatus]drydock.TaskStatus{
				drydock.StatusQueued:  drydock.StatusTerminated,
				drydock.StatusRunning: drydock.StatusTerminating, drydock.StatusComplete: drydock.StatusComplete,
			}[task.Status]
			if task.ID != done.ID {
				wantChanged = append(wantChanged, task.ID)
			}
		}
		changed, err := s.TerminateTask(t.Context(), root.ID, "admin-with-a-long-name")
		if err != nil || !sameIDs(changed, wantChanged) {
			t.Fatalf("changed %v, want %v, error %v", changed, wantChanged, err)
		}
		for id, status := range want {
			checkTerminated(t, s, id, status)
		}
		if want[busy.ID] != drydock.StatusTerminating || len(made) != 3 {
			t.Errorf("the running child: %s", want[busy.ID])
		}
		wantStatus(t, s, bystander.ID, drydock.StatusQueued)

		kept := state(t, s, root.ID)
		if changed, err = s.TerminateTask(t.Context(), root.ID, "somebody else"); err != nil || len(changed) != 0 {
			t.Errorf("again: changed %v, error %v", changed, err)
		}
		if now := state(t, s, root.ID); now != kept {
			t.Errorf("a second request changed something:\n%s\n%s", kept, now)
		}
	})
}

func checkTerminated(t *testing.T, s *store.Store, id drydock.TaskID, status drydock.TaskStatus) {
	t.Helper()
	task := get(t, s, id)
	if task.Status != status {
		t.Errorf("%s is %s, want %s", id, task.Status, status)
		return
	}
	if status == drydock.StatusComplete {
		if task.Terminate || !task.Terminated.IsZero() || task.TerminatedBy != "" {
			t.Errorf("an ended task was asked to end: %+v", task)
		}
		return
	}
	if !task.Terminate || task.TerminatedBy != "admin-with-a-long-name" {
		t.Errorf("request is not recorded: %+v", task)
	}
	recent(t, "terminated", task.Terminated)
	if status == drydock.StatusTerminated {
		if said := messages(t, s, id); task.Result.Status != drydock.ResultFailure || len(said) != 1 || !strings.Contains(said[0].Text, "admin-with-a-long-name") {
			t.Errorf("result %+v, messages %+v", task.Result, said)
		}
	}
}

func TestTerminateRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.TerminateTask(t.Context(), unknownID, "admin")
		wantKind(t, "unknown", err, drydock.ErrNotFound)
		l := storetest.Lead(t, s)
		ended := running(t, s, l).ID
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, ended)
		if changed, err := s.TerminateTask(t.Context(), ended, "admin"); err != nil || len(changed) != 0 {
			t.Errorf("ended: changed %v, error %v", changed, err)
		}
		id := create(t, s, noop()).ID
		for what, by := range map[string]string{"NUL": "a\x00", "UTF-8": "a\xff", "too long": strings.Repeat("u", drydock.MaxName+1)} {
			_, err := s.TerminateTask(t.Context(), id, by)
			wantInvalid(t, what, err)
		}
		wantStatus(t, s, id, drydock.StatusQueued)
		if _, err := s.TerminateTask(t.Context(), id, strings.Repeat("u", drydock.MaxName)); err != nil {
			t.Errorf("name at the limit: %v", err)
		}
	})
}

// A request to terminate is never lost, whatever the orchestrator writes at the same time, and reaches whatever it creates.
func TestTerminateRaces(t *testing.T) {
	for name, write := range map[string]func(*testing.T, *store.Store, drydock.Lease, drydock.TaskID) error{
		"update": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
			_, err := s.UpdateTask(t.Context(), l, id, func(x *drydock.Task) error { x.Result.Success("n"); return nil })
			return err
		},
		"finish": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
			_, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{ID: id, Result: drydock.Result{Status: drydock.ResultSuccess}}})
			return err
		},
		"create subtasks": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
			_, err := s.CreateSubtasks(t.Context(), l, id, []drydock.NewTask{deep(3), noop()})
			return err
		},
		"requeue": func(t *testing.T, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
			_, err := s.RequeueTasks(t.Context(), l, []drydock.TaskID{id}, "shutting down")
			return err
		},
		"claim": func(t *testing.T, s *store.Store, l drydock.Lease, _ drydock.TaskID) error {
			_, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 100)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				l := storetest.Lead(t, s)
				for range 12 {
					terminateRace(t, s, l, func(id drydock.TaskID) error { return write(t, s, l, id) })
				}
			})
		})
	}
}

func terminateRace(t *testing.T, s *store.Store, l drydock.Lease, write func(drydock.TaskID) error) {
	t.Helper()
	root := running(t, s, l)
	if _, err := s.CreateSubtasks(t.Context(), l, root.ID, []drydock.NewTask{noop(), withSubtasks(noop(), noop())}); err != nil {
		t.Fatal(err)
	}
	var terminated atomic.Bool
	together(4, func(i int) {
		if i == 0 {
			if _, err := s.TerminateTask(t.Context(), root.ID, "admin"); err != nil {
				t.Errorf("terminate: %v", err)
			}
			terminated.Store(true)
			return
		}
		for late := false; !late; {
			late = terminated.Load()
			if err := write(root.ID); err != nil && !errors.Is(err, drydock.ErrConflict) {
				t.Errorf("write: %v", err)
				return
			}
		}
	})
	tree, err := s.Subtree(t.Context(), root.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	finishedFirst := tree[0].Status == drydock.StatusComplete // then the request came too late for the root
	var left []drydock.TaskID
	for _, task := range tree {
		if task.Status == drydock.StatusTerminating {
			left = append(left, task.ID)
		}
		switch {
		case finishedFirst:
		case task.Status != drydock.StatusTerminating && task.Status != drydock.StatusTerminated:
			t.Errorf("%s of the tree is %s after the request", task.ID, task.Status)
		case !task.Terminate || task.TerminatedBy != "admin" || task.Terminated.IsZero():
			t.Errorf("the request is lost: %+v", task)
		}
	}
	// Clear the queue for the next round.
	finish(t, s, l, drydock.Result{Status: drydock.ResultFailure}, left...)
	rest, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 1000)
	if err != nil || (len(rest) > 0 && !finishedFirst) {
		t.Fatalf("%d tasks of a terminated tree are left, error %v", len(rest), err)
	}
	finish(t, s, l, drydock.Result{Status: drydock.ResultFailure}, ids(rest)...)
}

// Two requests for the same tree from its two ends do not lock each other out, and the first one's name stays.
func TestTerminateConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for round := range 6 {
			root := create(t, s, wide(30))
			tree, err := s.Subtree(t.Context(), root.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			var changed atomic.Int32
			together(6, func(i int) {
				id := tree[(i*7)%len(tree)].ID
				got, err := s.TerminateTask(t.Context(), id, fmt.Sprint("admin", i))
				if err != nil {
					t.Errorf("terminate: %v", err)
				}
				changed.Add(int32(len(got)))
			})
			if changed.Load() != int32(len(tree)) {
				t.Errorf("round %d: %d changes of %d tasks", round, changed.Load(), len(tree))
			}
			for _, task := range tree {
				if got := get(t, s, task.ID); got.Status != drydock.StatusTerminated || len(messages(t, s, task.ID)) != 1 {
					t.Errorf("%s is %s", got.ID, got.Status)
				}
			}
		}
	})
}

// Parent and child finish while a request goes down the tree: nobody waits for ever.
func TestTerminateWhileFinishing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		for range 8 {
			create(t, s, wide(15))
			got := claim(t, s, l, 16)
			begin := time.Now()
			together(3, func(i int) {
				switch i {
				case 0:
					if _, err := s.TerminateTask(t.Context(), rootOf(got), "admin"); err != nil {
						t.Errorf("terminate: %v", err)
					}
				default:
					list := make([]drydock.TaskFinish, len(got))
					for n, task := range got {
						at := n
						if i == 2 {
							at = len(got) - 1 - n
						}
						list[at] = drydock.TaskFinish{ID: task.ID, Result: drydock.Result{Status: drydock.ResultSuccess}}
					}
					if _, err := s.FinishTasks(t.Context(), l, list); err != nil {
						t.Errorf("finish: %v", err)
					}
				}
			})
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			for _, task := range got {
				if status := get(t, s, task.ID).Status; !status.Terminal() {
					t.Errorf("%s is %s", task.ID, status)
				}
			}
		}
	})
}

func rootOf(tasks []drydock.Task) drydock.TaskID {
	for _, task := range tasks {
		if task.Parent == "" {
			return task.ID
		}
	}
	return ""
}
