package design

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"drydock/site"
)

const head = "schema: drydock/Region/v1\nmetadata: {name: x}\n"

// lines writes format once for each of 0..n-1.
func lines(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// ingestCheaply fails the test if reading src takes more time or memory than its size explains.
func ingestCheaply(t *testing.T, in *Ingester, src string) (*site.Design, []site.Finding) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	d, findings := in.Ingest([]byte(src))
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if most := 16<<20 + 3000*uint64(len(src)); after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("%d bytes of source took %d bytes of memory", len(src), after.TotalAlloc-before.TotalAlloc)
	}
	if took > 20*time.Second {
		t.Errorf("%d bytes of source took %v", len(src), took)
	}
	return d, findings
}

func wantFinding(t *testing.T, findings []site.Finding, level site.Level, line int, text string) {
	t.Helper()
	for _, f := range findings {
		if f.Code == codeDocument && f.Level == level && strings.Contains(f.Text, text) && (line == 0 || f.Line == line) {
			return
		}
	}
	t.Errorf("no %s in line %d with %q among %d findings: %.500v", level, line, text, len(findings), findings)
}

// A YAML bomb: a few lines that stand for 4^50 values. It is refused without being expanded, and the documents around it are read.
func TestIngestBomb(t *testing.T) {
	in := newIngester(t)
	good := "schema: drydock/Rack/v1\nmetadata: {name: %s}\ndata: {}\n---\n"
	levels := lines(" a%d: &a%[1]d [*b, *b]\n", 1)
	levels = strings.Replace(levels, "[*b, *b]", "[1, 2, 3]", 1)
	for i := 1; i < 50; i++ {
		levels += fmt.Sprintf(" a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1, i-1)
	}
	merges := " a0: &a0 {k: 1}\n"
	for i := 1; i < 25; i++ {
		merges += fmt.Sprintf(" a%d: &a%d {<<: [*a%d, *a%d, *a%d], k%d: {v: *a%d}}\n", i, i, i-1, i-1, i-1, i, i-1)
	}
	for name, c := range map[string]struct{ body, text string }{
		"aliases":    {"data:\n" + levels, "more than 200000 values"},
		"merge keys": {"data:\n" + merges, "more than 200000 values"},
		"keys":       {"more: &a {a: 1}\ndata: {? *a : 1}\n", "cannot be a key"},
		"cycle":      {"data: &a {repositories: {a: *a}}\n", "contains itself"},
		"own merge":  {"data: &a {<<: *a}\n", "contains itself"},
		"root cycle": {"data: {}\nmore: &a [[[*a]]]\n", "contains itself"},
		"depth":      {"data: {repositories: " + strings.Repeat("{a: ", 70) + "1" + strings.Repeat("}", 71) + "\n", "more than 64 levels"},
		"list depth": {"data: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "\n", "more than 64 levels"},
		"deepest":    {"data: " + strings.Repeat("[", 11000) + strings.Repeat("]", 11000) + "\n", "YAML syntax: exceeded max depth"},
		"alias depth": {
			"a: &a " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\ndata: " + strings.Repeat("[", 30) + "*a" + strings.Repeat("]", 30) + "\n",
			"more than 64 levels",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, findings := ingestCheaply(t, in, fmt.Sprintf(good, "before")+head+c.body+"---\n"+fmt.Sprintf(good, "after"))
			wantFinding(t, findings, site.Error, 0, c.text)
			if len(d.Documents) != 2 {
				t.Errorf("documents %v", d.Documents)
			}
		})
	}
	t.Run("foreign", func(t *testing.T) {
		d, findings := ingestCheaply(t, in, fmt.Sprintf(good, "before")+"schema: other/Thing/v1\ndata:\n"+levels)
		if len(findings) != 0 || len(d.Documents) != 1 {
			t.Error(findings)
		}
	})
	t.Run("lookup through merges", func(t *testing.T) {
		src := "a0: &a0 {k: 1}\n"
		for i := 1; i < 50; i++ {
			src += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d, *a%d, *a%d]}\n", i, i, i-1, i-1, i-1, i-1)
		}
		_, findings := ingestCheaply(t, in, src+"<<: [*a49, *a49, *a49]\n")
		wantFinding(t, findings, site.Error, 0, "empty")
	})
}

func TestIngestLimits(t *testing.T) {
	small := func(change func(*limits)) *Ingester {
		in := newIngester(t)
		change(&in.limits)
		return in
	}
	docs := lines("---\nschema: drydock/Rack/v1\nmetadata: {name: r%d}\ndata: {}\n", 20)
	wrong := lines("---\nschema: drydock/Rack/v1\nmetadata: {name: r%d}\ndata: {foo: 1}\n", 20)
	for _, c := range []struct {
		name      string
		in        *Ingester
		src       string
		line      int
		text      string
		documents int
		findings  int
	}{
		{"bytes", small(func(l *limits) { l.bytes = 50 }), docs, 0, "at most 50 are read", 0, 1},
		{"documents", small(func(l *limits) { l.documents = 10 }), docs, 41, "more than 10 documents", 10, 1},
		{"documents that just fit", small(func(l *limits) { l.documents = 20 }), docs + "---\nfoo: [", 81, "more than 20 documents", 20, 1},
		{"tokens", small(func(l *limits) { l.tokens = 30 }), docs + "---\na: [" + strings.Repeat("b,", 30) + "]\n", 81, "too large", 20, 1},
		{"values of all", small(func(l *limits) { l.streamNodes = 100 }), docs, 0, "more than 100 values together", 12, 1},
		{"name", small(func(l *limits) { l.name = 3 }), docs + "---\nschema: drydock/Rack/v1\nmetadata: {name: long}\ndata: {}\n", 83, "longer than 3 bytes", 20, 1},
		{"findings", small(func(l *limits) { l.totalFindings = 5 }), wrong, 0, "more than 5 findings", 0, 6},
		{"findings of a document", small(func(l *limits) { l.findings = 3 }), head + "data: {authorized_keys: [1, 2, 3, 4, 5]}\n---\n" + docs, 0, "2 more findings", 20, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, findings := c.in.Ingest([]byte(c.src))
			wantFinding(t, findings, site.Error, c.line, c.text)
			if len(d.Documents) != c.documents || len(findings) != c.findings {
				t.Errorf("%d documents and %d findings, want %d and %d: %v", len(d.Documents), len(findings), c.documents, c.findings, findings)
			}
		})
	}
}

// Sources that were chosen to be slow to read. None may take more than in proportion to its size.
func TestIngestHostile(t *testing.T) {
	in := newIngester(t)
	size := 1 << 16
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, src := range map[string]string{
		"flow": fill("["), "flow mappings": fill("{"), "lists": fill("- "), "keys": fill("? "), "colons": fill("a: "), "comments": fill("#\n"), "anchors": fill("&a "),
		"tags": fill("!"), "quote": "'" + fill("a\n"), "escapes": `"` + fill(`\n`), "directives": fill("%\n"), "markers": fill("---\n"), "ends": fill("...\n"),
		"block": "|\n" + fill("\n"), "tabs": fill("\t"), "empty lists": "[" + fill("[],") + "]", "aliases": "a: &a [1]\nb: [" + fill("*a,") + "]", "breaks": fill("\r\u2028"),
		"commented list": fill("- a #b\n"), "unclosed documents": lines("---\n[ %d\n", 6000), "unclosed strings": lines("---\n\" %d\n", 6000),
		"repeated key": head + "data:\n" + strings.Repeat("  k: 1\n", 6000), "unknown properties": head + "data:\n" + lines("  k%d: 1\n", 12000),
		"wrong values": "schema: drydock/HostProfile/v1\nmetadata: {name: x}\ndata:\n interfaces:\n" + lines("  k%d: 1\n", 6000),
		"wrong items":  head + "data: {authorized_keys: [" + lines("%d,", 12000) + "]}\n", "tagged": head + "data: {authorized_keys: [" + lines("!x %d,", 6000) + "]}\n",
		"late error": head + "data:\n" + lines("  k%d: 1\n", 6000) + " bad\n", "unknown kinds": lines("---\nschema: drydock/No/v1\nmetadata: {name: x%d}\n", 2000),
		"long number": head + "data: {authorized_keys: [" + fill("9") + ", 1" + fill("_0") + ", 1" + fill(":5") + "]}\n",
		"merges":      head + "a: &a {" + lines("k%d: 1,", 3000) + "}\ndata: {<<: [" + strings.Repeat("*a,", 1500) + "]}\n",
	} {
		t.Run(name, func(t *testing.T) { ingestCheaply(t, in, src) })
	}
}
