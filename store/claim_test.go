package store_test

import (
	"slices"
	"sync"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestClaim(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		var want []drydock.TaskID
		for range 3 {
			want = append(want, create(t, s, noop()).ID)
		}
		other := noop()
		other.Action = drydock.ActionDeployNodes
		deploy := create(t, s, other)
		before := get(t, s, want[0])

		got := claim(t, s, l, 2)
		wantEqual(t, "the oldest two", ids(got), want[:2])
		for _, task := range got {
			if task.Status != drydock.StatusRunning || task.Attempt != 1 || task.Term != l.Term || task.Version <= before.Version {
				t.Errorf("claimed: %+v", task)
			}
			recent(t, "updated", task.Updated)
			wantTask(t, "read back", get(t, s, task.ID), task)
		}
		more, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop, drydock.ActionVerifySite}, 10)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "the rest of the action", ids(more), want[2:])
		if none, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 10); err != nil || len(none) != 0 {
			t.Errorf("nothing left, yet %v, error %v", ids(none), err)
		}
		if none, err := s.ClaimTasks(t.Context(), l, nil, 10); err != nil || len(none) != 0 {
			t.Errorf("no actions, yet %v, error %v", ids(none), err)
		}
		wantStatus(t, s, deploy.ID, drydock.StatusQueued)
		two, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionDeployNodes}, 1)
		if err != nil || len(two) != 1 || two[0].ID != deploy.ID {
			t.Errorf("other action: %v, error %v", ids(two), err)
		}
	})
}

// The oldest come first whatever their actions: an action of many tasks does not overtake.
func TestClaimOrderAcrossActions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		actions := []drydock.Action{"b", "a", "c"}
		var want []drydock.TaskID
		for i := range 9 {
			n := noop()
			n.Action = actions[i%3]
			want = append(want, create(t, s, n).ID)
		}
		var got []drydock.TaskID
		for range 3 {
			tasks, err := s.ClaimTasks(t.Context(), l, actions, 3)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ids(tasks)...)
		}
		wantEqual(t, "order", got, want)
	})
}

func TestClaimConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const tasks, claimers = 120, 8
		l := storetest.Lead(t, s)
		var want []drydock.TaskID
		for range tasks {
			want = append(want, create(t, s, noop()).ID)
		}
		var mu sync.Mutex
		var got []drydock.TaskID
		together(claimers, func(i int) {
			for {
				mine, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 1+i%4)
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				mu.Lock()
				got = append(got, ids(mine)...)
				all := len(got) >= tasks
				mu.Unlock()
				if len(mine) == 0 && all {
					return
				}
			}
		})
		if !sameIDs(got, want) {
			t.Errorf("%d claims of %d tasks, not each once", len(got), tasks)
		}
		for _, id := range want {
			if task := get(t, s, id); task.Attempt != 1 || task.Status != drydock.StatusRunning {
				t.Fatalf("task %s: attempt %d, %s", id, task.Attempt, task.Status)
			}
		}
	})
}

// Claims go on while tasks are created, by one claim after another until the count is right.
func TestClaimWhileCreating(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const creators, each = 4, 20
		l := storetest.Lead(t, s)
		seen := map[drydock.TaskID]bool{}
		var mu sync.Mutex
		together(creators+2, func(i int) {
			if i < creators {
				for range each {
					create(t, s, noop())
				}
				return
			}
			for done := false; !done; {
				got, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 5)
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				mu.Lock()
				for _, task := range got {
					if seen[task.ID] {
						t.Errorf("%s claimed twice", task.ID)
					}
					seen[task.ID] = true
				}
				done = len(seen) == creators*each || t.Failed()
				mu.Unlock()
			}
		})
	})
}

func TestHeartbeat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		a, b, c := running(t, s, l).ID, running(t, s, l).ID, running(t, s, l).ID
		queued := create(t, s, noop()).ID
		if _, err := s.TerminateTask(t.Context(), b, "admin"); err != nil {
			t.Fatal(err)
		}
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, c)
		alive, err := s.HeartbeatTasks(t.Context(), l, []drydock.TaskID{a, b, c, queued, unknownID})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "alive", alive, map[drydock.TaskID]drydock.TaskStatus{a: drydock.StatusRunning, b: drydock.StatusTerminating})
		if alive, err = s.HeartbeatTasks(t.Context(), l, nil); err != nil || len(alive) != 0 {
			t.Errorf("of nothing: %v, error %v", alive, err)
		}
		ending, err := s.TerminatingTasks(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "terminating", ending, []drydock.TaskID{b})
	})
}

func TestRequeue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		a, b := running(t, s, l), running(t, s, l)
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, b.ID)
		stopping := running(t, s, l)
		if _, err := s.TerminateTask(t.Context(), stopping.ID, "admin"); err != nil {
			t.Fatal(err)
		}
		got, err := s.RequeueTasks(t.Context(), l, []drydock.TaskID{a.ID, b.ID, stopping.ID, unknownID}, "shutting down politely")
		if err != nil || !slices.Equal(got, []drydock.TaskID{a.ID}) {
			t.Fatalf("requeued %v, error %v", got, err)
		}
		wantStatus(t, s, a.ID, drydock.StatusQueued)
		wantStatus(t, s, b.ID, drydock.StatusComplete)
		wantStatus(t, s, stopping.ID, drydock.StatusTerminating)
		said := messages(t, s, a.ID)
		if len(said) != 1 || said[0].Error {
			t.Errorf("messages: %+v", said)
		}
		wantInvalidText(t, s, l)
		next := claim(t, s, l, 1)[0]
		if next.ID != a.ID || next.Attempt != 2 {
			t.Errorf("claimed again: %+v", next)
		}
	})
}

func wantInvalidText(t *testing.T, s *store.Store, l drydock.Lease) {
	t.Helper()
	_, err := s.RequeueTasks(t.Context(), l, []drydock.TaskID{unknownID}, "nul \x00")
	wantInvalid(t, "NUL in the reason", err)
}

func TestQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		q, err := s.Queue(t.Context())
		if err != nil || q.Queued != 0 || q.Running != 0 || q.Terminating != 0 || len(q.ByAction) != 0 {
			t.Errorf("empty: %+v, error %v", q, err)
		}
		l := storetest.Lead(t, s)
		for range 4 {
			create(t, s, noop())
		}
		for range 2 {
			n := noop()
			n.Action = drydock.ActionVerifySite
			create(t, s, n)
		}
		got := claim(t, s, l, 3)
		if _, err := s.TerminateTask(t.Context(), got[0].ID, "admin"); err != nil {
			t.Fatal(err)
		}
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, got[1].ID)
		q, err = s.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "queue", q, drydock.Queue{
			Queued: 3, Running: 1, Terminating: 1,
			ByAction: map[drydock.Action]int{drydock.ActionNoop: 1, drydock.ActionVerifySite: 2},
		})
	})
}
