package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NodeFilter selects nodes: those that all (intersection) or any (union) of its filters select.
type NodeFilter struct {
	SetType string // Intersection, Union
	Filters []Filter
}

// Filter selects nodes by criteria. Those that are empty do not count. In an intersection a node must meet every criterion, and have all the
// tags and labels; in a union one criterion, one tag or one label is enough. Names and racks are always lists to choose from.
type Filter struct {
	Type               string // Intersection, Union
	Names, Tags, Racks []string
	Labels             Attrs // of the node's owner data
	RackLabels         Attrs // of the node's rack
}

// How filters and criteria are joined.
const (
	Intersection = "intersection"
	Union        = "union"
)

// Verdict says whether a node is selected, and why.
type Verdict struct {
	Node     string
	Selected bool
	Reason   string
}

// Select returns the names of the nodes that f selects, in the order of the design, each once. A nil filter selects every node. A filter
// without any criterion constrains nothing in an intersection with others and selects nothing in a union; a set of filters without any
// criterion at all selects nothing, because it is nearly always a mistake. The error says what is wrong with the filter itself.
func (d *Design) Select(f *NodeFilter) ([]string, error) {
	names := []string{}
	if f == nil {
		for _, n := range d.Nodes {
			names = append(names, n.Name)
		}
		return names, nil
	}
	s, err := d.selection(f)
	if err != nil {
		return nil, err
	}
	for _, n := range d.Nodes {
		if s.selects(n) {
			names = append(names, n.Name)
		}
	}
	return names, nil
}

// Explain is Select with a reason for every node of the design.
func (d *Design) Explain(f *NodeFilter) ([]Verdict, error) {
	verdicts := make([]Verdict, 0, len(d.Nodes))
	if f == nil {
		for _, n := range d.Nodes {
			verdicts = append(verdicts, Verdict{n.Name, true, "there is no filter"})
		}
		return verdicts, nil
	}
	s, err := d.selection(f)
	if err != nil {
		return nil, err
	}
	for _, n := range d.Nodes {
		verdicts = append(verdicts, Verdict{n.Name, s.selects(n), s.reason(n)})
	}
	return verdicts, nil
}

// Constrains reports whether the filter has any criterion.
func (f *NodeFilter) Constrains() bool {
	return slices.ContainsFunc(f.Filters, func(f Filter) bool {
		return len(f.Names)+len(f.Tags)+len(f.Racks)+len(f.Labels)+len(f.RackLabels) > 0
	})
}

// selection is a filter made ready: names in sets, criteria as functions.
type selection struct {
	join    string
	filters []prepared
}

type prepared struct {
	join     string
	criteria []criterion
}

// criterion is one condition on a node, and how to say it.
type criterion struct {
	words string
	met   func(n *BaremetalNode) bool
}

func (d *Design) selection(f *NodeFilter) (*selection, error) {
	if err := checkJoin("filter_set_type", f.SetType); err != nil {
		return nil, err
	}
	s := &selection{join: f.SetType}
	for i := range f.Filters {
		if err := checkJoin(fmt.Sprintf("filter_set[%d].filter_type", i), f.Filters[i].Type); err != nil {
			return nil, err
		}
		s.filters = append(s.filters, prepared{f.Filters[i].Type, d.criteria(&f.Filters[i])})
	}
	if !f.Constrains() {
		s.join = Union // of filters that select nothing
		for i := range s.filters {
			s.filters[i].join = Union
		}
	}
	return s, nil
}

func checkJoin(what, join string) error {
	if join != Intersection && join != Union {
		return fmt.Errorf("%s must be %s or %s, not %q", what, Intersection, Union, join)
	}
	return nil
}

func (d *Design) criteria(f *Filter) []criterion {
	var list []criterion
	add := func(n int, words string, met func(n *BaremetalNode) bool) {
		if n > 0 {
			list = append(list, criterion{words, met})
		}
	}
	names, racks, tags := set(f.Names), set(f.Racks), set(f.Tags)
	add(len(f.Names), "its name is in node_names", func(n *BaremetalNode) bool { return names[n.Name] })
	add(len(f.Tags), join(f.Type)+" of the tags "+strings.Join(f.Tags, ", "), func(n *BaremetalNode) bool {
		found := map[string]bool{}
		for _, tag := range n.Tags {
			if tags[tag] {
				found[tag] = true
			}
		}
		return enough(f.Type, len(found), len(tags))
	})
	labels, rackLabels := f.Labels.values(), f.RackLabels.values()
	add(len(f.Labels), join(f.Type)+" of the labels "+f.Labels.words(), func(n *BaremetalNode) bool {
		return enough(f.Type, n.OwnerData.count(labels), len(labels))
	})
	add(len(f.Racks), "its rack is in rack_names", func(n *BaremetalNode) bool { return n.Rack.Set && racks[n.Rack.V] })
	add(len(f.RackLabels), join(f.Type)+" of the rack labels "+f.RackLabels.words(), func(n *BaremetalNode) bool {
		rack := d.Rack(n.Rack.V)
		return n.Rack.Set && rack != nil && enough(f.Type, rack.Labels.count(rackLabels), len(rackLabels))
	})
	return list
}

// enough reports whether having so many of what is wanted will do.
func enough(how string, has, wanted int) bool { return has > 0 && (how == Union || has == wanted) }

func (a Attrs) values() map[string]string {
	m := make(map[string]string, len(a))
	for _, e := range a {
		m[e.Key] = e.Value
	}
	return m
}

// count returns how many entries are wanted with the value that they have.
func (a Attrs) count(wanted map[string]string) int {
	n := 0
	for _, e := range a {
		if v, ok := wanted[e.Key]; ok && v == e.Value && !e.Null {
			n++
		}
	}
	return n
}

func (a Attrs) words() string {
	var list []string
	for _, e := range a {
		list = append(list, e.Key+"="+e.Value)
	}
	return strings.Join(list, ", ")
}

func join(how string) string {
	if how == Intersection {
		return "it has all"
	}
	return "it has one"
}

func set(list []string) map[string]bool {
	return maps.Collect(func(yield func(string, bool) bool) {
		for _, s := range list {
			if !yield(s, true) {
				return
			}
		}
	})
}

// holds reports whether all or any of the elements satisfy f.
func holds[T any](how string, list []T, f func(T) bool) bool {
	if how == Intersection {
		return !slices.ContainsFunc(list, func(e T) bool { return !f(e) })
	}
	return slices.ContainsFunc(list, f)
}

func (p prepared) selects(n *BaremetalNode) bool {
	return holds(p.join, p.criteria, func(c criterion) bool { return c.met(n) })
}

func (s *selection) selects(n *BaremetalNode) bool {
	return holds(s.join, s.filters, func(p prepared) bool { return p.selects(n) })
}

// reason says which conditions decided about a node.
func (s *selection) reason(n *BaremetalNode) string {
	var said []string
	for i, p := range s.filters {
		in := p.selects(n)
		if len(p.criteria) == 0 {
			said = append(said, fmt.Sprintf("filter %d has no criterion", i+1))
			continue
		}
		for _, c := range p.criteria {
			if met := c.met(n); met == in {
				said = append(said, fmt.Sprintf("filter %d: %s: %s", i+1, c.words, map[bool]string{true: "yes", false: "no"}[met]))
			}
		}
	}
	if len(said) == 0 {
		return "the filter has no criterion"
	}
	return strings.Join(said, "; ")
}
