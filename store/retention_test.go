package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const (
	day   = 24 * time.Hour
	month = 30 * day
)

// makeOld sets the creation of tasks back.
func makeOld(t testing.TB, url string, id drydock.TaskID, age time.Duration) {
	t.Helper()
	db := raw(t, url)
	db.exec(t, `UPDATE tasks SET created = `+db.before(age)+` WHERE task_id = `+db.id(id))
}

// endedTree is a root with two generations below it, all ended, a message each and a boot action.
func endedTree(t testing.TB, s *store.Store, l drydock.Lease, n int) []drydock.Task {
	t.Helper()
	root := create(t, s, withSubtasks(noop(), withSubtasks(noop(), noop()), noop()))
	tree := claim(t, s, l, 4)
	for _, task := range tree {
		addMessages(t, s, task.ID, "said", "twice")
	}
	c := bootContext(t, s, fmt.Sprint("node", n), root.ID, byte(n))
	if err := s.AddBootActions(t.Context(), action(c, n, "a", drydock.ResultIncomplete)); err != nil {
		t.Fatal(err)
	}
	finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, ids(tree)...)
	slices.SortFunc(tree, func(a, b drydock.Task) int { // the root first
		if a.ID == root.ID {
			return -1
		}
		if b.ID == root.ID {
			return 1
		}
		return 0
	})
	return tree
}

func TestPurgeTasks(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		l := storetest.Lead(t, s)
		gone, young := endedTree(t, s, l, 0), endedTree(t, s, l, 1)
		makeOld(t, url, gone[0].ID, month+time.Minute) // its children are young: the root decides
		makeOld(t, url, young[1].ID, 3*month)          // an old child of a young root stays
		makeOld(t, url, young[0].ID, month-time.Minute)
		live := endedTree(t, s, l, 2)
		if _, err := s.RetryTask(t.Context(), l, live[3].ID, 1); err == nil {
			t.Fatal("retried a success")
		}
		makeOld(t, url, live[0].ID, 2*month)
		db := raw(t, url)
		db.exec(t, `UPDATE tasks SET status = 'queued', version = version + 1 WHERE task_id = `+db.id(live[3].ID))

		rule := drydock.Retention{TasksOlderThan: month}
		want := drydock.Purged{Trees: 1, Tasks: 4, Messages: 8, BootActions: 1, Live: 1}
		rule.DryRun = true
		for range 2 {
			if got, err := s.Purge(t.Context(), rule); err != nil || got != want {
				t.Errorf("dry run: %+v, want %+v, error %v", got, want, err)
			}
		}
		get(t, s, gone[0].ID)
		rule.DryRun = false
		if got, err := s.Purge(t.Context(), rule); err != nil || got != want {
			t.Errorf("purged: %+v, want %+v, error %v", got, want, err)
		}
		for _, task := range gone {
			_, err := s.Task(t.Context(), task.ID)
			wantKind(t, "a purged task", err, drydock.ErrNotFound)
			if said := messages(t, s, task.ID); len(said) != 0 {
				t.Errorf("%d messages are left", len(said))
			}
		}
		_, err := s.BootAction(t.Context(), ulid(0))
		wantKind(t, "a purged boot action", err, drydock.ErrNotFound)
		for _, task := range append(young, live...) {
			get(t, s, task.ID)
			if said := messages(t, s, task.ID); len(said) != 2 {
				t.Errorf("%d messages of a kept task", len(said))
			}
		}
		want = drydock.Purged{Live: 1}
		if got, err := s.Purge(t.Context(), rule); err != nil || got != want {
			t.Errorf("again: %+v, want %+v, error %v", got, want, err)
		}
	})
}

// Every state that is not an end keeps its tree.
func TestPurgeKeepsLive(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		db := raw(t, url)
		for _, status := range drydock.TaskStatuses {
			root := create(t, s, withSubtasks(noop(), noop()))
			db.exec(t, fmt.Sprintf(`UPDATE tasks SET status = '%s', created = %s WHERE task_id = %s`, status, db.before(month), db.id(root.Subtasks[0])))
			db.exec(t, fmt.Sprintf(`UPDATE tasks SET status = 'complete', created = %s WHERE task_id = %s`, db.before(month), db.id(root.ID)))
			if _, err := s.Purge(t.Context(), drydock.Retention{TasksOlderThan: day}); err != nil {
				t.Fatal(err)
			}
			_, err := s.Task(t.Context(), root.ID)
			if gone := err != nil; gone != status.Terminal() {
				t.Errorf("child %s: purged %v", status, gone)
			}
		}
	})
}

// The key of a purged task is free again.
func TestPurgeFreesKey(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		n := noop()
		n.Key = "k"
		old := create(t, s, n).ID
		if _, err := s.TerminateTask(t.Context(), old, "admin"); err != nil {
			t.Fatal(err)
		}
		makeOld(t, url, old, month)
		if got, err := s.Purge(t.Context(), drydock.Retention{TasksOlderThan: day}); err != nil || got.Tasks != 1 {
			t.Fatalf("purged %+v, error %v", got, err)
		}
		if again := create(t, s, n); again.ID == old {
			t.Error("the same id again")
		}
	})
}

func TestPurgeBuildData(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now := time.Now()
		add := func(node, generator string, days ...int) {
			for _, d := range days {
				addData(t, s, drydock.BuildData{Node: node, Task: someTask, Generator: generator, Data: fmt.Sprint(d), Collected: now.Add(-time.Duration(d) * day)})
			}
		}
		add("n1", "lshw", 1, 40, 50, 60, 70)
		add("n1", "lldp", 40, 50, 60)
		add("n2", "lshw", 90)
		add("n3", "lshw", 1, 2, 3)
		add("n4", "tie", 50, 50, 50, 50)
		for _, c := range []struct {
			keep int
			want int64
			left map[string][]string
		}{
			{3, 2 + 1, map[string][]string{"n1": {"1", "40", "40", "50", "50", "60"}, "n2": {"90"}, "n3": {"1", "2", "3"}, "n4": {"50", "50", "50"}}},
			{1, 2 + 2 + 2, map[string][]string{"n1": {"1", "40"}, "n2": {"90"}, "n3": {"1", "2", "3"}, "n4": {"50"}}},
			{0, 3, map[string][]string{"n1": {"1"}, "n3": {"1", "2", "3"}}},
		} {
			rule := drydock.Retention{BuildDataOlderThan: month, BuildDataKeep: c.keep, DryRun: true}
			dry, err := s.Purge(t.Context(), rule)
			if err != nil {
				t.Fatal(err)
			}
			rule.DryRun = false
			did, err := s.Purge(t.Context(), rule)
			if err != nil || did != dry || did != (drydock.Purged{BuildData: c.want}) {
				t.Errorf("keep %d: dry %+v, real %+v, want %d, error %v", c.keep, dry, did, c.want, err)
			}
			for _, node := range []string{"n1", "n2", "n3", "n4"} {
				got := texts(buildData(t, s, drydock.BuildDataQuery{Nodes: []string{node}}))
				slices.SortFunc(got, func(a, b string) int { return len(a)*100 + int(a[0]) - len(b)*100 - int(b[0]) })
				if !slices.Equal(got, c.left[node]) {
					t.Errorf("keep %d: %s has %q, want %q", c.keep, node, got, c.left[node])
				}
			}
		}
	})
}

func TestPurgeNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		endedTree(t, s, l, 0)
		addData(t, s, data("n", "g", 1, "old"))
		if got, err := s.Purge(t.Context(), drydock.Retention{}); err != nil || got != (drydock.Purged{}) {
			t.Errorf("without an age: %+v, error %v", got, err)
		}
		for _, rule := range []drydock.Retention{{TasksOlderThan: -1}, {BuildDataOlderThan: -1}, {BuildDataOlderThan: 1, BuildDataKeep: -1}} {
			_, err := s.Purge(t.Context(), rule)
			wantInvalid(t, fmt.Sprintf("%+v", rule), err)
		}
	})
}

// More trees and messages than one batch holds, while others write.
func TestPurgeMany(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		const trees = 230
		s := storetest.OpenURL(t, url)
		kept := create(t, s, noop()).ID
		var list []drydock.TaskID
		for range trees {
			list = append(list, create(t, s, noop()).ID)
		}
		if err := s.AddMessages(t.Context(), list[0], make([]drydock.Message, 9000)...); err != nil {
			t.Fatal(err)
		}
		db := raw(t, url)
		db.exec(t, `UPDATE tasks SET status = 'complete', created = `+db.before(month)+` WHERE task_id <> `+db.id(kept))
		rule := drydock.Retention{TasksOlderThan: day, DryRun: true}
		dry, err := s.Purge(t.Context(), rule)
		if err != nil {
			t.Fatal(err)
		}
		rule.DryRun = false
		together(2, func(i int) {
			if i == 0 {
				for range 30 {
					addMessages(t, s, kept, "busy")
				}
				return
			}
			did, err := s.Purge(t.Context(), rule)
			if want := (drydock.Purged{Trees: trees, Tasks: trees, Messages: 9000}); err != nil || did != want || dry != want {
				t.Errorf("dry %+v, real %+v, want %+v, error %v", dry, did, want, err)
			}
		})
		page, err := s.Tasks(t.Context(), drydock.TaskQuery{})
		if err != nil || len(page.Tasks) != 1 || page.Tasks[0].ID != kept {
			t.Errorf("%d tasks are left, error %v", len(page.Tasks), err)
		}
	})
}
