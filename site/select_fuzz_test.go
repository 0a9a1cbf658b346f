package site

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// meaning is what a filter selects, written down again and as plainly as possible.
func meaning(d *Design, f *NodeFilter) []string {
	selected := []string{}
	constrained := slices.ContainsFunc(f.Filters, func(f Filter) bool { return f.criteria() > 0 })
	for _, n := range d.Nodes {
		in := 0
		for i := range f.Filters {
			if f.Filters[i].meets(d, n) {
				in++
			}
		}
		if constrained && (f.SetType == Intersection && in == len(f.Filters) || f.SetType == Union && in > 0) {
			selected = append(selected, n.Name)
		}
	}
	return selected
}

func (f *Filter) criteria() int {
	return min(len(f.Names), 1) + min(len(f.Tags), 1) + min(len(f.Racks), 1) + min(len(f.Labels), 1) + min(len(f.RackLabels), 1)
}

// meets says of one filter whether a node meets it: in an intersection every criterion, which is so when there is none; in a union one.
func (f *Filter) meets(d *Design, n *BaremetalNode) bool {
	met := 0
	if slices.Contains(f.Names, n.Name) {
		met++
	}
	if n.Rack.Set && slices.Contains(f.Racks, n.Rack.V) {
		met++
	}
	if some, all := counts(f.Tags, n.HasTag); f.Type == Union && some > 0 || f.Type == Intersection && some > 0 && some == all {
		met++
	}
	has := func(owned Attrs) func(Attr) bool {
		return func(a Attr) bool { v, ok := owned.Get(a.Key); return ok && v == a.Value }
	}
	if some, all := counts(f.Labels, has(n.OwnerData)); f.Type == Union && some > 0 || f.Type == Intersection && some > 0 && some == all {
		met++
	}
	if rack := d.Rack(n.Rack.V); n.Rack.Set && rack != nil {
		if some, all := counts(f.RackLabels, has(rack.Labels)); f.Type == Union && some > 0 || f.Type == Intersection && some > 0 && some == all {
			met++
		}
	}
	return f.Type == Intersection && met == f.criteria() || f.Type == Union && met > 0
}

func counts[T any](list []T, f func(T) bool) (some, all int) {
	for _, e := range list {
		if f(e) {
			some++
		}
	}
	return some, len(list)
}

// FuzzSelect: whatever the filter, it selects what its meaning says, in the order of the design, each node once, and Explain says the same.
func FuzzSelect(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, seed*7, "intersection", "union")
	}
	f.Add(uint64(1), uint64(2), "", "bogus")
	f.Fuzz(func(t *testing.T, a, b uint64, set, each string) {
		random := rand.New(rand.NewPCG(a, b))
		d := randomDesign(random)
		filter := &NodeFilter{SetType: set}
		for range random.IntN(4) {
			filter.Filters = append(filter.Filters, randomFilter(random, each))
		}
		got, err := d.Select(filter)
		verdicts, err2 := d.Explain(filter)
		known := func(how string) bool { return how == Intersection || how == Union }
		if good := known(set) && (known(each) || !slices.ContainsFunc(filter.Filters, func(f Filter) bool { return !known(f.Type) })); (err == nil) != good || (err2 == nil) != good {
			t.Fatalf("%+v: %v, %v", filter, err, err2)
		}
		if err != nil {
			return
		}
		if want := meaning(d, filter); !slices.Equal(got, want) {
			t.Fatalf("%+v selects %v, not %v", filter, got, want)
		}
		for i, v := range verdicts {
			if v.Node != d.Nodes[i].Name || v.Selected != slices.Contains(got, v.Node) || v.Reason == "" {
				t.Fatalf("%+v: %+v", filter, v)
			}
		}
	})
}

var fewNames = []string{"a", "b", "c", "d"}

func pick(random *rand.Rand, most int) []string {
	var list []string
	for _, name := range fewNames {
		if len(list) < most && random.IntN(3) == 0 {
			list = append(list, name)
		}
	}
	return list
}

func pickLabels(random *rand.Rand, most int) Attrs {
	var list Attrs
	for _, key := range pick(random, most) {
		list = append(list, Attr{Key: key, Value: fewNames[random.IntN(2)]})
	}
	return list
}

func randomDesign(random *rand.Rand) *Design {
	d := &Design{}
	for _, name := range pick(random, 2) {
		d.Racks = append(d.Racks, &Rack{Ref: Ref{Name: name}, Labels: pickLabels(random, 3)})
	}
	for _, name := range fewNames[:random.IntN(5)] {
		n := &BaremetalNode{Ref: Ref{Name: name}, Host: Host{Tags: pick(random, 4), OwnerData: pickLabels(random, 4)}}
		if random.IntN(3) > 0 {
			n.Rack = Some(fewNames[random.IntN(len(fewNames))])
		}
		d.Nodes = append(d.Nodes, n)
	}
	return d
}

func randomFilter(random *rand.Rand, how string) Filter {
	f := Filter{Type: []string{Intersection, Union, how}[random.IntN(3)]}
	for _, criterion := range []func(){
		func() { f.Names = pick(random, 4) }, func() { f.Tags = pick(random, 3) }, func() { f.Racks = pick(random, 3) },
		func() { f.Labels = pickLabels(random, 2) }, func() { f.RackLabels = pickLabels(random, 2) },
	} {
		if random.IntN(2) == 0 {
			criterion()
		}
	}
	return f
}
