package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"drydock"
	"drydock/api"
	"drydock/store"
)

// broken is a store whose reads fail, or worse.
type broken struct {
	*store.Store
	fail func() error
}

func (b broken) Task(context.Context, drydock.TaskID) (drydock.Task, error) {
	return drydock.Task{}, b.fail()
}
func (b broken) Ping(context.Context) error { return b.fail() }

// withBroken starts a service whose task and ping fail, and keeps its log.
func withBroken(t *testing.T, log *bytes.Buffer, fail func() error) *service {
	return newService(t, func(d *api.Deps, o *api.Options) {
		b := broken{d.Tasks.(*store.Store), fail}
		d.Tasks, d.Pinger = b, b
		o.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		retry  bool
		text   string
	}{
		"unavailable":      {fmt.Errorf("get task: %w: no connection", drydock.ErrUnavailable), 503, true, "no connection"},
		"unknown outcome":  {fmt.Errorf("get task: %w", drydock.ErrUnknown), 503, true, "outcome unknown"},
		"denied":           {fmt.Errorf("get task: %w", drydock.ErrDenied), 403, false, "denied"},
		"lease lost":       {fmt.Errorf("get task: %w", drydock.ErrLeaseLost), 409, false, "lease lost"},
		"without a kind":   {errors.New("secret of the driver"), 500, false, "internal error"},
		"deadline":         {context.DeadlineExceeded, 503, true, "ended before"},
		"conflict":         {drydock.ErrConflict, 409, false, "conflict"},
		"not found at all": {drydock.ErrNotFound, 404, false, "Task " + id0 + " does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := withBroken(t, &log, func() error { return c.err })
			s.unchecked()
			a := s.get("/api/v1.0/tasks/" + id0)
			var body api.ErrorBody
			if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.StatusCode != c.status || body.Retry != c.retry || !strings.Contains(body.Message, c.text) {
				t.Errorf("%d %s (%v)", a.StatusCode, a.body, err)
			}
			if (a.Header.Get("Retry-After") == "1") != c.retry || strings.Contains(a.body, "secret") {
				t.Errorf("%v %s", a.Header, a.body)
			}
			if c.status == 500 && (!strings.Contains(log.String(), "secret of the driver") || !strings.Contains(body.Message, a.Header.Get("X-Drydock-Req"))) {
				t.Errorf("the log and the answer do not lead to each other: %s\n%s", a.body, log.String())
			}
		})
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	s := withBroken(t, &log, func() error { panic("oh no") })
	a := s.get("/api/v1.0/tasks/" + id0)
	if a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, "oh no") || !strings.Contains(a.body, "internal error") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if !strings.Contains(log.String(), "oh no") || !strings.Contains(log.String(), `"status":500`) || !strings.Contains(log.String(), "middleware_test.go") {
		t.Errorf("the log does not tell: %s", log.String())
	}
	if a := s.get("/versions"); a.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", a.StatusCode)
	}
}

func TestHealth(t *testing.T) {
	var failure error
	var log bytes.Buffer
	s := withBroken(t, &log, func() error { return failure })
	const well = `{"kind":"Status","apiVersion":"v1.0","metadata":{},"status":"Success","message":"","reason":"HealthCheck","details":{"errorCount":0,"messageList":[]},"code":200}`
	const ill = `{"kind":"Status","apiVersion":"v1.0","metadata":{},"status":"Failure","message":"Drydock failed to respond","reason":"HealthCheck",` +
		`"details":{"errorCount":1,"messageList":[{"message":"Unable to connect to database","error":true,"kind":"SimpleMessage"}]},"code":503}`
	check := func(path string, status int, body string) {
		t.Helper()
		if a := s.get(path); a.StatusCode != status || a.body != body {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	check("/api/v1.0/health", 204, "")
	check("/api/v1.0/health/extended", 200, well)
	failure = drydock.ErrUnavailable
	check("/api/v1.0/health", 503, "")
	check("/api/v1.0/health/extended", 503, ill)
	if list, err := s.Tasks(context.Background(), drydock.TaskQuery{}); err != nil || len(list.Tasks) != 0 {
		t.Errorf("probes left %d tasks, %v", len(list.Tasks), err)
	}
	h, err := s.client.Health(context.Background())
	if err != nil || h.Status != "Failure" || len(h.Details.MessageList) != 1 {
		t.Errorf("the client sees %+v, %v", h, err)
	}
}

func TestRequestLog(t *testing.T) {
	const marker = "9F3c1a52-7c5e-4f6b-8a3d-0f1e2d3c4b5a"
	var log bytes.Buffer
	s := withBroken(t, &log, func() error { return nil })
	a := s.do(request{"GET", "/api/v1.0/tasks?limit=1", "", []string{"X-Context-Marker: " + marker, "X-End-User: bob"}})
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(a.Header.Get("X-Drydock-Req")) {
		t.Error(a.Header)
	}
	for name, want := range map[string]any{
		"method": "GET", "path": "/api/v1.0/tasks", "status": 200.0, "bytes": 3.0, "req_id": a.Header.Get("X-Drydock-Req"), "external_ctx": marker,
		"end_user": "bob", "msg": "request",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v: %v", name, line[name], want, line)
		}
	}
	if _, ok := line["ms"].(float64); !ok {
		t.Errorf("no ms: %v", line)
	}
	log.Reset()
	s.do(request{"GET", "/versions", "", []string{"X-Context-Marker: 9f3c1a52-7c5e-1f6b-8a3d-0f1e2d3c4b5a"}})
	if strings.Contains(log.String(), "external_ctx") {
		t.Errorf("a marker that is no version 4 UUID is in the log: %s", log.String())
	}
}

func TestHead(t *testing.T) {
	s := newService(t, nil)
	task := s.queue()
	for _, path := range []string{"/versions", "/api/v1.0/tasks", "/api/v1.0/tasks/" + string(task.ID), "/api/v1.0/tasks/" + string(task.ID) + "/follow"} {
		if a := s.do(request{method: "HEAD", path: path}); a.StatusCode != http.StatusOK || a.body != "" || a.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
}

func TestLoopbackOnly(t *testing.T) {
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.LoopbackOnly = true })
	for host, want := range map[string]int{"localhost:1": 200, "127.0.0.1": 200, "[::1]:80": 200, "evil.example": 403, "drydock:9000": 403} {
		if a := s.do(request{"GET", "/versions", "", []string{"Host: " + host}}); a.StatusCode != want {
			t.Errorf("Host %s: %d %s", host, a.StatusCode, a.body)
		}
	}
}

func TestForeignOrigin(t *testing.T) {
	s := newService(t, nil)
	host := strings.TrimPrefix(s.url, "http://")
	for _, c := range []struct {
		method string
		header string
		want   int
	}{
		{"POST", "Origin: http://" + host, 201},
		{"POST", "Origin: http://evil.example", 403},
		{"POST", "Origin: null", 403},
		{"POST", "X-No: origin", 201},
		{"POST", "Sec-Fetch-Site: cross-site", 403},
		{"POST", "Sec-Fetch-Site: same-origin", 201},
		{"DELETE", "Origin: http://evil.example", 403},
		{"GET", "Origin: http://evil.example", 200},
	} {
		body := ""
		if c.method == "POST" {
			body = `{"action": "noop", "design_ref": ""}`
		}
		if a := s.do(request{c.method, "/api/v1.0/tasks", body, []string{c.header}}); a.StatusCode != c.want {
			t.Errorf("%s with %s: %d %s", c.method, c.header, a.StatusCode, a.body)
		}
	}
}

// TestBodyLimit checks the limit without a length told beforehand, and on operations that read no body.
func TestBodyLimit(t *testing.T) {
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.MaxBody = 100 })
	chunked, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+"/api/v1.0/tasks", struct{ *strings.Reader }{strings.NewReader(`{"action": "noop", "design_ref": "` + strings.Repeat("x", 1<<20) + `"}`)})
	if err != nil {
		t.Fatal(err)
	}
	chunked.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(chunked)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
	if a := s.do(request{"POST", "/api/v1.0/tasks", `{"action": "noop", "design_ref": "` + strings.Repeat("x", 64) + `"}`, nil}); a.StatusCode != http.StatusCreated {
		t.Errorf("exactly the limit: %d %s", a.StatusCode, a.body)
	}
}
