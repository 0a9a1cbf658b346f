package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestTaskCreate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		filter := json.RawMessage(`{"filter_set_type": "union",  "filter_set": [], "é": "\u00e9"}`)
		task := create(t, s, drydock.NewTask{
			Action: drydock.ActionDeployNodes, DesignRef: "deckhand+http://h/api?a=b%20c&d", NodeFilter: filter, CreatedBy: "shipyard-keystone-user", Retry: 2,
		})
		if id, err := drydock.ParseTaskID(string(task.ID)); err != nil || id != task.ID {
			t.Errorf("id %q is not canonical: %v", task.ID, err)
		}
		recent(t, "created", task.Created)
		want := drydock.Task{
			ID: task.ID, Action: drydock.ActionDeployNodes, DesignRef: "deckhand+http://h/api?a=b%20c&d", NodeFilter: filter, Status: drydock.StatusQueued,
			Result: drydock.Result{Status: drydock.ResultIncomplete}, Retry: 2, Version: task.Version, Created: task.Created, CreatedBy: "shipyard-keystone-user",
		}
		wantTask(t, "returned", task, want)
		wantTask(t, "read back", get(t, s, task.ID), want)
		if len(messages(t, s, task.ID)) != 0 {
			t.Error("a new task has messages")
		}
	})
}

// wantTask compares tasks; empty and nil lists are alike.
func wantTask(t testing.TB, what string, got, want drydock.Task) {
	t.Helper()
	if !bytes.Equal(got.NodeFilter, want.NodeFilter) {
		t.Errorf("%s: node filter %s, want %s", what, got.NodeFilter, want.NodeFilter)
	}
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func TestTaskCreateWithoutFilter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, filter := range []json.RawMessage{nil, json.RawMessage("null")} {
			n := noop()
			n.NodeFilter = filter
			if got := get(t, s, create(t, s, n).ID).NodeFilter; got != nil {
				t.Errorf("filter %q comes back as %q, want nil: all nodes", filter, got)
			}
		}
	})
}

func TestTaskCreateTree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		leaf := func(ref string) drydock.NewTask { n := noop(); n.DesignRef = ref; return n }
		root := create(t, s, withSubtasks(leaf("r"), withSubtasks(leaf("a"), leaf("a1"), leaf("a2")), leaf("b"), withSubtasks(leaf("c"), leaf("c1"))))
		tree, err := s.Subtree(t.Context(), root.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		byRef := map[string]drydock.Task{}
		var order []string
		for _, task := range tree {
			byRef[task.DesignRef] = task
			order = append(order, task.DesignRef)
			if task.Status != drydock.StatusQueued {
				t.Errorf("%s is %s", task.DesignRef, task.Status)
			}
			wantTask(t, "alone", get(t, s, task.ID), task)
		}
		wantEqual(t, "breadth first", order, []string{"r", "a", "b", "c", "a1", "a2", "c1"})
		wantEqual(t, "children of the root", root.Subtasks, []drydock.TaskID{byRef["a"].ID, byRef["b"].ID, byRef["c"].ID})
		wantEqual(t, "children of a", byRef["a"].Subtasks, []drydock.TaskID{byRef["a1"].ID, byRef["a2"].ID})
		for child, parent := range map[string]string{"a": "r", "b": "r", "c": "r", "a1": "a", "a2": "a", "c1": "c"} {
			wantEqual(t, "parent of "+child, byRef[child].Parent, byRef[parent].ID)
		}
	})
}

func TestTaskCreateIsAtomic(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		bad := noop()
		bad.DesignRef = "nul \x00"
		_, _, err := s.CreateTask(t.Context(), withSubtasks(noop(), noop(), withSubtasks(noop(), bad)))
		wantInvalid(t, "bad grandchild", err)
		page, err := s.Tasks(t.Context(), drydock.TaskQuery{})
		if err != nil || len(page.Tasks) != 0 {
			t.Errorf("%d tasks are left, error %v", len(page.Tasks), err)
		}
	})
}

func TestTaskIdempotency(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		asked := func(change func(*drydock.NewTask)) drydock.NewTask {
			n := withSubtasks(noop(), noop())
			n.Key, n.NodeFilter = "key-1", json.RawMessage(`{"a":1}`)
			change(&n)
			return n
		}
		same := func(*drydock.NewTask) {}
		first := create(t, s, asked(same))
		wantEqual(t, "key", first.Key, "key-1")
		again, created, err := s.CreateTask(t.Context(), asked(same))
		if err != nil || created {
			t.Fatalf("again: created %v, error %v", created, err)
		}
		wantTask(t, "again", again, get(t, s, first.ID))

		for what, change := range map[string]func(*drydock.NewTask){
			"action":     func(n *drydock.NewTask) { n.Action = drydock.ActionVerifySite },
			"design ref": func(n *drydock.NewTask) { n.DesignRef = "file:///other.yaml" },
			"filter":     func(n *drydock.NewTask) { n.NodeFilter = json.RawMessage(`{"a":2}`) },
			"no filter":  func(n *drydock.NewTask) { n.NodeFilter = nil },
		} {
			_, created, err := s.CreateTask(t.Context(), asked(change))
			wantKind(t, "other "+what, err, drydock.ErrConflict)
			if created {
				t.Errorf("other %s: created", what)
			}
		}
		claim(t, s, storetest.Lead(t, s), 2)
		if again, created, err = s.CreateTask(t.Context(), asked(same)); err != nil || created || again.Status != drydock.StatusRunning {
			t.Errorf("once it runs: created %v, status %s, error %v", created, again.Status, err)
		}
		other := create(t, s, asked(func(n *drydock.NewTask) { n.Key = "key-2" }))
		if other.ID == first.ID {
			t.Error("another key answers the same task")
		}
	})
}

func TestTaskIdempotencyConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 16
		var made atomic.Int32
		var got [n]drydock.TaskID
		together(n, func(i int) {
			ask := withSubtasks(noop(), noop(), noop())
			ask.Key = "same"
			task, created, err := s.CreateTask(t.Context(), ask)
			if err != nil {
				t.Errorf("create: %v", err)
			}
			if created {
				made.Add(1)
			}
			if len(task.Subtasks) != 2 {
				t.Errorf("answer with %d subtasks", len(task.Subtasks))
			}
			got[i] = task.ID
		})
		if made.Load() != 1 {
			t.Errorf("%d callers created", made.Load())
		}
		for _, id := range got {
			if id != got[0] {
				t.Errorf("two tasks for one key: %s and %s", id, got[0])
			}
		}
		page, err := s.Tasks(t.Context(), drydock.TaskQuery{})
		if err != nil || len(page.Tasks) != 3 {
			t.Errorf("%d tasks in the store, want 3, error %v", len(page.Tasks), err)
		}
	})
}

// deep is a chain of so many tasks.
func deep(generations int) drydock.NewTask {
	n := noop()
	for range generations - 1 {
		n = withSubtasks(noop(), n)
	}
	return n
}

func wide(children int) drydock.NewTask {
	n := noop()
	n.Subtasks = make([]drydock.NewTask, children)
	for i := range n.Subtasks {
		n.Subtasks[i] = noop()
	}
	return n
}

func jsonOf(length int) json.RawMessage {
	return json.RawMessage(`{"a":"` + strings.Repeat("x", length-8) + `"}`)
}

func TestTaskLimits(t *testing.T) {
	type ask = func(n *drydock.NewTask, size int)
	cases := []struct {
		field string
		limit int
		words []string
		set   ask
	}{
		{"action", drydock.MaxName, []string{"action"}, func(n *drydock.NewTask, size int) { n.Action = drydock.Action(strings.Repeat("a", size)) }},
		{"creator", drydock.MaxName, []string{"creat", "user"}, func(n *drydock.NewTask, size int) { n.CreatedBy = strings.Repeat("u", size) }},
		{"key", drydock.MaxName, []string{"key"}, func(n *drydock.NewTask, size int) { n.Key = strings.Repeat("k", size) }},
		{"design ref", drydock.MaxDesignRef, []string{"design"}, func(n *drydock.NewTask, size int) { n.DesignRef = strings.Repeat("d", size) }},
		{"node filter", drydock.MaxNodeFilter, []string{"filter"}, func(n *drydock.NewTask, size int) { n.NodeFilter = jsonOf(size) }},
		{"subtasks", drydock.MaxSubtasks, []string{"tasks in one call"}, func(n *drydock.NewTask, size int) { *n = wide(size - 1) }},
		{"depth", drydock.MaxDepth, []string{"deep", "depth", "generation", "nest"}, func(n *drydock.NewTask, size int) { *n = deep(size) }},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, c := range cases {
			n := noop()
			c.set(&n, c.limit)
			if _, _, err := s.CreateTask(t.Context(), n); err != nil {
				t.Errorf("%s of %d: %v", c.field, c.limit, err)
			}
			n = noop()
			c.set(&n, c.limit+1)
			_, _, err := s.CreateTask(t.Context(), n)
			wantInvalid(t, fmt.Sprintf("%s of %d", c.field, c.limit+1), err, c.words...)
		}
	})
}

func TestTaskInvalid(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for what, change := range map[string]func(*drydock.NewTask){
			"no action":          func(n *drydock.NewTask) { n.Action = "" },
			"filter is no JSON":  func(n *drydock.NewTask) { n.NodeFilter = json.RawMessage(`{"a":`) },
			"two JSON values":    func(n *drydock.NewTask) { n.NodeFilter = json.RawMessage(`{} {}`) },
			"NUL in filter":      func(n *drydock.NewTask) { n.NodeFilter = json.RawMessage("{\"a\":\"\x00\"}") },
			"bad UTF-8 filter":   func(n *drydock.NewTask) { n.NodeFilter = json.RawMessage("{\"a\":\"\xff\"}") },
			"negative retry":     func(n *drydock.NewTask) { n.Retry = -1 },
			"subtask, no action": func(n *drydock.NewTask) { n.Subtasks = []drydock.NewTask{{}} },
		} {
			n := noop()
			change(&n)
			_, _, err := s.CreateTask(t.Context(), n)
			wantInvalid(t, what, err)
		}
		for name, set := range map[string]func(*drydock.NewTask, string){
			"action":  func(n *drydock.NewTask, v string) { n.Action = drydock.Action(v) },
			"creat":   func(n *drydock.NewTask, v string) { n.CreatedBy = v },
			"key":     func(n *drydock.NewTask, v string) { n.Key = v },
			"design":  func(n *drydock.NewTask, v string) { n.DesignRef = v },
			"subtask": func(n *drydock.NewTask, v string) { n.Subtasks = []drydock.NewTask{{Action: "noop", DesignRef: v}} },
		} {
			for what, value := range badTexts {
				n := noop()
				set(&n, value)
				_, _, err := s.CreateTask(t.Context(), n)
				wantInvalid(t, what+" in "+name, err, name, "design")
			}
		}
	})
}

// badTexts are strings that PostgreSQL cannot hold, so neither database takes them.
var badTexts = map[string]string{"NUL": "a\x00b", "bad UTF-8": "a\xffb", "half a surrogate": "a\xed\xa0\x80b"}

func TestTaskOddTexts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, text := range []string{`'";--\`, `{a,"b"}`, "[x]", "null", "NULL", `\x00`, "日本語 𝄞", " leading and trailing ", "line\nfeed\ttab", "$1 {clock} %s", "\u200b\ufeff"} {
			n := drydock.NewTask{Action: drydock.Action(text), DesignRef: text, CreatedBy: text, Key: text}
			task := create(t, s, n)
			got := get(t, s, task.ID)
			for field, value := range map[string]string{"action": string(got.Action), "design": got.DesignRef, "creator": got.CreatedBy, "key": got.Key} {
				if value != text {
					t.Errorf("%s %q comes back as %q", field, text, value)
				}
			}
			page, err := s.Tasks(t.Context(), drydock.TaskQuery{Action: drydock.Action(text), CreatedBy: text})
			if err != nil || len(page.Tasks) != 1 {
				t.Errorf("%q: %d found, error %v", text, len(page.Tasks), err)
			}
		}
	})
}

func TestTaskUnknown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.Task(t.Context(), unknownID)
		wantKind(t, "unknown", err, drydock.ErrNotFound)
		for _, id := range []drydock.TaskID{"", "x", "00000000-0000-4000-8000-00000000dea", "zzzzzzzz-0000-4000-8000-00000000dead"} {
			if _, err := s.Task(t.Context(), id); !hasKind(err) {
				t.Errorf("id %q: %v", id, err)
			}
		}
	})
}
