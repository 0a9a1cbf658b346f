package store_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// pages is all tasks of a query, page by page.
func pages(t testing.TB, s *store.Store, q drydock.TaskQuery) []drydock.Task {
	t.Helper()
	var all []drydock.Task
	for n := 0; ; n++ {
		page, err := s.Tasks(t.Context(), q)
		if err != nil {
			t.Fatalf("list %+v: %v", q, err)
		}
		if q.Limit > 0 && len(page.Tasks) > q.Limit {
			t.Fatalf("a page of %d, asked for %d", len(page.Tasks), q.Limit)
		}
		all = append(all, page.Tasks...)
		if q.After = page.Next; q.After == "" {
			return all
		}
		if n > 5000 {
			t.Fatalf("the pages of %+v do not end", q)
		}
	}
}

// variety is tasks of every state and result, with parents, creators, nodes and times that differ.
func variety(t *testing.T, s *store.Store) []drydock.Task {
	t.Helper()
	l := storetest.Lead(t, s)
	for i := range 48 {
		n := drydock.NewTask{Action: []drydock.Action{drydock.ActionNoop, drydock.ActionDeployNodes}[i%2], CreatedBy: []string{"", "ann", "bob"}[i%3]}
		if i%4 == 0 {
			n.NodeFilter = json.RawMessage(`{"filter_set": [{"node_names": ["n1", "n2"]}]}`)
		}
		if i%5 == 0 {
			n = withSubtasks(n, noop(), drydock.NewTask{Action: drydock.ActionDeployNodes, CreatedBy: "ann"})
		}
		create(t, s, n)
	}
	both := []drydock.Action{drydock.ActionNoop, drydock.ActionDeployNodes}
	busy, err := s.ClaimTasks(t.Context(), l, both, 16)
	if err != nil {
		t.Fatal(err)
	}
	more, err := s.ClaimTasks(t.Context(), l, both, 16)
	if err != nil {
		t.Fatal(err)
	}
	busy = append(busy, more...)
	results := []drydock.Result{
		{Status: drydock.ResultSuccess, Successes: []string{"n1"}},
		{Status: drydock.ResultFailure, Failures: []string{"n1", "n3"}},
		{Status: drydock.ResultPartial, Successes: []string{"n2"}, Failures: []string{"n10"}},
		{Status: drydock.ResultIncomplete},
	}
	for i, task := range busy {
		if i%3 == 0 {
			continue
		}
		if i%7 == 0 {
			if _, err := s.TerminateTask(t.Context(), task.ID, "admin"); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			finish(t, s, l, results[i/2%4], task.ID)
		}
	}
	return pages(t, s, drydock.TaskQuery{Limit: drydock.MaxPage})
}

// matches is what a query means.
func matches(q drydock.TaskQuery, task drydock.Task) bool {
	onNode := slices.Contains(task.Result.Successes, q.Node) || slices.Contains(task.Result.Failures, q.Node) ||
		strings.Contains(string(task.NodeFilter), `"`+q.Node+`"`)
	return (len(q.Status) == 0 || slices.Contains(q.Status, task.Status)) &&
		(q.Action == "" || q.Action == task.Action) && (q.Result == "" || q.Result == task.Result.Status) &&
		(q.Parent == "" || q.Parent == task.Parent) && (!q.Roots || task.Parent == "") &&
		(q.Node == "" || onNode) && (q.CreatedBy == "" || q.CreatedBy == task.CreatedBy) &&
		(q.Since.IsZero() || !task.Created.Before(q.Since)) && (q.Until.IsZero() || task.Created.Before(q.Until))
}

// choices are the values that each filter is tried with; the first one of each is no restriction.
func choices(all []drydock.Task) []func(q *drydock.TaskQuery, pick int) {
	var parent drydock.TaskID
	for _, task := range all {
		if task.Parent != "" {
			parent = task.Parent
		}
	}
	times := []time.Time{{}, all[len(all)/3].Created, all[2*len(all)/3].Created}
	return []func(*drydock.TaskQuery, int){
		func(q *drydock.TaskQuery, i int) {
			q.Status = [][]drydock.TaskStatus{
				nil,
				{drydock.StatusQueued},
				{drydock.StatusRunning},
				{drydock.StatusRunning, drydock.StatusTerminating},
				{drydock.StatusComplete, drydock.StatusTerminated},
				{"strange"},
				drydock.TaskStatuses,
				{drydock.StatusQueued, drydock.StatusRunning},
			}[i%8]
		},
		func(q *drydock.TaskQuery, i int) {
			q.Action = []drydock.Action{"", drydock.ActionNoop, drydock.ActionDeployNodes, "none"}[i%4]
		},
		func(q *drydock.TaskQuery, i int) {
			q.Result = []drydock.ResultStatus{"", drydock.ResultFailure, drydock.ResultPartial, drydock.ResultSuccess, drydock.ResultIncomplete, "strange"}[i%6]
		},
		func(q *drydock.TaskQuery, i int) { q.Parent = []drydock.TaskID{"", parent, unknownID}[i%3] },
		func(q *drydock.TaskQuery, i int) { q.Roots = i%2 == 1 },
		func(q *drydock.TaskQuery, i int) { q.Node = []string{"", "n1", "n2", "n3", "n", "n10"}[i%6] },
		func(q *drydock.TaskQuery, i int) { q.CreatedBy = []string{"", "ann", "bob", "an"}[i%4] },
		func(q *drydock.TaskQuery, i int) { q.Since = times[i%3] },
		func(q *drydock.TaskQuery, i int) { q.Until = times[(i+i/3)%3] },
	}
}

// Every filter alone, every two together, and some of more, by pages of several sizes.
func TestTasksFilter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		all := variety(t, s)
		filters := choices(all)
		check := func(q drydock.TaskQuery) {
			t.Helper()
			var want []drydock.TaskID
			for _, task := range all {
				if matches(q, task) {
					want = append(want, task.ID)
				}
			}
			if got := ids(pages(t, s, q)); !slices.Equal(got, want) {
				t.Errorf("%+v:\n got %v\nwant %v", q, got, want)
			}
		}
		for i, one := range filters {
			for pick := range 8 {
				q := drydock.TaskQuery{Limit: []int{0, 3, 10}[pick%3]}
				one(&q, pick)
				check(q)
				for _, two := range filters[:i] {
					both := q
					two(&both, 1+pick%2)
					check(both)
				}
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 150 {
			q := drydock.TaskQuery{Limit: 1 + random.IntN(50)}
			for _, f := range filters {
				if random.IntN(3) == 0 {
					f(&q, random.IntN(8))
				}
			}
			check(q)
		}
	})
}

func TestTasksNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []drydock.TaskID
		for range 30 {
			want = append(want, create(t, s, noop()).ID)
		}
		slices.Reverse(want)
		wantEqual(t, "all", ids(pages(t, s, drydock.TaskQuery{Limit: 7})), want)
		page, err := s.Tasks(t.Context(), drydock.TaskQuery{Limit: drydock.MaxPage})
		if err != nil || len(page.Tasks) != 30 {
			t.Fatalf("%d tasks, error %v", len(page.Tasks), err)
		}
		wantTask(t, "a listed task", page.Tasks[0], get(t, s, want[0]))
		for range drydock.DefaultPage {
			create(t, s, noop())
		}
		if page, err = s.Tasks(t.Context(), drydock.TaskQuery{}); err != nil || len(page.Tasks) != drydock.DefaultPage || page.Next == "" {
			t.Errorf("the default page holds %d, error %v", len(page.Tasks), err)
		}
	})
}

// Paging visits what was there exactly once while tasks are added.
func TestTasksPagesWhileCreating(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []drydock.TaskID
		for range 20 {
			root := create(t, s, wide(3))
			want = append(append(want, root.ID), root.Subtasks...)
		}
		var stop atomic.Bool
		together(3, func(i int) {
			if i > 0 {
				for !stop.Load() {
					create(t, s, noop())
				}
				return
			}
			defer stop.Store(true)
			for _, q := range []drydock.TaskQuery{{Limit: 7}, {Limit: 1}, {Limit: 13, Action: drydock.ActionNoop}, {Limit: 9, Status: []drydock.TaskStatus{drydock.StatusQueued}}} {
				times := map[drydock.TaskID]int{}
				for _, id := range ids(pages(t, s, q)) {
					times[id]++
				}
				for _, id := range want {
					if times[id] != 1 {
						t.Errorf("%s was visited %d times", id, times[id])
					}
				}
				for id, n := range times {
					if n != 1 {
						t.Errorf("%s was visited %d times", id, n)
					}
				}
			}
		})
	})
}

// Equal times of creation do not hide or repeat anything.
func TestTasksPagesOfEqualTimes(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		root := create(t, s, wide(40))
		db := raw(t, url)
		db.exec(t, `UPDATE tasks SET created = `+db.before(time.Hour))
		for _, limit := range []int{1, 7, 41} {
			if got := ids(pages(t, s, drydock.TaskQuery{Limit: limit})); !sameIDs(got, append(slices.Clone(root.Subtasks), root.ID)) {
				t.Errorf("by %d: %d of 41, or some twice", limit, len(got))
			}
		}
		if got, err := s.Subtree(t.Context(), root.ID, 0); err != nil || len(got) != 41 || got[0].ID != root.ID {
			t.Errorf("tree: %d tasks, error %v", len(got), err)
		}
	})
}

func TestTasksRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for what, q := range map[string]drydock.TaskQuery{
			"negative limit": {Limit: -1}, "huge limit": {Limit: drydock.MaxPage + 1}, "bad cursor": {After: "garbage"}, "NUL cursor": {After: "\x00\xff"},
			"long cursor": {After: strings.Repeat("A", 5000)},
		} {
			_, err := s.Tasks(t.Context(), q)
			wantInvalid(t, what, err)
		}
		// What cannot be stored is not found, or refused; never an error without a kind.
		for _, text := range badTexts {
			for _, q := range []drydock.TaskQuery{
				{Action: drydock.Action(text)},
				{CreatedBy: text},
				{Node: text},
				{Result: drydock.ResultStatus(text)},
				{Status: []drydock.TaskStatus{drydock.TaskStatus(text)}},
				{Parent: drydock.TaskID(text)},
			} {
				page, err := s.Tasks(t.Context(), q)
				if err != nil && !errors.Is(err, drydock.ErrInvalid) || len(page.Tasks) > 0 {
					t.Errorf("%+v: %d found, error %v", q, len(page.Tasks), err)
				}
			}
		}
		if _, err := s.Tasks(t.Context(), drydock.TaskQuery{Node: `a%_"'\`}); err != nil {
			t.Errorf("a node of odd characters: %v", err)
		}
		if _, err := s.Tasks(t.Context(), drydock.TaskQuery{Since: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
			t.Errorf("far away: %v", err)
		}
		if _, err := s.Tasks(t.Context(), drydock.TaskQuery{Action: drydock.Action("x' OR 1=1 --")}); err != nil {
			t.Errorf("a quote: %v", err)
		}
	})
}
