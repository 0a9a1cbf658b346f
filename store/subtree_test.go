package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestSubtree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		root := create(t, s, withSubtasks(noop(), withSubtasks(noop(), noop(), deep(3)), noop(), withSubtasks(noop(), noop())))
		create(t, s, deep(2)) // another tree
		for depth, want := range map[int]int{0: 9, 1: 1, 2: 4, 3: 7, 4: 8, 5: 9, 60: 9} {
			tree, err := s.Subtree(t.Context(), root.ID, depth)
			if err != nil || len(tree) != want {
				t.Errorf("depth %d: %d tasks, want %d, error %v", depth, len(tree), want, err)
			}
			if len(tree) > 0 {
				wantTask(t, "root", tree[0], get(t, s, root.ID))
			}
		}
		tree, err := s.Subtree(t.Context(), root.Subtasks[0], 0)
		if err != nil || len(tree) != 5 || tree[0].ID != root.Subtasks[0] || tree[0].Parent != root.ID {
			t.Errorf("from the middle: %d tasks, error %v", len(tree), err)
		}
		_, err = s.Subtree(t.Context(), unknownID, 0)
		wantKind(t, "unknown", err, drydock.ErrNotFound)
		_, err = s.Subtree(t.Context(), root.ID, -1)
		wantInvalid(t, "negative depth", err)
	})
}

func TestCreateSubtasks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		parent := running(t, s, l)
		var ask []drydock.NewTask
		for i := range 5 {
			n := noop()
			n.DesignRef = fmt.Sprint(i)
			ask = append(ask, n)
		}
		made, err := s.CreateSubtasks(t.Context(), l, parent.ID, ask)
		if err != nil || len(made) != 5 {
			t.Fatalf("%d made, error %v", len(made), err)
		}
		for i, child := range made {
			if child.DesignRef != fmt.Sprint(i) || child.Parent != parent.ID || child.Status != drydock.StatusQueued {
				t.Errorf("child %d: %+v", i, child)
			}
			wantTask(t, "read back", get(t, s, child.ID), child)
		}
		wantEqual(t, "the parent's list", get(t, s, parent.ID).Subtasks, ids(made))
		more, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{withSubtasks(noop(), noop())})
		if err != nil || len(more) != 1 || len(more[0].Subtasks) != 1 {
			t.Fatalf("with a grandchild: %+v, error %v", more, err)
		}
		wantEqual(t, "the parent's list", get(t, s, parent.ID).Subtasks, append(ids(made), more[0].ID))
		if none, err := s.CreateSubtasks(t.Context(), l, parent.ID, nil); err != nil || len(none) != 0 {
			t.Errorf("none: %v, error %v", none, err)
		}
	})
}

func TestCreateSubtasksKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		parent := running(t, s, l)
		keyed := func(key string) drydock.NewTask { n := noop(); n.Key = key; return n }
		first, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{keyed("a"), keyed("b")})
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{keyed("c"), keyed("b"), keyed("a")})
		if err != nil || len(second) != 3 {
			t.Fatalf("%d, error %v", len(second), err)
		}
		wantEqual(t, "known keys answer what is there", []drydock.TaskID{second[1].ID, second[2].ID}, []drydock.TaskID{first[1].ID, first[0].ID})
		if got := get(t, s, parent.ID).Subtasks; len(got) != 3 {
			t.Errorf("%d children, want 3", len(got))
		}
	})
}

func TestCreateSubtasksConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const callers, each = 8, 6
		l := storetest.Lead(t, s)
		parent := running(t, s, l)
		var mu sync.Mutex
		var made []drydock.TaskID
		together(callers, func(int) {
			for range each {
				got, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{noop(), noop()})
				if err != nil {
					t.Errorf("create: %v", err)
					return
				}
				mu.Lock()
				made = append(made, ids(got)...)
				mu.Unlock()
			}
		})
		if got := get(t, s, parent.ID).Subtasks; len(got) != callers*each*2 || !sameIDs(got, made) {
			t.Errorf("the parent lists %d children, %d were made", len(got), len(made))
		}
	})
}

func TestCreateSubtasksRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		add := func(parent drydock.TaskID) error {
			_, err := s.CreateSubtasks(t.Context(), l, parent, []drydock.NewTask{noop()})
			return err
		}
		wantKind(t, "unknown parent", add(unknownID), drydock.ErrNotFound)
		ended, stopping := running(t, s, l).ID, running(t, s, l).ID
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, ended)
		if _, err := s.TerminateTask(t.Context(), stopping, "admin"); err != nil {
			t.Fatal(err)
		}
		busy := running(t, s, l).ID
		queued := create(t, s, noop()).ID
		for what, parent := range map[string]drydock.TaskID{"queued": queued, "ended": ended, "terminating": stopping} {
			wantKind(t, what+" parent", add(parent), drydock.ErrConflict)
			if n := len(get(t, s, parent).Subtasks); n != 0 {
				t.Errorf("%s parent has %d children", what, n)
			}
		}
		_, err := s.CreateSubtasks(t.Context(), l, busy, wide(drydock.MaxSubtasks+1).Subtasks)
		wantInvalid(t, "too many", err, "tasks in one call")
		_, err = s.CreateSubtasks(t.Context(), l, busy, []drydock.NewTask{noop(), {Action: "noop", DesignRef: "\x00"}})
		wantInvalid(t, "one is bad", err, "design")
		if n := len(get(t, s, busy).Subtasks); n != 0 {
			t.Errorf("%d children of refused calls", n)
		}
	})
}

// A tree that is too large for one answer is refused, and its upper generations can still be had.
func TestSubtreeTooLarge(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, db := storetest.OpenURL(t, url), raw(t, url)
		if db.sqlite && raced {
			return // reading so much takes minutes, and PostgreSQL's side runs the same code
		}
		words := planWords(db.sqlite, time.Now())
		root := create(t, s, noop())
		db.exec(t, `INSERT INTO tasks (task_id, parent_task_id, status, created, action) SELECT `+fmt.Sprintf(words.id, "s.n")+`, `+db.id(root.ID)+
			`, 'complete', `+words.now+`, 'noop' FROM `+words.rows(drydock.MaxTree))
		_, err := s.Subtree(t.Context(), root.ID, 0)
		wantInvalid(t, "everything", err, fmt.Sprint(drydock.MaxTree))
		if top, err := s.Subtree(t.Context(), root.ID, 1); err != nil || len(top) != 1 {
			t.Errorf("the root alone: %d, error %v", len(top), err)
		}
		db.exec(t, `DELETE FROM tasks WHERE task_id = `+db.id(planID(77)))
		if all, err := s.Subtree(t.Context(), root.ID, 0); err != nil || len(all) != drydock.MaxTree {
			t.Errorf("as many as one answer holds: %d, error %v", len(all), err)
		}
	})
}
