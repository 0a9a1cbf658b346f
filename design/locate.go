package design

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// maxLocated is how many documents are read again to find the lines of what is wrong with them.
const maxLocated = 2000

// locate gives findings that name a document and a path the line and column of that place. The model does not keep them: only documents that
// something is wrong with are read again. A place that a node inherits is looked for in its host profiles; where there is none, the nearest
// place around it counts.
func (in *Ingester) locate(src []byte, d *site.Design, findings []site.Finding) []site.Finding {
	wanted := map[site.Ref]bool{}
	for _, f := range findings {
		if len(f.Docs) > 0 && len(wanted) < maxLocated {
			for ref := range lineage(d, f.Docs[0]) {
				wanted[ref] = true
			}
		}
	}
	if len(wanted) == 0 {
		return findings
	}
	docs := reread(src, d, wanted)
	for i := range findings {
		f := &findings[i]
		if len(f.Docs) == 0 {
			continue
		}
		place := strings.Split(strings.TrimPrefix(f.Path, "/"), "/")
		best, own := -1, docs[f.Docs[0]]
		if own != nil && own.payload != "data" && strings.HasPrefix(f.Path, "/data") {
			f.Path = "/" + own.payload + strings.TrimPrefix(f.Path, "/data")
		}
		for ref := range lineage(d, f.Docs[0]) {
			if doc := docs[ref]; doc != nil {
				if at, deep := doc.nearest(place); deep > best {
					best, f.Line, f.Column = deep, doc.offset+at.Line, at.Column
				}
			}
		}
	}
	return findings
}

// lineage yields a document and, for hosts, the profiles that it inherits from.
func lineage(d *site.Design, ref site.Ref) func(yield func(site.Ref) bool) {
	return func(yield func(site.Ref) bool) {
		if !yield(ref) {
			return
		}
		var parent site.Opt[string]
		switch {
		case strings.Contains(ref.Schema, "/BaremetalNode/"):
			if n := d.Node(ref.Name); n != nil {
				parent = n.Profile
			}
		case strings.Contains(ref.Schema, "/HostProfile/"):
			if p := d.HostProfile(ref.Name); p != nil {
				parent = p.Profile
			}
		}
		const most = 16 // a circle ends somewhere
		for range most {
			p := d.HostProfile(parent.V)
			if !parent.Set || p == nil || !yield(p.Ref) {
				return
			}
			parent = p.Profile
		}
	}
}

// reread parses the documents that are wanted.
func reread(src []byte, d *site.Design, wanted map[site.Ref]bool) map[site.Ref]*document {
	at := make(map[int]site.Ref, len(wanted)) // by line
	for _, doc := range d.Documents {
		if wanted[doc.Ref] {
			at[doc.Line] = doc.Ref
		}
	}
	docs := make(map[site.Ref]*document, len(wanted))
	starts := make([]int, 0, len(at))
	for line := range at {
		starts = append(starts, line)
	}
	slices.Sort(starts)
	for p := range parts(bytes.TrimPrefix(src, []byte("\uFEFF"))) {
		last := p.line + bytes.Count(p.text, []byte("\n"))
		for len(starts) > 0 && starts[0] < p.line {
			starts = starts[1:]
		}
		if len(starts) == 0 {
			break
		}
		if starts[0] > last {
			continue
		}
		root, err := parseOnce(p.text)
		if err != nil || root == nil || root.Kind != yaml.MappingNode {
			continue
		}
		ref, ok := at[p.line-1+root.Line]
		if !ok {
			continue
		}
		doc := newDocument(root, p.line-1)
		doc.payload = readEnvelope(root).payload
		docs[ref] = doc
	}
	return docs
}

// nearest returns the place that path leads to, or the deepest one on the way to it, and how many steps lead there.
func (d *document) nearest(path []string) (*yaml.Node, int) {
	at := pair{value: d.root}
	for i, token := range path {
		if i == 0 && token == "data" {
			token = d.payload
		}
		n := resolved(at.value)
		var next pair
		switch n.Kind {
		case yaml.MappingNode:
			next, _ = d.pairs(n).get(strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		case yaml.SequenceNode:
			if j, err := strconv.Atoi(token); err == nil && j >= 0 && j < len(n.Content) {
				next.value = n.Content[j]
			}
		}
		if next.value == nil {
			return pointAt(at), i
		}
		at = next
	}
	return pointAt(at), len(path)
}

// pointAt is where to point for a place: at its key, if it has one.
func pointAt(p pair) *yaml.Node {
	if p.key != nil {
		return p.key
	}
	return p.value
}
