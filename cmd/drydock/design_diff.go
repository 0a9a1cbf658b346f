package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"drydock/site"
)

func (a *app) diffCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff REF1|FILE1|- REF2|FILE2|-",
		Short: "Say what changes for which node from one design to another",
		Long: "Compares two designs as they are after inheritance: which nodes come and go, which values of which nodes change, and what changes in the\n" +
			"parts that nodes share. Order of documents, comments and the way values are inherited do not matter. Nodes with the same changes are shown\n" +
			"together. Exit code 0: nothing changes; 1: something does.",
		Example: "  drydock design diff old.yaml new.yaml\n  drydock design diff https://designs.example/site.yaml site.yaml -o json",
		Args:    cobra.ExactArgs(2),
	}
	reader := a.designReader(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if args[0] == standardInput && args[1] == standardInput {
			return usageError{"only one of the designs can be read from standard input"}
		}
		var sides [2]compiled
		for i := range sides {
			var err error
			if sides[i], err = reader.certain(cmd.Context(), args[i]); err != nil {
				return err
			}
		}
		d := compareDesigns(&sides[0], &sides[1])
		if err := a.print(d, func(w io.Writer) { d.write(w, a.style()) }); err != nil {
			return err
		}
		if !d.Same {
			return errFound
		}
		return nil
	}
	return c
}

// designDiff is what changes from one design to another.
type designDiff struct {
	Old    designSide    `json:"old"`
	New    designSide    `json:"new"`
	Same   bool          `json:"same"`
	Nodes  []partChanges `json:"nodes"`  // added ones last, the others in the order of the old design
	Shared []partChanges `json:"shared"` // by kind
}

// designSide is one of the designs.
type designSide struct {
	Name   string `json:"name"`
	Digest string `json:"sha256"`
}

// The ways in which a part can change.
const (
	partAdded   = "added"
	partRemoved = "removed"
	partChanged = "changed"
)

// partChanges is what changes in one document of a design.
type partChanges struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Change  string   `json:"change"`
	Changes []change `json:"changes"` // of a changed one, by path in the order of the document
}

// change is one place whose value changes.
type change struct {
	Path string `json:"path"`          // JSON pointer; elements of lists go by their names if they have any
	Old  *shown `json:"old,omitempty"` // absent: was not there
	New  *shown `json:"new,omitempty"` // absent: is not there any more
}

func compareDesigns(before, after *compiled) *designDiff {
	d := &designDiff{
		Old: designSide{before.name, before.designed.Digest}, New: designSide{after.name, after.designed.Digest},
		Nodes: []partChanges{}, Shared: []partChanges{},
	}
	if d.Old.Digest != d.New.Digest {
		d.Nodes = compareParts(nodeParts(before.effective), nodeParts(after.effective))
		d.Shared = compareParts(before.effective.Shared(), after.effective.Shared())
	}
	d.Same = len(d.Nodes)+len(d.Shared) == 0
	return d
}

func nodeParts(d *site.Design) []site.Part {
	parts := make([]site.Part, 0, len(d.Nodes))
	for _, n := range d.Nodes {
		parts = append(parts, site.Part{Ref: n.Ref, Kind: "BaremetalNode", Plain: n.Plain()})
	}
	return parts
}

// compareParts pairs parts by kind and name.
func compareParts(before, after []site.Part) []partChanges {
	type key struct{ kind, name string }
	list := []partChanges{}
	now := make(map[key]*site.Part, len(after))
	for i := range after {
		now[key{after[i].Kind, after[i].Name}] = &after[i]
	}
	known := make(map[key]bool, len(before))
	for i := range before {
		p := &before[i]
		k := key{p.Kind, p.Name}
		known[k] = true
		if now[k] == nil {
			list = append(list, partChanges{p.Kind, p.Name, partRemoved, []change{}})
		} else if changes := compareValues("/data", p.Plain, now[k].Plain); len(changes) > 0 {
			list = append(list, partChanges{p.Kind, p.Name, partChanged, changes})
		}
	}
	for i := range after {
		if p := &after[i]; !known[key{p.Kind, p.Name}] {
			list = append(list, partChanges{p.Kind, p.Name, partAdded, []change{}})
		}
	}
	return list
}

// compareValues lists the places at and below path where two plain values differ. What is there on one side only is one change.
func compareValues(path string, before, after any) []change {
	switch b := before.(type) {
	case site.Fields:
		if a, ok := after.(site.Fields); ok {
			return compareMembers(path, b, a)
		}
	case site.Items:
		if a, ok := after.(site.Items); ok {
			return compareItems(path, b, a)
		}
	default:
		if before == after {
			return nil
		}
	}
	return []change{{path, &shown{before}, &shown{after}}}
}

func compareMembers(path string, before, after site.Fields) []change {
	var list []change
	now := make(map[string]any, len(after))
	for _, f := range after {
		now[f.Name] = f.Value
	}
	known := make(map[string]bool, len(before))
	for _, f := range before {
		known[f.Name] = true
		at := path + "/" + pointerEscape.Replace(f.Name)
		if value, ok := now[f.Name]; ok {
			list = append(list, compareValues(at, f.Value, value)...)
		} else {
			list = append(list, change{at, &shown{f.Value}, nil})
		}
	}
	for _, f := range after {
		if !known[f.Name] {
			list = append(list, change{path + "/" + pointerEscape.Replace(f.Name), nil, &shown{f.Value}})
		}
	}
	return list
}

// compareItems pairs elements by their keys. That those of both lists stand in another order is a change of the list.
func compareItems(path string, before, after site.Items) []change {
	oldKeys, newKeys := before.Keys(), after.Keys()
	asFields := func(keys []string, items site.Items) site.Fields {
		fields := make(site.Fields, len(items))
		for i := range items {
			fields[i] = site.Field{Name: keys[i], Value: items[i].Value}
		}
		return fields
	}
	list := compareMembers(path, asFields(oldKeys, before), asFields(newKeys, after))
	if was, is := inBoth(oldKeys, newKeys), inBoth(newKeys, oldKeys); strings.Join(was, "\n") != strings.Join(is, "\n") {
		list = append(list, change{path, &shown{"order: " + strings.Join(was, ", ")}, &shown{"order: " + strings.Join(is, ", ")}})
	}
	return list
}

// inBoth returns the elements of list that others has too.
func inBoth(list, others []string) []string {
	has := make(map[string]bool, len(others))
	for _, s := range others {
		has[s] = true
	}
	var both []string
	for _, s := range list {
		if has[s] {
			both = append(both, s)
		}
	}
	return both
}

// maxNamed is how many of the nodes with the same changes a table names.
const maxNamed = 8

func (d *designDiff) write(w io.Writer, st style) {
	if d.Same {
		fmt.Fprintf(w, "%s and %s say the same.\n", plain(d.Old.Name), plain(d.New.Name))
		return
	}
	fmt.Fprintf(w, "%s → %s\n", plain(d.Old.Name), plain(d.New.Name))
	writeChanges(w, "Nodes", d.Nodes, st)
	writeChanges(w, "Shared by nodes", d.Shared, st)
	counts := map[string]int{}
	for _, n := range d.Nodes {
		counts[n.Change]++
	}
	fmt.Fprintf(w, "\nNodes: %d added, %d removed, %d changed; shared parts that differ: %d\n", counts[partAdded], counts[partRemoved], counts[partChanged], len(d.Shared))
}

// writeChanges shows parts, those that change alike together.
func writeChanges(w io.Writer, heading string, parts []partChanges, st style) {
	if len(parts) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", st.bold(heading))
	alike, order := map[string][]*partChanges{}, []string{}
	for i := range parts {
		p := &parts[i]
		text := p.Kind + "\n" + p.Change + "\n" + changeLines(p.Changes, st)
		if alike[text] == nil {
			order = append(order, text)
		}
		alike[text] = append(alike[text], p)
	}
	marks := map[string]string{partAdded: st.green("+"), partRemoved: st.red("-"), partChanged: "~"}
	for _, text := range order {
		group := alike[text]
		var names []string
		for _, p := range group[:min(len(group), maxNamed)] {
			names = append(names, plain(p.Name))
		}
		if more := len(group) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("… and %d more", more))
		}
		fmt.Fprintf(w, "  %s %s %s\n%s", marks[group[0].Change], group[0].Kind, strings.Join(names, ", "), changeLines(group[0].Changes, st))
	}
}

// maxShown is how many characters of a value a table shows.
const maxShown = 200

func changeLines(changes []change, st style) string {
	var b strings.Builder
	for _, c := range changes {
		side := func(s *shown) string { return plain(shorten(inWords(s.value), maxShown)) }
		switch {
		case c.Old == nil:
			fmt.Fprintf(&b, "      %s: %s\n", plain(c.Path), st.green("+ "+side(c.New)))
		case c.New == nil:
			fmt.Fprintf(&b, "      %s: %s\n", plain(c.Path), st.red("- "+side(c.Old)))
		default:
			fmt.Fprintf(&b, "      %s: %s → %s\n", plain(c.Path), st.red(side(c.Old)), st.green(side(c.New)))
		}
	}
	return b.String()
}
