package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
	"drydock/api"
	"drydock/site"
)

// shelf is a table of reports, and errors, by reference.
type shelf struct {
	reports map[string]site.Report
	errs    map[string]error
	enter   func(ctx context.Context) // nil, or called by every Load
}

func (s shelf) Load(ctx context.Context, ref string) (site.Report, error) {
	if s.enter != nil {
		s.enter(ctx)
	}
	if err := s.errs[ref]; err != nil {
		return site.Report{}, err
	}
	r, ok := s.reports[ref]
	if !ok {
		return site.Report{}, fmt.Errorf("%w: nothing is at %s", drydock.ErrNotFound, ref)
	}
	return r, nil
}

// patient is an error of a source that says when it may answer again.
type patient struct{ after time.Duration }

func (p patient) Error() string             { return "unavailable: the source is busy" }
func (p patient) Unwrap() error             { return drydock.ErrUnavailable }
func (p patient) RetryAfter() time.Duration { return p.after }

func nodeRef(name string) site.Ref { return site.Ref{Schema: "drydock/BaremetalNode/v1", Name: name} }

// racked is a design of three nodes in two racks.
func racked() *site.Design {
	d := &site.Design{Digest: strings.Repeat("0f", 32), Size: 321}
	for i, rack := range []string{"r1", "r1", "r2"} {
		n := &site.BaremetalNode{Ref: nodeRef(fmt.Sprintf("n%d", i+1)), Host: site.Host{Rack: site.Some(rack), Tags: []string{"all", "only-" + rack}}}
		d.Nodes = append(d.Nodes, n)
		d.Documents = append(d.Documents, site.Document{Ref: n.Ref, Kind: "BaremetalNode", Line: 10 * i})
	}
	return d
}

func shelfOfTests() shelf {
	about := func(findings ...site.Finding) site.Report {
		return site.Report{Design: racked(), Findings: findings, Source: drydock.Resolution{Ref: "https://***@designs/site"}}
	}
	info := site.Finding{Code: "DD1008", Rule: "Hugepages", Level: site.Info, Text: "Hugepages: no errors"}
	rule := site.Finding{
		Code: "DD2003", Rule: "MTU Rationality", Level: site.Error, Text: "MTU Rationality: <too> large", Diagnostic: "choose a smaller one",
		Docs: []site.Ref{{Schema: "drydock/Network/v1", Name: "a"}, nodeRef("n1")}, Path: "/data/mtu", Line: 12, Column: 3,
	}
	document := site.Finding{Code: "DD001", Level: site.Error, Text: "BaremetalNode \"n4\": rack must be text", Docs: []site.Ref{nodeRef("n4")}, Line: 40, Column: 5}
	incomplete := about(site.Finding{Code: site.CodeCompile, Level: site.Error, Text: "node n2: there is no such profile", Docs: []site.Ref{nodeRef("n2")}})
	incomplete.Design.Nodes[1].Incomplete = true
	return shelf{
		reports: map[string]site.Report{
			"good": about(info), "warned": about(site.Finding{Code: "DD3001", Rule: "Platform Selection", Level: site.Warning, Text: "not checked"}, info),
			"ruled": about(rule, info), "broken": about(document), "incomplete": incomplete,
			"unused": about(site.Finding{Code: site.CodeCompile, Level: site.Error, Text: "a reference to nothing"}),
		},
		errs: map[string]error{
			"ftp://x": fmt.Errorf("%w: there is no scheme ftp", drydock.ErrInvalid), "secret": fmt.Errorf("%w: not for you", drydock.ErrDenied),
			"down": fmt.Errorf("load: %w", patient{90 * time.Second}), "slow": fmt.Errorf("%w: %w", drydock.ErrUnavailable, context.DeadlineExceeded),
			"down for long": patient{100 * time.Hour}, "defect": errors.New("index out of range"),
		},
	}
}

func withDesigns(s api.Sites) func(*api.Deps, *api.Options) {
	return func(d *api.Deps, _ *api.Options) { d.Sites = s }
}

var anyTime = regexp.MustCompile(`"ts":"[^"]*"`)

// TestDesignWire pins requests and answers of both endpoints; run with -update to write them anew.
func TestDesignWire(t *testing.T) {
	s := newService(t, withDesigns(shelfOfTests()))
	for _, c := range []struct {
		name, path string
		bodies     []string
	}{
		{"validatedesign", "/api/v1.0/validatedesign", []string{
			`{"rel": "design", "href": "good", "type": "application/x-yaml"}`, `{"href": "warned"}`, `{"href": "ruled"}`, `{"href": "broken", "rel": null}`,
			`{"href": "ftp://x"}`, `{"href": "secret"}`, `{"href": "nowhere"}`, `{"href": "down"}`, `{"href": "down for long"}`, `{"href": "slow"}`, `{"href": "defect"}`,
			``, `{}`, `{"href": ""}`, `{"href": null}`, `{"href": 1}`, `{"href": "good", "rel": 1}`, `{"ref": "good"}`, `{"href": "good", "href": "ruled"}`, `[]`, `{"href": `,
		}},
		{"nodefilter", "/api/v1.0/nodefilter", []string{
			`{"design_ref": "good"}`, `{"design_ref": "good", "node_filter": null, "explain": false}`, `{"design_ref": "ruled"}`, `{"design_ref": "unused"}`,
			`{"design_ref": "good", "node_filter": {"filter_set_type": "union", "filter_set": [{"filter_type": "intersection", "node_names": [], "node_tags": [], "node_labels": {}, "rack_names": ["r1"]}]}}`,
			`{"design_ref": "good", "explain": true, "node_filter": {"filter_set_type": "intersection", "filter_set": [{"filter_type": "union", "node_names": ["n3"], "node_tags": ["only-r1"]}, {"filter_type": "intersection", "rack_names": ["r2"]}]}}`,
			`{"design_ref": "good", "explain": true, "node_filter": {"filter_set_type": "union", "filter_set": []}}`,
			`{"design_ref": "broken"}`, `{"design_ref": "incomplete"}`, `{"design_ref": "nowhere"}`, `{"design_ref": "down"}`, `{"design_ref": "secret"}`, `{"design_ref": "ftp://x"}`,
			``, `{}`, `{"design_ref": ""}`, `{"design_ref": "good", "explain": "yes"}`, `{"design_ref": "good", "node_filter": "n1"}`, `{"design_ref": "good", "node_filter": {}}`,
			`{"design_ref": "good", "node_filter": {"filter_set_type": "some", "filter_set": []}}`,
			`{"design_ref": "good", "node_filter": {"filter_set_type": "union", "filter_set": [{"filter_type": "union", "node_labels": {"a": "1", "b": 2}}]}}`,
			`{"design_ref": "good", "filter": null}`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			for _, body := range c.bodies {
				got := s.do(request{method: "POST", path: c.path, body: body})
				text := anyTime.ReplaceAllString(got.body, `"ts":"…"`)
				text = strings.ReplaceAll(text, got.Header.Get("X-Drydock-Req"), "REQUEST")
				fmt.Fprintf(&b, "> %s\n< %d", body, got.StatusCode)
				if after := got.Header.Get("Retry-After"); after != "" {
					fmt.Fprintf(&b, " Retry-After: %s", after)
				}
				fmt.Fprintf(&b, "\n%s\n", text)
			}
			api.Golden(t, c.name+".golden", []byte(b.String()))
		})
	}
}

// TestClientDesigns checks that the client tells a bad design from a bad request, and that kinds of error arrive.
func TestClientDesigns(t *testing.T) {
	s := newService(t, withDesigns(shelfOfTests()))
	ctx := t.Context()
	for ref, want := range map[string]string{"good": api.Passed, "warned": api.Passed, "ruled": api.Failed, "broken": api.Failed} {
		v, err := s.client.ValidateDesign(ctx, ref)
		if err != nil || v.Status != want || (v.Details.ErrorCount > 0) != (want == api.Failed) || v.Design.Digest == "" || v.Design.Whole == (ref == "broken") {
			t.Errorf("%s: %+v, %v", ref, v, err)
		}
	}
	for ref, kind := range map[string]error{
		"ftp://x": drydock.ErrInvalid, "": drydock.ErrInvalid, "secret": drydock.ErrDenied, "nowhere": drydock.ErrNotFound, "down": drydock.ErrUnavailable,
	} {
		if _, err := s.client.ValidateDesign(ctx, ref); !errors.Is(err, kind) {
			t.Errorf("validate %q: %v, want %v", ref, err, kind)
		}
		if _, err := s.client.NodesForFilter(ctx, ref, nil); !errors.Is(err, kind) {
			t.Errorf("nodes of %q: %v, want %v", ref, err, kind)
		}
	}
	filter := json.RawMessage(`{"filter_set_type": "union", "filter_set": [{"filter_type": "union", "node_names": ["n2"]}]}`)
	if names, err := s.client.NodesForFilter(ctx, "good", filter); err != nil || fmt.Sprint(names) != "[n2]" {
		t.Errorf("%v, %v", names, err)
	}
	verdicts, err := s.client.ExplainFilter(ctx, "good", filter)
	if err != nil || len(verdicts) != 3 || verdicts[0].Selected || !verdicts[1].Selected || verdicts[1].Reason == "" {
		t.Errorf("%+v, %v", verdicts, err)
	}
}

// TestDesignUnreachable checks that a question without an answer leaves nothing unknown: it changes nothing.
func TestDesignUnreachable(t *testing.T) {
	s := newService(t, withDesigns(shelf{enter: func(context.Context) { panic(http.ErrAbortHandler) }}))
	if _, err := s.client.ValidateDesign(t.Context(), "good"); !errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, drydock.ErrUnknown) {
		t.Errorf("validate: %v", err)
	}
	if _, err := s.client.NodesForFilter(t.Context(), "good", nil); !errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, drydock.ErrUnknown) {
		t.Errorf("select: %v", err)
	}
}

// TestDesignCrowd sends 100 questions about one shared design at a time, and checks that no more than so many are worked on together.
func TestDesignCrowd(t *testing.T) {
	const most = 3
	var mu sync.Mutex
	at, peak := 0, 0
	full := make(chan struct{})
	sites := shelfOfTests()
	sites.enter = func(context.Context) {
		mu.Lock()
		at++
		if peak = max(peak, at); peak == most && at == most {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		<-full // until there have been as many as may
		mu.Lock()
		at--
		mu.Unlock()
	}
	s := newService(t, func(d *api.Deps, o *api.Options) { d.Sites, o.Designs = sites, most })
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if i%4 == 0 {
				if names, err := s.client.NodesForFilter(t.Context(), "ruled", nil); err != nil || len(names) != 3 {
					t.Errorf("%v, %v", names, err)
				}
				return
			}
			if v, err := s.client.ValidateDesign(t.Context(), "ruled"); err != nil || v.Details.ErrorCount != 1 || len(v.Details.MessageList) != 2 {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	wg.Wait()
	if peak > most {
		t.Errorf("%d were worked on at a time, want at most %d", peak, most)
	}
}

// TestSlowSources: requests whose source does not answer, more of them than designs are checked at a time, keep nobody else away.
func TestSlowSources(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stuck, all sync.WaitGroup
	sites := shelfOfTests()
	var asked atomic.Int64
	const hanging = 50
	sites.enter = func(ctx context.Context) {
		if asked.Add(1) <= hanging {
			stuck.Done()
			<-ctx.Done()
		}
	}
	s := newService(t, withDesigns(sites))
	stuck.Add(hanging)
	for range hanging {
		all.Go(func() {
			if _, err := s.client.ValidateDesign(ctx, "good"); err == nil {
				t.Error("an answer of a source that gave none")
			}
		})
	}
	stuck.Wait()
	if v, err := s.client.ValidateDesign(t.Context(), "good"); err != nil || v.Details.ErrorCount != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	cancel()
	all.Wait()
}

// TestDesignCancel checks that the end of a request ends the work on its design.
func TestDesignCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := newService(t, withDesigns(shelf{enter: func(loading context.Context) {
		cancel()
		<-loading.Done()
		ended <- loading.Err()
	}}))
	if _, err := s.client.ValidateDesign(ctx, "good"); !errors.Is(err, drydock.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the load went on")
	}
}

// TestDesignQueue checks when a question is sent away: at once if too many wait, and after a while if nothing moves.
func TestDesignQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := api.NewGateForTest(1, 2, time.Minute)
		leave, err := g.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 3)
		ctx, cancel := context.WithCancel(t.Context())
		for _, c := range []context.Context{t.Context(), ctx} {
			go func() {
				_, err := g.Enter(c)
				results <- err
			}()
		}
		synctest.Wait()
		if _, err := g.Enter(t.Context()); !errors.Is(err, drydock.ErrUnavailable) || !strings.Contains(err.Error(), "2 requests wait") {
			t.Errorf("a third that waits: %v", err)
		}
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) || !errors.Is(err, drydock.ErrUnavailable) {
			t.Errorf("one that went away: %v", err)
		}
		start := time.Now()
		if err := <-results; !errors.Is(err, drydock.ErrUnavailable) || time.Since(start) != time.Minute {
			t.Errorf("one that waited for %s: %v", time.Since(start), err)
		}
		go func() {
			leave, err := g.Enter(t.Context())
			if err == nil {
				leave()
			}
			results <- err
		}()
		synctest.Wait()
		leave()
		if err := <-results; err != nil {
			t.Errorf("one whose turn came: %v", err)
		}
	})
}

func TestParseNodeFilter(t *testing.T) {
	f, err := api.ParseNodeFilter([]byte(`{"filter_set_type": "union", "filter_set": [{"filter_type": "union", "rack_labels": {"z": "1", "a": "2"}, "node_names": null}]}`))
	if err != nil || len(f.Filters) != 1 || fmt.Sprint(f.Filters[0].RackLabels) != "[{z 1 false} {a 2 false}]" || f.Filters[0].Names != nil {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := api.ParseNodeFilter([]byte(" null\n")); f != nil || err != nil {
		t.Errorf("%+v, %v", f, err)
	}
	for text, want := range map[string]string{
		``: "line 1, column 1", `{`: "line 1, column 2", `[]`: "node_filter must be an object", `{"filter_set_type": "union"}`: "node_filter.filter_set is required",
		`{"filter_set_type": "union", "filter_set": [{"filter_type": "union", "node_names": [1]}]}`: "node_filter.filter_set[0].node_names[0]",
	} {
		if _, err := api.ParseNodeFilter([]byte(text)); !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
