package design

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock/site"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func newIngester(t testing.TB) *Ingester {
	t.Helper()
	in, err := NewIngester()
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// report writes what an ingest found, one line for each thing.
func report(d *site.Design, findings []site.Finding) string {
	var b strings.Builder
	for _, doc := range d.Documents {
		fmt.Fprintf(&b, "document line %d: %s\n", doc.Line, doc.Ref)
	}
	for _, f := range findings {
		fmt.Fprintf(&b, "%d:%d %s %s %s", f.Line, f.Column, f.Code, f.Level, f.Text)
		if f.Diagnostic != "" {
			fmt.Fprintf(&b, "\n    -> %s", f.Diagnostic)
		}
		if f.Path != "" || len(f.Docs) > 0 {
			fmt.Fprintf(&b, "\n    at %s of %v", f.Path, f.Docs)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestIngestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/ingest/*.yaml")
	must(t, err)
	samples, err := filepath.Glob("../examples/site/*.yaml")
	must(t, err)
	if len(files) < 8 || len(samples) != 2 {
		t.Fatalf("%d cases, %d samples: some are missing", len(files), len(samples))
	}
	in := newIngester(t)
	for _, file := range append(files, samples...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			must(t, err)
			d, findings := in.Ingest(src)
			got := report(d, findings)
			golden := filepath.Join("testdata", "ingest", strings.TrimSuffix(filepath.Base(file), ".yaml")+".golden")
			if *update {
				must(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if again := report(in.Ingest(src)); again != got {
				t.Errorf("another run says something else:\n%s", again)
			}
		})
	}
}

func TestIngestSample(t *testing.T) {
	src, err := os.ReadFile("../examples/site/site.yaml")
	must(t, err)
	d, findings := newIngester(t).Ingest(src)
	if len(findings) != 0 || d.Size != len(src) || len(d.Digest) != 64 {
		t.Errorf("size %d, digest %q, findings %v", d.Size, d.Digest, findings)
	}
	want := map[string]int{"Region": 1, "Rack": 2, "NetworkLink": 3, "Network": 5, "HardwareProfile": 1, "HostProfile": 2, "BaremetalNode": 5, "BootAction": 2}
	if got := d.Count(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("documents %v, want %v", got, want)
	}
	lines := strings.Split(string(src), "\n")
	for _, doc := range d.Documents {
		if lines[doc.Line-1] != "schema: "+doc.Schema || !strings.Contains(strings.Join(lines[doc.Line:doc.Line+3], "\n"), "name: "+doc.Name) {
			t.Errorf("%s is not in line %d", doc.Ref, doc.Line)
		}
	}
}

// Every document of the stream is broken in turn; the others must be read as before.
func TestIngestBrokenDocumentHidesNoOther(t *testing.T) {
	src, err := os.ReadFile("../examples/site/site.yaml")
	must(t, err)
	in := newIngester(t)
	docs := strings.SplitAfter(string(src), "\n---\n")
	for _, breakage := range []string{"broken: [\n", "broken: \"\n", "  - }\n", "a: *nowhere\n", "x: \xff\n", "a: {b\n", "%no\n", "\x02\n"} {
		for i := 1; i < len(docs); i++ {
			broken := append([]string{}, docs...)
			body := strings.TrimSuffix(broken[i], "---\n")
			broken[i] = body + breakage + broken[i][len(body):]
			d, findings := in.Ingest([]byte(strings.Join(broken, "")))
			if len(d.Documents) != len(docs)-2 || len(findings) != 1 || findings[0].Code != codeDocument || findings[0].Level != site.Error {
				t.Fatalf("%q in document %d: %d documents, %v", breakage, i, len(d.Documents), findings)
			}
			first := 1 + strings.Count(strings.Join(broken[:i], ""), "\n")
			if last := first + strings.Count(broken[i], "\n"); findings[0].Line < first || findings[0].Line > last {
				t.Errorf("%q in document %d, lines %d to %d: found in line %d", breakage, i, first, last, findings[0].Line)
			}
		}
	}
}

func TestIngestKeepsOrder(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "---\nschema: drydock/Region/v1\nmetadata: {name: r%d}\ndata:\n  z%d: 1\n  authorized_keys: [1, 2, {}]\n  repositories: 5\n", i, i)
	}
	_, findings := newIngester(t).Ingest([]byte(b.String()))
	if len(findings) != 300*5 {
		t.Fatalf("%d findings", len(findings))
	}
	for i := 1; i < len(findings); i++ {
		if a, b := findings[i-1], findings[i]; a.Line > b.Line || a.Line == b.Line && a.Column > b.Column {
			t.Fatalf("finding %d at %d:%d follows one at %d:%d", i, b.Line, b.Column, a.Line, a.Column)
		}
	}
}
