package design

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drydock/site"
)

// What may depend on the order of documents, and is told in docs/documents.md: lines, which of two with one name or one address is the first, which of
// several links is the last, and where a circle begins. Such findings are the same kind of finding about the same documents, whose words
// tell the order.
var ordered = []string{"DD2005", "DD1007", "same VLAN", "in a circle", "of this name before", "stands twice in the same mapping", "but its link"}

// said writes findings without their places, in order of the alphabet.
func said(findings []site.Finding) []string {
	var list []string
	for _, f := range findings {
		docs := make([]string, len(f.Docs))
		for i, d := range f.Docs {
			docs[i] = d.String()
		}
		slices.Sort(docs)
		text := f.Text
		if whole := f.Code + text; slices.ContainsFunc(ordered, func(o string) bool { return strings.Contains(whole, o) }) && f.Level != site.Info {
			text = "…"
		}
		list = append(list, fmt.Sprint(f.Code, " ", f.Rule, " ", f.Level, " ", docs, " ", text))
	}
	slices.Sort(list)
	return list
}

// parts writes every part of a site, in order of the alphabet; so are the lists that follow the order of documents.
func siteParts(d *site.Design) []string {
	var list []string
	add := func(part any) {
		var b strings.Builder
		show(&b, "", fmt.Sprintf("%T", part), reflect.ValueOf(part))
		list = append(list, b.String())
	}
	for _, n := range d.Networks {
		copied := *n
		copied.Routes = slices.SortedFunc(slices.Values(n.Routes), func(a, b site.Route) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		add(&copied)
	}
	for _, b := range d.BootActions {
		copied := *b
		copied.Targets = slices.Sorted(slices.Values(b.Targets))
		add(&copied)
	}
	for _, all := range []any{d.Regions, d.Racks, d.Links, d.HardwareProfiles, d.HostProfiles, d.Nodes} {
		for i := range reflect.ValueOf(all).Len() {
			add(reflect.ValueOf(all).Index(i).Interface())
		}
	}
	slices.Sort(list)
	return list
}

// shuffle mixes documents. Regions keep their order among themselves, because the last one counts, and so do documents of one kind and name, of
// which the first one counts.
func shuffle(random *rand.Rand, docs []string) {
	same := map[string][]string{}
	for _, doc := range docs {
		same[identity(doc)] = append(same[identity(doc)], doc)
	}
	random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	for i := range docs {
		who := identity(docs[i])
		docs[i], same[who] = same[who][0], same[who][1:]
	}
}

var (
	kindLine = regexp.MustCompile(`(?m)^(?:schema|kind): (.*)$`)
	nameText = regexp.MustCompile(`\bname: ([^,}\n]*)`)
)

// identity is the kind and name of a document; regions have no name.
func identity(doc string) string {
	kind := kindLine.FindString(doc)
	if strings.Contains(kind, "Region") {
		return "region"
	}
	return kind + nameText.FindString(doc)
}

// difference lists what only one of two lists has.
func difference(got, want []string) string {
	var b strings.Builder
	for _, s := range got {
		if !slices.Contains(want, s) {
			b.WriteString("+ " + s + "\n")
		}
	}
	for _, s := range want {
		if !slices.Contains(got, s) {
			b.WriteString("- " + s + "\n")
		}
	}
	return b.String()
}

// The order of documents does not matter: the same is found, and the same site comes of it.
func TestReordered(t *testing.T) {
	in := newIngester(t)
	designs := map[string]string{}
	for _, pattern := range []string{"testdata/check/*.yaml", "testdata/compile/*.yaml", "../examples/site/*.yaml"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			must(t, err)
			designs[filepath.Base(file)] = string(src)
		}
	}
	designs["mistakes"] = strings.NewReplacer("size: 60g", "size: 6g", "address: 10.20.2.32", "address: 10.20.2.31", "cpuset.workload", "cpuset.none", "mtu: 9000\n  linkspeed", "mtu: 900\n  linkspeed").
		Replace(designs["site.yaml"])
	if len(designs) < 10 {
		t.Fatalf("%d designs", len(designs))
	}
	for name, text := range designs {
		t.Run(name, func(t *testing.T) {
			docs := strings.Split(strings.TrimSuffix(text, "\n"), "\n---\n")
			d, findings := in.Check([]byte(text))
			want, wantParts := said(findings), siteParts(d)
			random := rand.New(rand.NewPCG(1, 2))
			for range 10 {
				shuffle(random, docs)
				d, findings := in.Check([]byte(strings.Join(docs, "\n---\n") + "\n"))
				if got := said(findings); !slices.Equal(got, want) {
					t.Fatalf("%s\n%s", strings.Join(docs, "\n---\n"), difference(got, want))
				}
				if got := siteParts(d); !slices.Equal(got, wantParts) {
					t.Fatalf("another site:\n%s", difference(got, wantParts))
				}
			}
		})
	}
}
