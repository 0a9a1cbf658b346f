package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

func TestClientRoundTrip(t *testing.T) {
	s := newService(t, nil)
	ctx, c := context.Background(), s.client
	req := api.CreateTaskRequest{
		Action: drydock.ActionDeployNodes, DesignRef: "file:///a?b=<c>&d", NodeFilter: json.RawMessage(`{"filter_set_type":"union","filter_set":[]}`), Key: "k",
	}
	made, created, err := c.CreateTask(ctx, req)
	if err != nil || !created || made.DesignRef != req.DesignRef || string(made.NodeFilter) != string(req.NodeFilter) {
		t.Fatalf("%+v, %v, %v", made, created, err)
	}
	if again, created, err := c.CreateTask(ctx, req); err != nil || created || again.TaskID != made.TaskID {
		t.Errorf("again: %+v, %v, %v", again, created, err)
	}
	root := s.queue(1, 1)
	s.say(root.Subtasks[0], "!bad")
	if err := s.AddBuildData(ctx, drydock.BuildData{Node: "n 1/2", Task: root.ID, Generator: "g", Format: "text/plain", Data: "x"}); err != nil {
		t.Fatal(err)
	}
	task, err := c.Task(ctx, string(root.ID), api.TaskOptions{BuildData: true, SubtaskErrors: true})
	if err != nil || len(task.BuildData) != 1 || len(task.Errors) != 1 || task.Errors[0].Details.ErrorCount != 1 || !task.Created.Equal(root.Created) {
		t.Errorf("%+v, %v", task, err)
	}
	layers, err := c.TaskLayers(ctx, string(root.ID), -1, api.TaskOptions{NoMessages: true})
	if err != nil || len(layers.Tasks) != 3 || layers.InitTaskID != root.ID || layers.Errors != nil || len(layers.Tasks[1].Result.Details.MessageList) != 0 {
		t.Errorf("%+v, %v", layers, err)
	}
	messages, more, err := c.Messages(ctx, string(root.Subtasks[0]), 0, 1)
	if err != nil || !more || len(messages) != 1 || !messages[0].Error {
		t.Errorf("%+v, %v, %v", messages, more, err)
	}
	for name, list := range map[string]func(context.Context, string, api.Page) ([]api.BuildData, string, error){"all": c.NodeBuildData, "latest": c.LatestBuildData} {
		if data, next, err := list(ctx, "n 1/2", api.Page{Limit: 5}); err != nil || len(data) != 1 || next != "" || data[0].Node != "n 1/2" {
			t.Errorf("%s: %+v, %q, %v", name, data, next, err)
		}
	}
	if data, _, err := c.TaskBuildData(ctx, string(root.ID), api.Page{}); err != nil || len(data) != 1 {
		t.Errorf("%+v, %v", data, err)
	}
	ended, err := c.Terminate(ctx, string(root.ID), "bob")
	if err != nil || ended.Status != "terminated" || ended.TerminatedBy != "bob" {
		t.Errorf("%+v, %v", ended, err)
	}
	if p, err := c.Purge(ctx, api.PurgeRequest{Days: 3, DryRun: true}); err != nil || p.Days != 3 || !p.DryRun {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestClientLists(t *testing.T) {
	s := newService(t, nil)
	s.queue(4)
	s.claim(storetest.Lead(t, s.Store))
	q := api.TaskListQuery{NoMessages: true, TaskQuery: drydock.TaskQuery{
		Status: []drydock.TaskStatus{"queued", "running"}, Action: "noop", Result: "incomplete", Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), Limit: 2,
	}}
	n := 0
	for pages := 0; pages < 9; pages++ {
		tasks, next, err := s.client.Tasks(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		n += len(tasks)
		if q.After = next; next == "" {
			break
		}
	}
	if n != 5 {
		t.Errorf("the pages held %d tasks, want 5", n)
	}
	roots, _, err := s.client.Tasks(context.Background(), api.TaskListQuery{TaskQuery: drydock.TaskQuery{Roots: true}})
	if err != nil || len(roots) != 1 {
		t.Errorf("%d roots, %v", len(roots), err)
	}
	children, _, err := s.client.Tasks(context.Background(), api.TaskListQuery{TaskQuery: drydock.TaskQuery{Parent: roots[0].TaskID}})
	if err != nil || len(children) != 4 {
		t.Errorf("%d children, %v", len(children), err)
	}
}

func TestClientKinds(t *testing.T) {
	s := newService(t, nil)
	ctx, c := context.Background(), s.client
	if _, err := c.Task(ctx, id0, api.TaskOptions{}); !errors.Is(err, drydock.ErrNotFound) || !strings.Contains(err.Error(), "Task "+id0+" does not exist") {
		t.Errorf("unknown task: %v", err)
	}
	if _, err := c.Task(ctx, "a/b?c", api.TaskOptions{}); !errors.Is(err, drydock.ErrInvalid) {
		t.Errorf("malformed id: %v", err)
	}
	if _, _, err := c.CreateTask(ctx, api.CreateTaskRequest{Action: "fly"}); !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "Unsupported action fly") {
		t.Errorf("unknown action: %v", err)
	}
	for _, ref := range []string{"a", "b"} {
		_, _, err := c.CreateTask(ctx, api.CreateTaskRequest{Action: "noop", DesignRef: ref, Key: "k"})
		if (ref == "b") != errors.Is(err, drydock.ErrConflict) {
			t.Errorf("key used for %s: %v", ref, err)
		}
	}
	if _, _, err := c.NodeBuildData(ctx, "n1", api.Page{}); !errors.Is(err, drydock.ErrNotFound) {
		t.Errorf("no build data: %v", err)
	}
}

// TestClientUnreachable checks what is said when nothing, or something else, is at the address.
func TestClientUnreachable(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + free.Addr().String()
	_ = free.Close()
	ctx := context.Background()
	c, err := api.NewClient(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(ctx)
	if !errors.Is(err, drydock.ErrUnavailable) || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "drydock serve") {
		t.Errorf("nothing there: %v", err)
	}
	if _, _, err := c.CreateTask(ctx, api.CreateTaskRequest{}); !errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, drydock.ErrUnknown) {
		t.Errorf("nothing there to create a task: %v", err)
	}
	if err := c.Follow(ctx, id0, 0, nil); !errors.Is(err, drydock.ErrUnavailable) {
		t.Errorf("nothing there to follow: %v", err)
	}
}

func TestClientOddServers(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		get    error // nil: an error without a kind
		post   error
	}{
		"html":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, drydock.ErrUnavailable, drydock.ErrUnavailable},
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, nil, nil},
		"gateway":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, drydock.ErrUnavailable, drydock.ErrUnavailable},
		"hang up":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, drydock.ErrUnavailable, drydock.ErrUnknown},
		"login":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, drydock.ErrDenied, drydock.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			client, err := api.NewClient(server.URL, server.Client())
			if err != nil {
				t.Fatal(err)
			}
			_, getErr := client.Status(context.Background())
			_, _, postErr := client.CreateTask(context.Background(), api.CreateTaskRequest{})
			for what, p := range map[string][2]error{"get": {getErr, c.get}, "post": {postErr, c.post}} {
				if p[0] == nil || p[1] != nil && !errors.Is(p[0], p[1]) || p[1] == nil && errors.Is(p[0], drydock.ErrUnavailable) {
					t.Errorf("%s: %v, want %v", what, p[0], p[1])
				}
				if errors.Is(p[0], drydock.ErrUnknown) != errors.Is(p[1], drydock.ErrUnknown) {
					t.Errorf("%s: %v, want %v", what, p[0], p[1])
				}
			}
		})
	}
}

// TestClientAddress checks which addresses are taken, and that a path in front is kept.
func TestClientAddress(t *testing.T) {
	for _, bad := range []string{"", "localhost:9000", "ftp://host", "http://", "http://host?x=1", "http://host#x", "http://ho st"} {
		if _, err := api.NewClient(bad, nil); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	s := newService(t, nil)
	task := s.queue()
	for _, path := range []string{"", "/", "/api/v1.0", "/api/v1.0/", "/deep/er", "/deep/er/api/v1.0/"} {
		address := s.url + path
		if strings.HasPrefix(path, "/deep") {
			inner := s.http
			proxy := httptest.NewServer(http.StripPrefix("/deep/er", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				req, _ := http.NewRequestWithContext(r.Context(), r.Method, s.url+r.URL.RequestURI(), nil)
				resp, err := inner.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = resp.Body.Close() }()
				w.WriteHeader(resp.StatusCode)
				_, _ = io.Copy(w, resp.Body)
			})))
			defer proxy.Close()
			defer proxy.Client().CloseIdleConnections()
			address = proxy.URL + path
		}
		c, err := api.NewClient(address, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Task(context.Background(), string(task.ID), api.TaskOptions{}); err != nil || got.TaskID != task.ID {
			t.Errorf("%q: %v, %v", path, got.TaskID, err)
		}
	}
}
