package design

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"drydock/rules"
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// grown is the example with n nodes, each a copy of one of its own with a name and addresses that no other has.
func grown(t testing.TB, n int) []byte {
	t.Helper()
	src, err := os.ReadFile("../examples/site/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var nodes []string
	var b strings.Builder
	for doc := range strings.SplitSeq(string(src), "\n---\n") {
		if strings.Contains(doc, "drydock/BaremetalNode/") {
			nodes = append(nodes, doc)
			continue
		}
		doc = strings.NewReplacer("10.20.0.0/24", "10.0.0.0/8", "10.20.2.0/24", "10.0.0.0/8", "10.20.3.0/24", "10.0.0.0/8", "10.20.4.0/24", "10.0.0.0/8").Replace(doc)
		b.WriteString(doc + "\n---\n")
	}
	for i := range n {
		doc := nodes[i%len(nodes)]
		for _, line := range strings.SplitAfter(doc, "\n") {
			if name, ok := strings.CutPrefix(line, "  name: "); ok {
				line = fmt.Sprintf("  name: %s-%d\n", strings.TrimSpace(name), i)
			}
			for net := range 5 {
				if at := strings.Index(line, fmt.Sprintf("10.20.%d.", net)); at >= 0 {
					line = fmt.Sprintf("%s10.%d.%d.%d}\n", line[:at], 100+net, i/250, 1+i%250)
				}
			}
			b.WriteString(line)
		}
		b.WriteString("\n---\n")
	}
	return []byte(b.String())
}

// decode is what any reader of YAML has to do.
func decode(t testing.TB, src []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestGrown keeps the benchmark honest: what it measures is a good site.
func TestGrown(t *testing.T) {
	d, findings := newIngester(t).Check(grown(t, 60))
	for _, f := range findings {
		if f.Level == site.Error {
			t.Error(f)
		}
	}
	if len(d.Nodes) != 60 {
		t.Errorf("%d nodes", len(d.Nodes))
	}
}

func BenchmarkDesign(b *testing.B) {
	for _, n := range []int{100, 1000} {
		src := grown(b, n)
		in := newIngester(b)
		d, _ := in.Ingest(src)
		e, _ := site.Compile(d)
		for _, step := range []struct {
			name string
			run  func()
		}{
			{"decode", func() { decode(b, src) }},
			{"check", func() { in.Check(src) }},
			{"ingest", func() { in.Ingest(src) }},
			{"compile", func() { site.Compile(d) }},
			{"rules", func() { rules.Check(e) }},
		} {
			b.Run(fmt.Sprintf("nodes=%d/%s", n, step.name), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				for b.Loop() {
					step.run()
				}
			})
		}
	}
}

// BenchmarkLoad loads a design of a thousand nodes that has been checked; its digest is most of the work.
func BenchmarkLoad(b *testing.B) {
	l := NewLoader(&given{text: string(grown(b, 1000))}, newIngester(b), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Load(b.Context(), "x://h/p"); err != nil {
			b.Fatal(err)
		}
	}
}
