package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"drydock/site"
)

func TestCompareValues(t *testing.T) {
	texts := func(list ...string) site.Items {
		var items site.Items
		for _, s := range list {
			items = append(items, site.Item{Key: s, Value: s})
		}
		return items
	}
	named := func(pairs ...string) site.Items {
		var items site.Items
		for i := 0; i < len(pairs); i += 2 {
			items = append(items, site.Item{Key: pairs[i], Value: site.Fields{{Name: "v", Value: pairs[i+1]}}})
		}
		return items
	}
	for name, c := range map[string]struct {
		before, after any
		want          []string
	}{
		"same":               {site.Fields{{Name: "a", Value: 1}, {Name: "b", Value: "x"}}, site.Fields{{Name: "b", Value: "x"}, {Name: "a", Value: 1}}, nil},
		"value":              {site.Fields{{Name: "a/b", Value: 1}}, site.Fields{{Name: "a/b", Value: 2}}, []string{"/a~1b: 1 → 2"}},
		"text and number":    {site.Fields{{Name: "a", Value: 1}}, site.Fields{{Name: "a", Value: "1"}}, []string{"/a: 1 → 1"}},
		"null and nothing":   {site.Fields{{Name: "a", Value: nil}}, site.Fields{}, []string{"/a: null → (none)"}},
		"null and empty":     {site.Fields{{Name: "a", Value: nil}}, site.Fields{{Name: "a", Value: ""}}, []string{`/a: null → ""`}},
		"form":               {site.Fields{{Name: "a", Value: texts("x")}}, site.Fields{{Name: "a", Value: "x"}}, []string{`/a: ["x"] → x`}},
		"element":            {texts("x", "y"), texts("y", "z"), []string{"/x: x → (none)", "/z: (none) → z"}},
		"order":              {texts("x", "y", "z"), texts("z", "x"), []string{"/y: y → (none)", ": order: x, z → order: z, x"}},
		"inside of elements": {named("p", "1", "q", "2"), named("p", "1", "q", "3"), []string{"/q/v: 2 → 3"}},
		"twice the same":     {texts("x", "x"), texts("x", "y"), []string{"/0: x → (none)", "/1: x → (none)", "/x: (none) → x", "/y: (none) → y"}},
	} {
		var got []string
		for _, ch := range compareValues("", c.before, c.after) {
			side := func(s *shown) string {
				if s == nil {
					return "(none)"
				}
				return inWords(s.value)
			}
			got = append(got, fmt.Sprintf("%s: %s → %s", ch.Path, side(ch.Old), side(ch.New)))
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestCompareAnything checks that a value never differs from itself, and that two that look different do differ.
func TestCompareAnything(t *testing.T) {
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			switch kind := rapid.IntRange(0, 4+min(depth, 1)*4).Draw(t, "kind"); {
			case kind == 0:
				return nil
			case kind == 1:
				return rapid.Bool().Draw(t, "bool")
			case kind == 2:
				return rapid.IntRange(0, 2).Draw(t, "int")
			case kind <= 4:
				return rapid.SampledFrom([]string{"", "a", "b/~"}).Draw(t, "text")
			case kind <= 6:
				var fields site.Fields
				for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), rapid.ID[string]).Draw(t, "names") {
					fields = append(fields, site.Field{Name: name, Value: value(depth-1).Draw(t, "member")})
				}
				return fields
			default:
				var items site.Items
				for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"", "k", "l"}), 0, 3).Draw(t, "keys") {
					items = append(items, site.Item{Key: key, Value: value(depth-1).Draw(t, "element")})
				}
				return items
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := value(3).Draw(t, "a"), value(3).Draw(t, "b")
		if changes := compareValues("", a, a); len(changes) > 0 {
			t.Fatalf("%v differs from itself: %v", a, changes)
		}
		there, back := compareValues("", a, b), compareValues("", b, a)
		if len(there) != len(back) {
			t.Fatalf("%v → %v has %d changes, and %d back", a, b, len(there), len(back))
		}
		if len(there) == 0 && len(inWords(a)) != len(inWords(b)) {
			t.Fatalf("%v and %v are said to be the same", a, b)
		}
	})
}

// TestDiffTogether checks that nodes that change alike are shown together, and that a crowd of them is counted.
func TestDiffTogether(t *testing.T) {
	d := &designDiff{Nodes: []partChanges{}, Shared: []partChanges{}}
	for i := range 1000 {
		d.Nodes = append(d.Nodes, partChanges{"BaremetalNode", fmt.Sprintf("n%d\x1b[2J", i), partChanged, []change{{"/data/platform/image", &shown{"a"}, &shown{"b\a"}}}})
	}
	d.Nodes = append(d.Nodes, partChanges{"BaremetalNode", "other", partChanged, []change{{"/data/platform/image", nil, &shown{strings.Repeat("x", 5000)}}}})
	var b bytes.Buffer
	d.write(&b, false)
	got := b.String()
	if strings.Count(got, "/data/platform/image") != 2 || !strings.Contains(got, ", … and 992 more\n      /data/platform/image: a → b \n") || strings.ContainsAny(got, "\x1b\a") || len(got) > 1000 {
		t.Errorf("%d bytes:\n%s", len(got), got)
	}
}
