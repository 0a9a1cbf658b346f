package site

import (
	"slices"
	"strings"
	"testing"
)

// twoNodes are a control node and a worker that share a tag and a label, in two racks.
func twoNodes() *Design {
	return &Design{
		Racks: []*Rack{{Ref: Ref{Name: "r1"}, Labels: Attrs{{Key: "hot", Value: "yes"}}}, {Ref: Ref{Name: "r2"}}},
		Nodes: []*BaremetalNode{
			{Ref: Ref{Name: "c1"}, Host: Host{Tags: []string{"a", "b"}, OwnerData: Attrs{{Key: "k1", Value: "v"}, {Key: "k2", Value: "v"}}, Rack: Some("r1")}},
			{Ref: Ref{Name: "w1"}, Host: Host{Tags: []string{"b"}, OwnerData: Attrs{{Key: "k1", Value: "v"}}, Rack: Some("r2")}},
		},
	}
}

func one(how string, f Filter) *NodeFilter {
	f.Type = how
	return &NodeFilter{Intersection, []Filter{f}}
}

func labels(pairs ...string) Attrs {
	var a Attrs
	for i := 0; i < len(pairs); i += 2 {
		a = append(a, Attr{Key: pairs[i], Value: pairs[i+1]})
	}
	return a
}

func TestSelect(t *testing.T) {
	names := func(n ...string) Filter { return Filter{Type: Union, Names: n} }
	racks := func(n ...string) Filter { return Filter{Type: Union, Racks: n} }
	for _, c := range []struct {
		name   string
		filter *NodeFilter
		want   string // "error" for one
	}{
		{"no filter", nil, "c1 w1"},
		{"empty", &NodeFilter{}, "error"},
		{"no filters of a union", &NodeFilter{Union, nil}, ""},
		{"no filters of an intersection", &NodeFilter{Intersection, nil}, ""},
		{"union without criteria", one(Union, Filter{}), ""},
		{"intersection without criteria", one(Intersection, Filter{}), ""},
		{"intersection without criteria beside another", &NodeFilter{Intersection, []Filter{{Type: Intersection}, names("w1")}}, "w1"},
		{"union without criteria beside another", &NodeFilter{Intersection, []Filter{{Type: Union}, names("w1")}}, ""},
		{"unknown set type", &NodeFilter{"bogus", []Filter{names("w1")}}, "error"},
		{"unknown filter type", one("bogus", Filter{Names: []string{"w1"}}), "error"},
		{"name", one(Intersection, Filter{Names: []string{"nope", "w1"}}), "w1"},
		{"order of the design", one(Union, Filter{Names: []string{"w1", "c1"}}), "c1 w1"},
		{"all tags", one(Intersection, Filter{Tags: []string{"a", "b"}}), "c1"},
		{"one tag", one(Union, Filter{Tags: []string{"a", "b"}}), "c1 w1"},
		{"all labels", one(Intersection, Filter{Labels: labels("k1", "v", "k2", "v")}), "c1"},
		{"one label", one(Union, Filter{Labels: labels("k1", "v", "k2", "v")}), "c1 w1"},
		{"other value", one(Union, Filter{Labels: labels("k1", "w")}), ""},
		{"label and tag", one(Intersection, Filter{Labels: labels("k1", "v"), Tags: []string{"a"}}), "c1"},
		{"rack", one(Intersection, Filter{Racks: []string{"r2"}}), "w1"},
		{"rack label", one(Intersection, Filter{RackLabels: labels("hot", "yes")}), "c1"},
		{"nobody and rack", one(Intersection, Filter{Names: []string{"nope"}, Racks: []string{"r1"}}), ""},
		{"nobody or rack", one(Union, Filter{Names: []string{"nope"}, Racks: []string{"r1"}}), "c1"},
		{"union of filters", &NodeFilter{Union, []Filter{names("w1"), racks("r1")}}, "c1 w1"},
		{"intersection of filters", &NodeFilter{Intersection, []Filter{names("w1"), racks("r1")}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := twoNodes()
			got, err := d.Select(c.filter)
			if said := strings.Join(got, " "); said != c.want && (err == nil || c.want != "error") || err == nil && got == nil {
				t.Errorf("selected %q, %v; want %q", said, err, c.want)
			}
			verdicts, err2 := d.Explain(c.filter)
			if (err == nil) != (err2 == nil) {
				t.Errorf("Select says %v, Explain says %v", err, err2)
			}
			for _, v := range verdicts {
				if v.Selected != slices.Contains(got, v.Node) || v.Reason == "" {
					t.Errorf("Explain: %+v", v)
				}
			}
		})
	}
}

func TestExplainReason(t *testing.T) {
	verdicts, err := twoNodes().Explain(&NodeFilter{Union, []Filter{
		{Type: Intersection, Tags: []string{"a"}, Labels: labels("k1", "v")}, {Type: Union, Racks: []string{"r9"}},
	}})
	if err != nil || len(verdicts) != 2 {
		t.Fatal(verdicts, err)
	}
	want := []string{
		"filter 1: it has all of the tags a: yes; filter 1: it has all of the labels k1=v: yes; filter 2: its rack is in rack_names: no",
		"filter 1: it has all of the tags a: no; filter 2: its rack is in rack_names: no",
	}
	for i, v := range verdicts {
		if v.Reason != want[i] {
			t.Errorf("%s: %s\nwant %s", v.Node, v.Reason, want[i])
		}
	}
}
