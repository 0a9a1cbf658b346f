package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"drydock"
	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

// service is the interface on a real store, with every answer checked against the description.
type service struct {
	*store.Store
	t      *testing.T
	url    string
	http   *http.Client
	client *api.Client
}

// newService starts a service on a fresh SQLite store. change may replace dependencies and options.
func newService(t *testing.T, change func(*api.Deps, *api.Options)) *service {
	t.Helper()
	s := storetest.Open(t)
	d := api.Deps{Tasks: s, Messages: s, BuildHistory: s, Leases: s, Pinger: s, Bells: s, Refs: refs{}, Designs: s}
	o := api.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if change != nil {
		change(&d, &o)
	}
	server := httptest.NewServer(api.New(d, o))
	t.Cleanup(server.Close)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	svc := &service{Store: s, t: t, url: server.URL, http: &http.Client{Transport: conforming{t, transport}}}
	var err error
	if svc.client, err = api.NewClient(server.URL, svc.http); err != nil {
		t.Fatal(err)
	}
	return svc
}

// answer is a whole response.
type answer struct {
	*http.Response
	body string
}

// request is what do sends; headers are "Name: value".
type request struct {
	method, path, body string
	headers            []string
}

func (s *service) do(r request) answer {
	s.t.Helper()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, s.url+r.path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if r.method == http.MethodPost && r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range r.headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
		if value == "" {
			req.Header[http.CanonicalHeaderKey(name)] = []string{""}
		}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp, string(bytes.TrimSuffix(text, []byte("\n")))}
}

func (s *service) get(path string) answer {
	s.t.Helper()
	return s.do(request{method: "GET", path: path})
}

// queue creates a task with children and grandchildren as deep as the numbers say: queue(2, 1) has two children with one child each.
func (s *service) queue(fanout ...int) drydock.Task {
	s.t.Helper()
	t, _, err := s.CreateTask(context.Background(), plan(fanout))
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

func plan(fanout []int) drydock.NewTask {
	n := drydock.NewTask{Action: drydock.ActionNoop, DesignRef: "file:///site.yaml"}
	if len(fanout) > 0 {
		for range fanout[0] {
			n.Subtasks = append(n.Subtasks, plan(fanout[1:]))
		}
	}
	return n
}

// say adds messages to a task; a text that begins with "!" is an error.
func (s *service) say(id drydock.TaskID, texts ...string) {
	s.t.Helper()
	var list []drydock.Message
	for _, text := range texts {
		list = append(list, drydock.Message{Text: text, Error: strings.HasPrefix(text, "!"), ContextType: "node", Context: "n1"})
	}
	if err := s.AddMessages(context.Background(), id, list...); err != nil {
		s.t.Fatal(err)
	}
}

// claim runs the oldest queued task.
func (s *service) claim(l drydock.Lease) drydock.Task {
	s.t.Helper()
	list, err := s.ClaimTasks(context.Background(), l, []drydock.Action{drydock.ActionNoop}, 1)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("claim: %v, %v", list, err)
	}
	return list[0]
}

// finish ends a running task with success and a last message.
func (s *service) finish(l drydock.Lease, id drydock.TaskID) {
	s.t.Helper()
	f := drydock.TaskFinish{ID: id, Result: drydock.Result{Status: drydock.ResultSuccess}, Messages: []drydock.Message{{Text: "last", ContextType: "NA", Context: "NA"}}}
	if done, err := s.FinishTasks(context.Background(), l, []drydock.TaskFinish{f}); err != nil || len(done) != 1 {
		s.t.Fatalf("finish: %v, %v", done, err)
	}
}

// unchecked stops the comparison with the description, which takes too long for large answers and knows nothing of some failures.
func (s *service) unchecked() { s.http.Transport = s.http.Transport.(conforming).next }

// refs knows one scheme that is none, and one secret.
type refs struct{}

const secret, sealed = "s3cret", "sea1ed"

func (refs) Check(ref string) error {
	if strings.HasPrefix(ref, "gopher:") {
		return fmt.Errorf("%w: design reference has the unknown scheme \"gopher\"", drydock.ErrInvalid)
	}
	return nil
}

func (refs) Seal(ref string) (string, error) {
	if strings.Contains(ref, "no-key") {
		return "", fmt.Errorf("%w: there is no key", drydock.ErrDenied)
	}
	return strings.ReplaceAll(ref, secret, sealed), nil
}

func (refs) Redact(ref string) string {
	return strings.NewReplacer(secret, "***", sealed, "***").Replace(ref)
}
