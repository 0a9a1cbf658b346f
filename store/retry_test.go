package store_test

import (
	"slices"
	"strings"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestRetry(t *testing.T) {
	cases := []struct {
		name                string
		status              drydock.ResultStatus
		successes, failures []string
		retry, max          int
		again               bool
		want                drydock.ResultStatus
	}{
		{"nothing failed", drydock.ResultSuccess, []string{"a"}, []string{"b"}, 0, 3, false, ""},
		{"no node failed", drydock.ResultFailure, nil, nil, 0, 3, false, ""},
		{"failed", drydock.ResultFailure, nil, []string{"b"}, 0, 3, true, drydock.ResultIncomplete},
		{"partly", drydock.ResultPartial, []string{"a"}, []string{"b"}, 0, 3, true, drydock.ResultSuccess},
		{"last try", drydock.ResultFailure, nil, []string{"b"}, 2, 3, true, drydock.ResultIncomplete},
		{"used up", drydock.ResultFailure, nil, []string{"b"}, 3, 3, false, ""},
		{"no tries at all", drydock.ResultFailure, nil, []string{"b"}, 0, 0, false, ""},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		for _, c := range cases {
			n := noop()
			n.Retry = c.retry
			create(t, s, n)
			id := claim(t, s, l, 1)[0].ID
			finish(t, s, l, drydock.Result{Status: c.status, Successes: c.successes, Failures: c.failures}, id)
			before := get(t, s, id)
			got, err := s.RetryTask(t.Context(), l, id, c.max)
			if !c.again {
				wantKind(t, c.name, err, drydock.ErrConflict)
				wantTask(t, c.name+" unchanged", get(t, s, id), before)
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if got.Status != drydock.StatusQueued || got.Retry != c.retry+1 || got.Result.Status != c.want || !slices.Equal(got.Result.Failures, c.failures) ||
				got.Version <= before.Version {
				t.Errorf("%s: %+v", c.name, got)
			}
			wantTask(t, c.name+" read back", get(t, s, id), got)
			if said := messages(t, s, id); len(said) != 1 || said[0].Error {
				t.Errorf("%s: messages %+v", c.name, said)
			}
			if next := claim(t, s, l, 1)[0]; next.ID != id || next.Attempt != 2 {
				t.Errorf("%s: claimed next %+v", c.name, next)
			}
		}
	})
}

func TestRetryOnlyWhatEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		queued := create(t, s, noop()).ID
		_, err := s.RetryTask(t.Context(), l, queued, 3)
		wantKind(t, "queued", err, drydock.ErrConflict)
		_, err = s.RetryTask(t.Context(), l, unknownID, 3)
		wantKind(t, "unknown", err, drydock.ErrNotFound)
		if _, err := s.TerminateTask(t.Context(), queued, "admin"); err != nil {
			t.Fatal(err)
		}
		_, err = s.RetryTask(t.Context(), l, queued, 3)
		wantKind(t, "terminated", err, drydock.ErrConflict)
		wantStatus(t, s, queued, drydock.StatusTerminated)
	})
}

func TestRollup(t *testing.T) {
	type child struct {
		action drydock.Action
		result drydock.Result
	}
	deploy, other := drydock.ActionDeployNodes, drydock.ActionNoop
	children := []child{
		{deploy, drydock.Result{Status: drydock.ResultSuccess, Successes: []string{"n1", "n2"}}},
		{other, drydock.Result{Status: drydock.ResultFailure, Successes: []string{"n9"}, Failures: []string{"n3"}}},
		{deploy, drydock.Result{Status: drydock.ResultPartial, Successes: []string{"n2", "n4"}, Failures: []string{"n5"}}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		parent := running(t, s, l)
		for _, c := range children {
			n := noop()
			n.Action = c.action
			made, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{n})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.ClaimTasks(t.Context(), l, []drydock.Action{c.action}, 1); err != nil || len(got) != 1 {
				t.Fatalf("claim: %v, %v", got, err)
			}
			finish(t, s, l, c.result, made[0].ID)
		}
		if _, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{noop()}); err != nil { // has not ended: does not count
			t.Fatal(err)
		}
		tree, err := s.Subtree(t.Context(), parent.ID, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, filter := range []drydock.Action{"", deploy, other, "none"} {
			before := get(t, s, parent.ID)
			want := drydock.Rollup(before.Result, before.Retry, tree[1:], filter)
			got, err := s.RollupTask(t.Context(), l, parent.ID, filter)
			if err != nil {
				t.Fatal(err)
			}
			wantTask(t, "returned is stored", got, get(t, s, parent.ID))
			if got.Status != drydock.StatusRunning || got.Result.Status != want.Status ||
				!slices.Equal(got.Result.Successes, want.Successes) || !slices.Equal(got.Result.Failures, want.Failures) {
				t.Errorf("filter %q:\n got %+v\nwant %+v", filter, got.Result, want)
			}
		}
		_, err = s.RollupTask(t.Context(), l, unknownID, "")
		wantKind(t, "unknown", err, drydock.ErrNotFound)
	})
}

func TestAdopt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		repeatable, stopping := running(t, s, l).ID, running(t, s, l).ID
		n := noop()
		n.Action = drydock.ActionDeployNodes
		hardware := create(t, s, n).ID
		if _, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionDeployNodes}, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.TerminateTask(t.Context(), stopping, "admin"); err != nil {
			t.Fatal(err)
		}
		done, queued := running(t, s, l).ID, create(t, s, noop()).ID
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, done)
		if got, err := s.AdoptTasks(t.Context(), l, nil); err != nil || len(got.Requeued)+len(got.Failed)+len(got.Terminated) != 0 {
			t.Errorf("own tasks adopted: %+v, error %v", got, err)
		}

		next := storetest.Depose(t, s, l)
		got, err := s.AdoptTasks(t.Context(), next, []drydock.Action{drydock.ActionNoop})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "adoption", got, drydock.Adoption{
			Requeued: []drydock.TaskID{repeatable}, Failed: []drydock.TaskID{hardware}, Terminated: []drydock.TaskID{stopping},
		})
		wantStatus(t, s, repeatable, drydock.StatusQueued)
		wantStatus(t, s, hardware, drydock.StatusComplete)
		wantStatus(t, s, stopping, drydock.StatusTerminated)
		wantStatus(t, s, done, drydock.StatusComplete)
		wantStatus(t, s, queued, drydock.StatusQueued)
		if r := get(t, s, hardware).Result; r.Status != drydock.ResultFailure || r.ErrorCount != 1 {
			t.Errorf("result of the failed one: %+v", r)
		}
		said := messages(t, s, hardware)
		if len(said) != 1 || !said[0].Error || !strings.Contains(said[0].Text, "leader") {
			t.Errorf("messages of the failed one do not name the dead leader: %+v", said)
		}
		if r := get(t, s, stopping).Result; r.Status != drydock.ResultFailure {
			t.Errorf("result of the terminated one: %+v", r)
		}
		if got, err = s.AdoptTasks(t.Context(), next, []drydock.Action{drydock.ActionNoop}); err != nil || len(got.Requeued)+len(got.Failed)+len(got.Terminated) != 0 {
			t.Errorf("adopted twice: %+v, error %v", got, err)
		}
	})
}

// What is reported is what happened, also where a task is decided on by itself and again by what becomes of its parent.
func TestAdoptTree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		n := withSubtasks(noop(), noop(), withSubtasks(noop(), noop()), noop())
		n.Action = drydock.ActionDeployNodes
		create(t, s, n)
		if got, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionDeployNodes}, 1); err != nil || len(got) != 1 {
			t.Fatalf("claimed %v, error %v", got, err)
		}
		claim(t, s, l, 2)
		l = storetest.Depose(t, s, l)
		got, err := s.AdoptTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop})
		if err != nil {
			t.Fatal(err)
		}
		for what, list := range map[drydock.TaskStatus][]drydock.TaskID{
			drydock.StatusQueued: got.Requeued, drydock.StatusComplete: got.Failed, drydock.StatusTerminated: got.Terminated,
		} {
			for _, id := range list {
				if task := get(t, s, id); task.Status != what {
					t.Errorf("a task reported as %s is %s", what, task.Status)
				}
			}
		}
		if len(got.Failed) != 1 {
			t.Errorf("adoption: %+v", got)
		}
	})
}

// A repeatable task that takes its leader down with it is not repeated for ever.
func TestAdoptGivesUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		id := create(t, s, noop()).ID
		for attempt := 1; attempt <= 3; attempt++ {
			if got := claim(t, s, l, 1)[0]; got.ID != id || got.Attempt != attempt {
				t.Fatalf("attempt %d: %+v", attempt, got)
			}
			l = storetest.Depose(t, s, l)
			got, err := s.AdoptTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop})
			if err != nil {
				t.Fatal(err)
			}
			if attempt < 3 && len(got.Requeued) != 1 || attempt == 3 && len(got.Failed) != 1 {
				t.Fatalf("after attempt %d: %+v", attempt, got)
			}
		}
		wantStatus(t, s, id, drydock.StatusComplete)
	})
}

// Only dead leaders count: what was given back in order, or tried again after failures, is still worth adopting.
func TestAdoptCountsDeadLeaders(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		id := running(t, s, l).ID
		for range 3 {
			if got, err := s.RequeueTasks(t.Context(), l, []drydock.TaskID{id}, "restart"); err != nil || len(got) != 1 {
				t.Fatalf("requeued %v, error %v", got, err)
			}
			claim(t, s, l, 1)
			finish(t, s, l, drydock.Result{Status: drydock.ResultFailure, Failures: []string{"n1"}}, id)
			if _, err := s.RetryTask(t.Context(), l, id, 9); err != nil {
				t.Fatal(err)
			}
			claim(t, s, l, 1)
		}
		l = storetest.Depose(t, s, l)
		if got, err := s.AdoptTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}); err != nil || len(got.Requeued) != 1 {
			t.Errorf("adoption %+v, error %v", got, err)
		}
	})
}
