package design

import (
	"os"
	"testing"

	"drydock/site"
)

// TestLastChecks: they see the effective design, where nothing else is an error, and their findings get a line.
func TestLastChecks(t *testing.T) {
	asked := 0
	in, err := NewIngester(func(d *site.Design) []site.Finding {
		asked++
		return []site.Finding{{Code: "X1", Level: site.Warning, Text: "odd", Docs: []site.Ref{d.Nodes[0].Ref}, Path: "/data"}}
	})
	must(t, err)
	for name, times := range map[string]int{"site.yaml": 1, "broken.yaml": 0} {
		src, err := os.ReadFile("../examples/site/" + name)
		must(t, err)
		asked = 0
		_, findings := in.Check(src)
		if asked != times {
			t.Errorf("%s: asked %d times, want %d", name, asked, times)
		}
		if last := findings[len(findings)-1]; times == 1 && (last.Code != "X1" || last.Line == 0) {
			t.Errorf("%s: %+v", name, last)
		}
	}
}
