package orchestrator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/orchestrator"
	"drydock/site"
	"drydock/store"
	"drydock/store/storetest"
)

// sites answers Load from a function.
type sites func(ctx context.Context, ref string) ([]site.Finding, error)

func (s sites) Load(ctx context.Context, ref string) (site.Report, error) {
	findings, err := s(ctx, ref)
	if err != nil {
		return site.Report{}, err
	}
	return site.Report{
		Design: &site.Design{Digest: "abc", Size: 3, Documents: []site.Document{{Kind: "Region"}, {Kind: "Network"}}}, Findings: findings,
		Source: drydock.Resolution{Ref: ref, Digest: "abc", Size: 3, Origin: drydock.OriginSource, Attempts: 1},
	}, nil
}

// leadStore runs a dispatcher under a leader on a real store, as serve does; it ends with the test.
func leadStore(t *testing.T, s *store.Store, actions map[drydock.Action]orchestrator.Handler, o orchestrator.DispatcherOptions) (stop func() error) {
	t.Helper()
	return leadStoreAs(t, s, holderA, actions, o)
}

func leadStoreAs(t *testing.T, s *store.Store, holder string, actions map[drydock.Action]orchestrator.Handler, o orchestrator.DispatcherOptions) (stop func() error) {
	t.Helper()
	d, err := orchestrator.NewDispatcher(s, actions, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := orchestrator.NewLeader(s, orchestrator.LeaderOptions{Holder: holder, Name: holder[:4]})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = l.Run(ctx, d.Lead)
	}()
	stop = func() error { cancel(); <-done; return err }
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("leader: %v", err)
		}
	})
	return stop
}

func create(t *testing.T, s *store.Store, n drydock.NewTask) drydock.TaskID {
	t.Helper()
	task, _, err := s.CreateTask(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return task.ID
}

func get(t *testing.T, s *store.Store, id drydock.TaskID) drydock.Task {
	t.Helper()
	task, err := s.Task(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// ended waits for the end of a task and returns it with its messages.
func ended(t *testing.T, s *store.Store, id drydock.TaskID) (drydock.Task, []drydock.Message) {
	t.Helper()
	bell, stop := s.Listen(string(id))
	defer stop()
	deadline := time.After(20 * time.Second)
	for {
		task := get(t, s, id)
		if task.Status.Terminal() {
			messages, err := s.Messages(t.Context(), id, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			return task, messages
		}
		select {
		case <-bell:
		case <-deadline:
			t.Fatalf("task has not ended: %+v", task)
		}
	}
}

func TestNoop(t *testing.T) {
	s := storetest.Open(t)
	leadStore(t, s, orchestrator.Actions(nil), orchestrator.DispatcherOptions{})
	task, messages := ended(t, s, create(t, s, drydock.NewTask{Action: drydock.ActionNoop}))
	if task.Status != drydock.StatusComplete || task.Result.Status != drydock.ResultSuccess || len(messages) != 1 || messages[0].Text != "Noop action." {
		t.Errorf("%+v %+v", task, messages)
	}
}

func TestValidateDesign(t *testing.T) {
	node := site.Ref{Schema: "drydock/BaremetalNode/v1", Name: "n1"}
	many := make([]site.Finding, 2345)
	for i := range many {
		many[i] = site.Finding{Code: "DD3001", Level: site.Error, Text: fmt.Sprint(i)}
	}
	for name, c := range map[string]struct {
		findings []site.Finding
		err      error
		status   drydock.ResultStatus
		errors   int
		texts    []string
		nodes    string // that failed
	}{
		"valid": {
			findings: []site.Finding{{Code: "DD1001", Rule: "Boot", Level: site.Info, Text: "fine"}, {Code: "DD2006", Level: site.Warning, Text: "odd"}},
			status:   "success", texts: []string{"DD1001: fine", "DD2006: odd", "the rules of the site were checked"},
		},
		"wrong": {
			findings: []site.Finding{
				{Code: "DD2003", Level: site.Error, Text: "MTU too large\x00", Docs: []site.Ref{node}},
				{Code: "DD1001", Level: site.Info},
				{Code: "DD4001", Level: site.Warning, Docs: []site.Ref{{Schema: node.Schema, Name: "warned"}}},
				{Code: "DD2005", Level: site.Error, Docs: []site.Ref{{Schema: node.Schema, Name: "n2"}, node, {Schema: "drydock/Network/v1", Name: "net"}}},
			},
			nodes: "n1 n2", status: "failure", errors: 2, texts: []string{"DD2003: MTU too large\uFFFD", "DD1001: ", "DD4001: ", "DD2005: ", "when every document is good"},
		},
		"many": {findings: many, status: "failure", errors: 2345},
		"not loaded": {
			err:    fmt.Errorf("resolve: %w: no such file; check the reference", drydock.ErrNotFound),
			status: "failure", errors: 1, texts: []string{"could not be loaded: resolve: not found: no such file; check the reference"},
		},
		"without kind": {err: errors.New("odd"), status: "failure", errors: 1, texts: []string{"odd"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			leadStore(t, s, orchestrator.Actions(sites(func(_ context.Context, ref string) ([]site.Finding, error) {
				if ref != "file:///d.yaml" {
					t.Errorf("loads %q", ref)
				}
				return c.findings, c.err
			})), orchestrator.DispatcherOptions{})
			task, messages := ended(t, s, create(t, s, drydock.NewTask{Action: drydock.ActionValidateDesign, DesignRef: "file:///d.yaml"}))
			if task.Status != drydock.StatusComplete || task.Result.Status != c.status || task.Result.ErrorCount != c.errors || task.Result.Message == "" ||
				strings.Join(task.Result.Failures, " ") != c.nodes || len(task.Result.Successes) != 0 {
				t.Errorf("%+v", task)
			}
			if c.findings != nil && len(messages) != len(c.findings)+1 {
				t.Fatalf("%d messages for %d findings and a summary", len(messages), len(c.findings))
			}
			if last := messages[len(messages)-1]; c.findings != nil && (last.Error || !strings.Contains(last.Text, "2 (1 Network, 1 Region)") || !strings.Contains(string(last.Extra), "abc")) {
				t.Errorf("summary %+v", last)
			}
			for i, text := range c.texts {
				if !strings.Contains(messages[i].Text, text) {
					t.Errorf("message %q, want %q", messages[i].Text, text)
				}
			}
		})
	}
}

// TestFindingAsMessage: everything that a finding says is in the message, whatever its size.
func TestFindingAsMessage(t *testing.T) {
	docs := make([]site.Ref, 5000)
	for i := range docs {
		docs[i] = site.Ref{Schema: "drydock/BaremetalNode/v1", Name: fmt.Sprintf("node-%d", i)}
	}
	full := site.Finding{Code: "DD2003", Level: site.Warning, Text: "text", Diagnostic: "do this", Docs: docs[:2], Path: "/data/mtu", Line: 7, Column: 3}
	huge := site.Finding{Code: "DD1", Level: site.Error, Text: strings.Repeat("ü", 80<<10), Diagnostic: strings.Repeat("x", 80<<10), Docs: docs}
	s := storetest.Open(t)
	leadStore(t, s, orchestrator.Actions(sites(func(context.Context, string) ([]site.Finding, error) {
		return []site.Finding{full, huge}, nil
	})), orchestrator.DispatcherOptions{})
	_, messages := ended(t, s, create(t, s, drydock.NewTask{Action: drydock.ActionValidateDesign}))
	if len(messages) != 3 {
		t.Fatalf("%d messages", len(messages))
	}
	m := messages[0]
	if m.Text != "DD2003: text" || m.Error || m.ContextType != "document" || m.Context != "drydock/BaremetalNode/v1 node-0" {
		t.Errorf("%+v", m)
	}
	var got, want any
	wanted := `{"code":"DD2003","level":"Warning","path":"/data/mtu","line":7,"column":3,"diagnostic":"do this","documents":[
		{"schema":"drydock/BaremetalNode/v1","name":"node-0"},{"schema":"drydock/BaremetalNode/v1","name":"node-1"}]}`
	if err := errors.Join(json.Unmarshal(m.Extra, &got), json.Unmarshal([]byte(wanted), &want)); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("extra %s, want %s (%v)", m.Extra, wanted, err)
	}
	var extra struct {
		Documents []any
		Omitted   int `json:"documents_omitted"`
	}
	if err := json.Unmarshal(messages[1].Extra, &extra); err != nil || len(extra.Documents)+extra.Omitted != 5000 || len(extra.Documents) < 100 {
		t.Errorf("%d documents, %d omitted, %v", len(extra.Documents), extra.Omitted, err)
	}
}

// TestValidateDesignStops: an end that is asked for while the design is being loaded is heeded within a second.
func TestValidateDesignStops(t *testing.T) {
	s := storetest.Open(t)
	loading := make(chan struct{})
	leadStore(t, s, orchestrator.Actions(sites(func(ctx context.Context, _ string) ([]site.Finding, error) {
		close(loading)
		<-ctx.Done()
		return nil, fmt.Errorf("fetch: %w", ctx.Err())
	})), orchestrator.DispatcherOptions{})
	id := create(t, s, drydock.NewTask{Action: drydock.ActionValidateDesign})
	<-loading
	asked := time.Now()
	if _, err := s.TerminateTask(t.Context(), id, "ann"); err != nil {
		t.Fatal(err)
	}
	task, messages := ended(t, s, id)
	if d := time.Since(asked); task.Status != drydock.StatusTerminated || task.Result.Status != drydock.ResultFailure || d > time.Second {
		t.Errorf("after %v: %+v", d, task)
	}
	if len(messages) == 0 || messages[len(messages)-1].Text != "The action was terminated by request." {
		t.Errorf("%+v", messages)
	}
}
