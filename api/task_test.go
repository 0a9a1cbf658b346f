package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"drydock"
	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

func decode[T any](t *testing.T, a answer, status int) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.StatusCode != status {
		t.Fatalf("status %d, want %d: %v\n%s", a.StatusCode, status, err, a.body)
	}
	return v
}

func TestCreateTask(t *testing.T) {
	s := newService(t, nil)
	const filter = `{"filter_set_type":"union","filter_set":[{"node_names":["n1"],"node_tags":[],"node_labels":{"a":"b"},"rack_names":null,"rack_labels":{},"filter_type":"intersection"}]}`
	for _, c := range []struct {
		body, contentType string
	}{
		{`{"action": "deploy_nodes", "design_ref": "deckhand+https://host/1", "node_filter": ` + filter + `}`, "application/json"},
		{`{"action": "verify_site", "design_ref": "", "node_filter": null}`, "application/json; charset=utf-8"},
		{`{"action": "noop", "design_ref": "x"}`, "Application/JSON;charset=\"UTF-8\""},
	} {
		a := s.do(request{"POST", "/api/v1.0/tasks", c.body, []string{"Content-Type: " + c.contentType, "X-End-User: bob"}})
		task := decode[api.Task](t, a, http.StatusCreated)
		if a.Header.Get("Location") != "/api/v1.0/tasks/"+string(task.TaskID) || task.Status != "queued" || task.CreatedBy != "" || task.Created.IsZero() {
			t.Errorf("%s: %v %s", c.body, a.Header, a.body)
		}
		if strings.Contains(c.body, "union") && string(task.NodeFilter) != filter {
			t.Errorf("node_filter came back as %s", task.NodeFilter)
		}
		if again := s.get(a.Header.Get("Location")); again.body != a.body {
			t.Errorf("GET answers\n%s\nPOST answered\n%s", again.body, a.body)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	s := newService(t, nil)
	post := func(body string) answer {
		return s.do(request{"POST", "/api/v1.0/tasks", body, []string{"Idempotency-Key: k-1"}})
	}
	made := decode[api.Task](t, post(`{"action": "noop", "design_ref": "a"}`), http.StatusCreated)
	s.say(made.TaskID, "!heard")
	again := decode[api.Task](t, post(`{"design_ref": "a", "action": "noop", "node_filter": null}`), http.StatusOK)
	if again.TaskID != made.TaskID || again.Result.Details.ErrorCount != 1 {
		t.Errorf("%+v, want the task %s with its message", again, made.TaskID)
	}
	if body := decode[api.ErrorBody](t, post(`{"action": "noop", "design_ref": "b"}`), http.StatusConflict); body.Retry {
		t.Errorf("%+v", body)
	}
}

func TestListTasks(t *testing.T) {
	s := newService(t, nil)
	root := s.queue(2)
	l := storetest.Lead(t, s.Store)
	running := s.claim(l)
	s.say(running.ID, "one", "!two", "three")
	for query, want := range map[string]int{
		"": 3, "?status=running": 1, "?status=running&status=queued": 3, "?roots=true": 1, "?roots": 1, "?roots=NO": 3, "?parent=" + string(root.ID): 2,
		"?action=noop": 3, "?action=deploy_nodes": 0, "?result=incomplete": 3, "?result=failure": 0, "?node=n9": 0, "?created_by=me": 0,
		"?since=2020-01-01T00:00:00Z": 3, "?since=" + root.Created.Format("2006-01-02+15:04:05.000000-07:00"): 3, "?until=2020-01-01": 0, "?limit=3&messages=false": 3,
	} {
		if list := decode[[]api.Task](t, s.get("/api/v1.0/tasks"+query), http.StatusOK); len(list) != want {
			t.Errorf("%q: %d tasks, want %d", query, len(list), want)
		}
	}
	for query, messages := range map[string]int{"": 3, "&messages=false": 0} {
		list := decode[[]api.Task](t, s.get("/api/v1.0/tasks?status=running"+query), http.StatusOK)
		if d := list[0].Result.Details; len(d.MessageList) != messages || d.ErrorCount != 1 {
			t.Errorf("%q: %+v, want %d messages and one error", query, d, messages)
		}
	}
}

func TestListPages(t *testing.T) {
	s := newService(t, nil)
	for range 7 {
		s.queue()
	}
	var seen []drydock.TaskID
	base, _ := url.Parse("http://host/prefix/api/v1.0/tasks?limit=3&action=noop")
	for range 10 {
		a := s.get(strings.TrimPrefix(base.RequestURI(), "/prefix"))
		list := decode[[]api.Task](t, a, http.StatusOK)
		for i := range list {
			seen = append(seen, list[i].TaskID)
		}
		link := a.Header.Get("Link")
		if link == "" {
			break
		}
		next, err := base.Parse(strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`))
		if err != nil || !strings.HasPrefix(next.Path, "/prefix/api/") || next.Query().Get("limit") != "3" || next.Query().Get("action") != "noop" {
			t.Fatalf("Link %s leads to %v, %v", link, next, err)
		}
		base = next
	}
	if len(seen) != 7 || !slices.IsSortedFunc(seen, func(a, b drydock.TaskID) int { return strings.Compare(string(b), string(a)) }) {
		t.Errorf("the pages held %d tasks: %v, want 7, newest first", len(seen), seen)
	}
}

// counting counts the questions asked.
type counting struct {
	*store.Store
	calls *int
}

func (c counting) MessagesByTask(ctx context.Context, ids []drydock.TaskID) (map[drydock.TaskID][]drydock.Message, error) {
	*c.calls++
	return c.Store.MessagesByTask(ctx, ids)
}

// TestBounds checks that a plain list stops at 1,000 tasks and says so, and asks for messages once.
func TestBounds(t *testing.T) {
	calls := 0
	s := newService(t, func(d *api.Deps, _ *api.Options) { d.Messages = counting{d.Messages.(*store.Store), &calls} })
	root := s.queue(1004)
	a := s.get("/api/v1.0/tasks")
	if list := decode[[]api.Task](t, a, http.StatusOK); len(list) != 1000 || !strings.Contains(a.Header.Get("Link"), `rel="next"`) || calls != 1 {
		t.Errorf("%d tasks, %d queries for messages, Link %q", len(list), calls, a.Header.Get("Link"))
	}
	if l := decode[api.TaskLayers](t, s.get("/api/v1.0/tasks/"+string(root.ID)+"?layers=-1&subtaskerrors=true"), http.StatusOK); len(l.Tasks) != 1005 || calls != 2 {
		t.Errorf("%d tasks in the tree, %d queries for messages", len(l.Tasks), calls)
	}
}

func TestTaskForms(t *testing.T) {
	s := newService(t, nil)
	root := s.queue(2, 1)
	tree, err := s.Subtree(context.Background(), root.ID, 0)
	if err != nil || len(tree) != 5 {
		t.Fatalf("%d tasks, %v", len(tree), err)
	}
	s.say(root.ID, "!of the root itself")
	s.say(tree[4].ID, "fine", "!bad", "!worse")
	path := "/api/v1.0/tasks/" + strings.ToUpper(strings.ReplaceAll(string(root.ID), "-", ""))
	for query, want := range map[string]struct{ tasks, errors int }{ // errors -1: no such member
		"": {0, -1}, "?subtaskerrors=true": {0, 1}, "?layers=0": {0, -1}, "?layers=1": {1, -1}, "?layers=2": {3, -1}, "?layers=2&subtaskerrors": {3, 1},
		"?layers=-1": {5, -1}, "?layers=-1&subtaskerrors=Y": {5, 1}, "?layers=-7": {1, -1}, "?layers=999": {5, -1}, "?layers=1&subtaskerrors=TRUE": {1, 1},
		"?subtaskerrors=off": {0, -1}, "?messages=false&subtaskerrors=1": {0, 1},
	} {
		t.Run(query, func(t *testing.T) {
			a := s.get(path + query)
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(a.body), &members); err != nil || a.StatusCode != http.StatusOK {
				t.Fatalf("%d %v %s", a.StatusCode, err, a.body)
			}
			if want.tasks > 0 && string(members["init_task_id"]) != fmt.Sprintf("%q", root.ID) {
				t.Errorf("init_task_id is %s", members["init_task_id"])
			}
			tasks := 0
			for i := range tree {
				if members[string(tree[i].ID)] != nil {
					tasks++
				}
			}
			if tasks != want.tasks {
				t.Errorf("%d tasks in the layers, want %d: %s", tasks, want.tasks, a.body)
			}
			checkErrors(t, members["subtask_errors"], want.errors, tree[4].ID)
			if strings.Contains(query, "layers=-1") && strings.Contains(string(members[string(tree[4].ID)]), `"details":{"errorCount":2`) == false {
				t.Errorf("the leaf does not count its errors: %s", members[string(tree[4].ID)])
			}
		})
	}
}

func checkErrors(t *testing.T, raw json.RawMessage, want int, leaf drydock.TaskID) {
	t.Helper()
	if want < 0 {
		if raw != nil {
			t.Errorf("subtask_errors was not asked for: %s", raw)
		}
		return
	}
	var found map[string]struct {
		TaskID  string `json:"task_id"`
		Details api.Details
	}
	if err := json.Unmarshal(raw, &found); err != nil || len(found) != want {
		t.Fatalf("subtask_errors: %v %s", err, raw)
	}
	if e := found[string(leaf)]; e.TaskID != string(leaf) || e.Details.ErrorCount != 2 || len(e.Details.MessageList) != 3 {
		t.Errorf("subtask_errors: %s", raw)
	}
}

func TestNoSubtaskErrors(t *testing.T) {
	s := newService(t, nil)
	root := s.queue(1)
	s.say(root.ID, "!only the root")
	if a := s.get("/api/v1.0/tasks/" + string(root.ID) + "?subtaskerrors=true"); !strings.HasSuffix(a.body, `,"retry":0,"subtask_errors":{}}`) {
		t.Error(a.body)
	}
}

func TestTerminate(t *testing.T) {
	s := newService(t, nil)
	root := s.queue(1)
	s.claim(storetest.Lead(t, s.Store))
	path := "/api/v1.0/tasks/" + string(root.ID)
	task := decode[api.Task](t, s.do(request{"POST", path + "/terminate", "", []string{"X-End-User: bob"}}), http.StatusAccepted)
	if task.Status != "terminating" || !task.Terminate || task.TerminatedBy != "bob" || task.Terminated.IsZero() {
		t.Errorf("%+v", task)
	}
	child := decode[api.Task](t, s.get("/api/v1.0/tasks/"+string(task.Subtasks[0])), http.StatusOK)
	if child.Status != "terminated" || child.Result.Status != "failure" || len(child.Result.Details.MessageList) != 1 {
		t.Errorf("%+v", child)
	}
	if again := decode[api.Task](t, s.do(request{method: "POST", path: path + "/terminate"}), http.StatusAccepted); again.TerminatedBy != "bob" {
		t.Errorf("a second request changed %+v", again)
	}
	lone := s.queue()
	task = decode[api.Task](t, s.do(request{method: "POST", path: "/api/v1.0/tasks/" + string(lone.ID) + "/terminate"}), http.StatusAccepted)
	if task.Status != "terminated" || task.TerminatedBy != "" || len(task.Result.Details.MessageList) != 1 {
		t.Errorf("%+v", task)
	}
}

func TestMessages(t *testing.T) {
	s := newService(t, nil)
	task := s.queue()
	path := "/api/v1.0/tasks/" + string(task.ID) + "/messages"
	if a := s.get(path); a.StatusCode != http.StatusOK || a.body != "[]" {
		t.Errorf("a task without messages: %d %s", a.StatusCode, a.body)
	}
	s.say(task.ID, "a", "!b", "c")
	var texts []string
	for next := "?limit=2"; next != ""; {
		a := s.get(path + next)
		for _, m := range decode[[]api.TaskMessage](t, a, http.StatusOK) {
			texts = append(texts, m.Message.Message)
			if m.Sequence == 0 || m.TaskID != task.ID {
				t.Errorf("%+v", m)
			}
		}
		next = strings.TrimSuffix(strings.TrimPrefix(a.Header.Get("Link"), "<messages"), `>; rel="next"`)
	}
	if !slices.Equal(texts, []string{"a", "!b", "c"}) {
		t.Error(texts)
	}
}

// many is a store where every task has one message more than one call gives.
type many struct{ *store.Store }

func (many) message(seq int64) drydock.Message {
	return drydock.Message{Seq: seq, Text: "x", Error: seq%2 == 1, ContextType: "NA", Context: "NA"}
}

func (m many) MessagesByTask(_ context.Context, ids []drydock.TaskID) (map[drydock.TaskID][]drydock.Message, error) {
	all := map[drydock.TaskID][]drydock.Message{}
	for _, id := range ids {
		for seq := range int64(drydock.MaxMessageBatch) {
			all[id] = append(all[id], m.message(seq+1))
		}
	}
	return all, nil
}

func (m many) Messages(_ context.Context, _ drydock.TaskID, after int64, _ int) ([]drydock.Message, error) {
	if after != drydock.MaxMessageBatch {
		return nil, nil
	}
	return []drydock.Message{m.message(after + 1)}, nil
}

func (m many) ErrorCounts(_ context.Context, ids []drydock.TaskID) (map[drydock.TaskID]int, error) {
	counts := map[drydock.TaskID]int{}
	for _, id := range ids {
		counts[id] = drydock.MaxMessageBatch/2 + 1
	}
	return counts, nil
}

// TestManyMessages checks that a single task shows all its messages, however many batches they are, and that lists count them all.
func TestManyMessages(t *testing.T) {
	s := newService(t, func(d *api.Deps, _ *api.Options) { d.Messages = many{d.Tasks.(*store.Store)} })
	s.unchecked()
	task := s.queue()
	path := "/api/v1.0/tasks/" + string(task.ID)
	for query, want := range map[string]int{"": drydock.MaxMessageBatch + 1, "?messages=false": 0} {
		got := decode[api.Task](t, s.get(path+query), http.StatusOK)
		if d := got.Result.Details; len(d.MessageList) != want || d.ErrorCount != drydock.MaxMessageBatch/2+1 {
			t.Errorf("%q: %d messages, %d errors", query, len(d.MessageList), d.ErrorCount)
		}
	}
	if d := decode[[]api.Task](t, s.get("/api/v1.0/tasks"), http.StatusOK)[0].Result.Details; d.ErrorCount != drydock.MaxMessageBatch/2+1 {
		t.Errorf("in a list: %d errors", d.ErrorCount)
	}
}
