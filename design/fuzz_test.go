package design

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock/site"
)

// FuzzIngest: whatever the source, there are findings or a design with documents, and every finding is complete.
func FuzzIngest(f *testing.F) {
	files, err := filepath.Glob("testdata/ingest/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
		for p := range parts(src) {
			f.Add(p.text)
		}
	}
	in := newIngester(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		d, findings := in.Ingest(src)
		if d == nil || d.Size != len(src) || len(d.Documents) == 0 && len(findings) == 0 {
			t.Fatalf("neither a design nor a finding: %v", d)
		}
		last := 1 + strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + strings.Count(string(src), "\u0085") +
			strings.Count(string(src), "\u2028") + strings.Count(string(src), "\u2029")
		for _, finding := range findings {
			if finding.Text == "" || finding.Code == "" || finding.Level != site.Error && finding.Level != site.Warning || strings.ContainsAny(finding.Text, "\n\r\x00") {
				t.Errorf("incomplete: %+v", finding)
			}
			if finding.Line < 0 || finding.Line > last+1 {
				t.Errorf("line %d of %d: %+v", finding.Line, last, finding)
			}
		}
		names := map[docKey]bool{}
		for _, doc := range d.Documents {
			if names[docKey{doc.Kind, doc.Name}] || doc.Name == "" || doc.Line < 1 || doc.Line > last+1 {
				t.Errorf("document %+v", doc)
			}
			names[docKey{doc.Kind, doc.Name}] = true
		}
	})
}

func BenchmarkIngest(b *testing.B) {
	src := thousandNodes(b)
	in := newIngester(b)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if d, findings := in.Ingest(src); len(findings) != 0 || d.Count()["BaremetalNode"] != 1000 {
			b.Fatal(d.Count(), findings)
		}
	}
}

func thousandNodes(tb testing.TB) []byte {
	tb.Helper()
	sample, err := os.ReadFile("../examples/site/site.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	n := 0
	for doc := range strings.SplitSeq(string(sample), "\n---\n") {
		if !strings.Contains(doc, "drydock/BaremetalNode/v1") {
			b.WriteString(doc + "\n---\n")
			continue
		}
		_, rest, _ := strings.Cut(doc, "  name: ")
		name, _, _ := strings.Cut(rest, "\n")
		for range 200 {
			n++
			b.WriteString(strings.Replace(doc, "name: "+name, fmt.Sprintf("name: node-%d", n), 1) + "\n---\n")
		}
	}
	return []byte(b.String())
}
