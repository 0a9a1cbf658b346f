package design

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drydock"
	"drydock/memo"
	"drydock/reference"
	"drydock/site"
)

func TestLoad(t *testing.T) {
	root := t.TempDir()
	src, err := os.ReadFile("../examples/site/broken.yaml")
	must(t, err)
	write(t, filepath.Join(root, "broken.yaml"), string(src))
	write(t, filepath.Join(root, "empty.yaml"), "")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/broken.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(src)
	}))
	defer s.Close()
	policy, err := reference.ParsePolicy([]string{"http=any"})
	must(t, err)
	l := NewLoader(reference.NewResolver(map[string]reference.Fetcher{
		"file": reference.FetchFile([]string{root}, 0), "http": reference.FetchHTTP(reference.HTTPOptions{Policy: policy}),
	}, reference.ResolverOptions{}), newIngester(t), nil)
	sum := sha256.Sum256(src)
	for _, ref := range []string{"file://" + root + "/broken.yaml", s.URL + "/broken.yaml"} {
		report, err := l.Load(t.Context(), ref)
		d, findings := report.Design, report.Findings
		if err != nil || d == nil || d.Digest != hex.EncodeToString(sum[:]) || d.Size != len(src) || len(findings) < 10 {
			t.Errorf("%s: %v, %d findings, %v", ref, d, len(findings), err)
		}
	}
	report, err := l.Load(t.Context(), "file://"+root+"/empty.yaml")
	d, findings := report.Design, report.Findings
	if err != nil || d == nil || !report.Failed() || !strings.Contains(findings[0].Text, "empty") {
		t.Errorf("empty design: %v, %v, %v", d, findings, err)
	}
	for ref, kind := range map[string]error{
		"ftp://h/x": drydock.ErrInvalid, "file:///etc/passwd": drydock.ErrDenied, "file://" + root + "/none": drydock.ErrNotFound, s.URL + "/none": drydock.ErrNotFound,
	} {
		if r, err := l.Load(t.Context(), ref); !errors.Is(err, kind) || r.Design != nil || r.Findings != nil {
			t.Errorf("%s: %v, %v", ref, r, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Load(ctx, s.URL+"/broken.yaml"); !errors.Is(err, drydock.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if l.Check("file:///x") != nil || !errors.Is(l.Check("nope:/x"), drydock.ErrInvalid) {
		t.Error("Check")
	}
}

// A hundred callers of one design cause one check of it. Each has a list of findings of its own; the design is shared.
func TestLoadShared(t *testing.T) {
	src, err := os.ReadFile("../examples/site/site.yaml")
	must(t, err)
	l := NewLoader(&given{text: string(src)}, newIngester(t), nil)
	designs := make([]*site.Design, 100)
	var all sync.WaitGroup
	for i := range designs {
		all.Go(func() {
			report, err := l.Load(t.Context(), []string{"x://h/p", "x://h/q"}[i%2])
			if err != nil || len(report.Findings) != 19 || report.Source.Digest != report.Design.Digest {
				t.Errorf("%d findings, %v", len(report.Findings), err)
				return
			}
			designs[i] = report.Design
			for j := range report.Findings { // as a caller may do
				report.Findings[j].Text = "changed"
			}
			_ = append(report.Findings, site.Finding{Text: "one more"})
			if report.Design.Node("ctl-1") == nil {
				t.Error("no node ctl-1")
			}
		})
	}
	all.Wait()
	for _, d := range designs {
		if d != designs[0] {
			t.Fatal("the design was checked more than once")
		}
	}
	report, err := l.Load(t.Context(), "x://h/p")
	if err != nil || len(report.Findings) != 19 || slices.ContainsFunc(report.Findings, func(f site.Finding) bool { return f.Text == "changed" || f.Text == "one more" }) {
		t.Errorf("findings of others: %v, %v", report.Findings, err)
	}
}

// Designs are kept within bounds, also those whose few lines stand for a lot.
func TestLoadBound(t *testing.T) {
	large := &checked{design: &site.Design{
		Networks: []*site.Network{{Routes: make([]site.Route, 1000)}}, Nodes: []*site.BaremetalNode{{Host: site.Host{Interfaces: make([]site.Interface, 1000)}}},
	}, findings: make([]site.Finding, 1000)}
	if cost := large.cost(1000); cost < 300_000 {
		t.Errorf("a large design costs %d bytes", cost)
	}
	g := &given{}
	l := NewLoader(g, newIngester(t), nil)
	load := func(name string) *site.Design {
		g.set("schema: drydock/Rack/v1\nmetadata: {name: " + name + "}\ndata: {}\n")
		report, err := l.Load(t.Context(), "x://h/p")
		must(t, err)
		return report.Design
	}
	load("a")
	limit := l.designs.Cost()*2 + 100 // two of them
	l.designs = memo.NewCache[string, *checked](limit)
	a, b := load("a"), load("b")
	if load("a") != a || load("b") != b {
		t.Error("not kept")
	}
	load("c")
	if load("b") != b || load("a") == a || l.designs.Cost() > limit {
		t.Error("not bounded")
	}
}

// A defect of a check is an error for those who wait for it, and is not kept.
func TestLoadPanic(t *testing.T) {
	l := NewLoader(&given{text: "a: 1"}, nil, nil)
	for range 2 {
		if _, err := l.Load(t.Context(), "x://h/p"); err == nil || errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "defect of this program") {
			t.Error(err)
		}
	}
}

// P50: loading a design again neither adds to its findings nor keeps those of what it was before.
func TestDefectFindingsAddUp(t *testing.T) {
	good := "schema: drydock/Rack/v1\nmetadata: {name: a}\ndata: {tor_switches: {}}\n"
	g := &given{text: good + "---\nschema: drydock/Rack/v1\nmetadata: {name: a}\ndata: {}\n"}
	l := NewLoader(g, newIngester(t), nil)
	load := func() site.Report {
		report, err := l.Load(t.Context(), "x://h/p")
		must(t, err)
		return report
	}
	first := load()
	for range 3 {
		if again := load(); len(again.Findings) != len(first.Findings) || !again.Failed() {
			t.Fatalf("%d findings, then %d", len(first.Findings), len(again.Findings))
		}
	}
	g.set(good)
	if mended := load(); len(mended.Design.Racks) != 1 || strings.Contains(fmt.Sprint(mended.Findings), "another Rack") {
		t.Errorf("the cause is gone, but not the finding: %v", mended.Findings)
	}
}
