package design

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drydock/rules"
	"drydock/site"
)

// texts writes what findings say, without their places, sorted.
func texts(findings []site.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, f.Code+" "+string(f.Level)+" "+f.Text)
	}
	slices.Sort(list)
	return list
}

// FuzzCheck compiles whatever can be read and asks every rule: there are always findings, the same ones again, and the designed model stays.
func FuzzCheck(f *testing.F) {
	seeds, err := filepath.Glob("testdata/compile/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(seeds, "../examples/site/site.yaml") {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	in := newIngester(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		d, _ := in.Ingest(src)
		before := showDesign(d)
		e, compiled := site.Compile(d)
		found := append(slices.Clone(compiled), rules.Check(e)...)
		if len(found) < len(rules.All()) || len(e.Nodes) != len(d.Nodes) || len(e.BootActions) != len(d.BootActions) {
			t.Fatalf("%d findings, %d of %d nodes", len(found), len(e.Nodes), len(d.Nodes))
		}
		for _, finding := range found {
			if finding.Text == "" || finding.Code == "" || strings.ContainsAny(finding.Text+finding.Diagnostic, "\n\r\x00") {
				t.Fatalf("incomplete: %+v", finding)
			}
			if strings.Contains(finding.Text, "could not be checked") {
				t.Fatal(finding.Text)
			}
		}
		if showDesign(d) != before {
			t.Fatal("the designed model was changed")
		}
		again, more := site.Compile(d)
		if !slices.Equal(texts(append(more, rules.Check(again)...)), texts(found)) {
			t.Fatal("another run says something else")
		}
		if checked, _ := in.Check(src); checked == nil {
			t.Fatal("no design")
		}
	})
}

// One design serves many checks at once.
func TestCheckShared(t *testing.T) {
	d, _ := newIngester(t).Ingest(grown(t, 10))
	e, _ := site.Compile(d)
	want := texts(rules.Check(e))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			own, _ := site.Compile(d)
			if !slices.Equal(texts(rules.Check(own)), want) || !slices.Equal(texts(rules.Check(e)), want) {
				t.Error("one of many says something else")
			}
			if names, err := e.Select(&site.NodeFilter{SetType: site.Union, Filters: []site.Filter{{Type: site.Union, Tags: []string{"worker"}}}}); err != nil || len(names) != 4 {
				t.Error(names, err)
			}
			if verdicts, err := d.Explain(nil); err != nil || len(verdicts) != 10 || d.Node(verdicts[9].Node) == nil || d.Network("mgmt") == nil {
				t.Error(verdicts, err)
			}
		})
	}
	wg.Wait()
}
