package design

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drydock"
	"drydock/site"
)

func TestLoad(t *testing.T) {
	root := t.TempDir()
	src, err := os.ReadFile("../examples/site/broken.yaml")
	must(t, err)
	write(t, filepath.Join(root, "broken.yaml"), string(src))
	write(t, filepath.Join(root, "empty.yaml"), "")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/broken.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(src)
	})
	l := NewLoader(NewResolver(map[string]Fetcher{"file": FetchFile([]string{root}, 0), "http": FetchHTTP(HTTPOptions{})}, ResolverOptions{}), newIngester(t))
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
	if err != nil || d == nil || len(findings) < 18 || !strings.Contains(findings[0].Text, "empty") {
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
	s := &source{body: string(src), etag: `"1"`}
	l := NewLoader(resolverFor(s, ResolverOptions{}), newIngester(t))
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
	s := &source{body: "schema: drydock/Rack/v1\nmetadata: {name: a}\ndata: {}\n"}
	l := NewLoader(resolverFor(s, ResolverOptions{}), newIngester(t))
	load := func(name string) *site.Design {
		s.set(func(s *source) { s.body = "schema: drydock/Rack/v1\nmetadata: {name: " + name + "}\ndata: {}\n" })
		report, err := l.Load(t.Context(), "x://h/p")
		must(t, err)
		return report.Design
	}
	a := load("a")
	l.designs.limit = l.designs.cost*2 + 100 // two of them
	b := load("b")
	if load("a") != a || load("b") != b {
		t.Error("not kept")
	}
	load("c")
	if load("b") != b || load("a") == a || l.designs.cost > l.designs.limit {
		t.Error("not bounded")
	}
}

// A defect of a check is an error for those who wait for it, and is not kept.
func TestLoadPanic(t *testing.T) {
	l := NewLoader(resolverFor(&source{body: "a: 1"}, ResolverOptions{}), nil)
	for range 2 {
		if _, err := l.Load(t.Context(), "x://h/p"); err == nil || len(kindsOf(err)) != 0 || !strings.Contains(err.Error(), "defect of this program") {
			t.Error(err)
		}
	}
}
