package design

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"drydock"
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// document is one document of ours while it is being checked. Its line numbers are still those of its part.
type document struct {
	root    *yaml.Node
	offset  int      // lines of the source before the part
	ref     site.Ref // name empty: not known
	kind    string
	payload string // key of what the kind's schema describes: data or spec

	values map[*yaml.Node]any      // nil until needed: anchored nodes that have been converted: shared by their aliases
	maps   map[*yaml.Node]*members // mappings with their merge keys applied
	where  map[*yaml.Node][]string
	faults []fault
	noted  []*yaml.Node        // scalars that read otherwise than they look
	bad    map[*yaml.Node]bool // where faults are
}

// pair is one entry of a mapping.
type pair struct{ key, value *yaml.Node }

// members are the entries of a mapping by the text of their keys, in the order in which they came. Most mappings are small, and then looking
// through a list is cheaper than a map.
type members struct {
	list  []member
	index map[string]int // nil while the list is short
}

type member struct {
	text string
	pair
}

// maxListSearch is the length up to which a list is looked through.
const maxListSearch = 12

func (m *members) find(text string) int {
	if m.index != nil {
		if i, ok := m.index[text]; ok {
			return i
		}
		return -1
	}
	for i := range m.list {
		if m.list[i].text == text {
			return i
		}
	}
	return -1
}

// get returns the entry for a key; the zero pair if there is none.
func (m *members) get(text string) (p pair, ok bool) {
	if i := m.find(text); i >= 0 {
		return m.list[i].pair, true
	}
	return pair{}, false
}

// add appends an entry that is not there yet.
func (m *members) add(text string, p pair) {
	m.list = append(m.list, member{text, p})
	switch {
	case m.index != nil:
		m.index[text] = len(m.list) - 1
	case len(m.list) > maxListSearch:
		m.index = make(map[string]int, 2*len(m.list))
		for i := range m.list {
			m.index[m.list[i].text] = i
		}
	}
}

// fault is something wrong with the YAML of a document that the parser let through.
type fault struct {
	at         *yaml.Node
	text       string
	diagnostic string
	level      site.Level
}

// notText marks, as the first character of a converted key, a key that is not text in the source. YAML knows such keys, JSON does not.
const notText = "\x00"

const (
	mergeKey = "!!merge"
	tagMap   = "!!map"
	tagSeq   = "!!seq"
)

func newDocument(root *yaml.Node, offset int) *document {
	return &document{root: root, offset: offset, maps: map[*yaml.Node]*members{}}
}

func (d *document) fault(at *yaml.Node, format string, args ...any) {
	if d.bad == nil {
		d.bad = map[*yaml.Node]bool{}
	}
	d.bad[at] = true
	d.faults = append(d.faults, fault{at, fmt.Sprintf(format, args...), "", site.Error})
}

// value converts a node to what the schemas judge: nil, bool, int64, float64, string, opaque, []any, map[string]any. What aliases share is
// shared in the result as well. The document must have been measured: it may not contain itself.
func (d *document) value(n *yaml.Node) any {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v, ok := d.values[n]; ok {
		return v
	}
	v := d.convert(n)
	if n.Anchor != "" {
		if d.values == nil {
			d.values = map[*yaml.Node]any{}
		}
		d.values[n] = v
	}
	return v
}

func (d *document) convert(n *yaml.Node) any {
	switch n.Kind {
	case yaml.ScalarNode:
		s := readScalar(n)
		if s.err != "" {
			d.fault(n, "%s %s", quote(n.Value), s.err)
			return opaque("unreadable")
		}
		if s.note != "" {
			d.noted = append(d.noted, n)
		}
		return s.value
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = d.value(c)
		}
		return d.collection(n, tagSeq, list)
	case yaml.MappingNode:
		pairs := d.pairs(n)
		m := make(map[string]any, len(pairs.list))
		for _, p := range pairs.list {
			m[p.text] = d.value(p.value)
		}
		return d.collection(n, tagMap, m)
	}
	return nil
}

// collection returns v, unless the tag of n makes something else of it.
func (d *document) collection(n *yaml.Node, usual string, v any) any {
	if n.Style&yaml.TaggedStyle == 0 || n.Tag == usual {
		return v
	}
	switch n.Tag {
	case "!!set", "!!omap", "!!pairs":
		return opaque("a " + strings.TrimPrefix(n.Tag, tagPrefix))
	}
	d.fault(n, "the value has the tag %s, which is not allowed", drydock.OneLine(n.Tag, 60))
	return v
}

// pairs returns the entries of a mapping by the text of their keys, merge keys applied: what the mapping itself says wins over what it merges,
// an earlier merged mapping over a later one.
func (d *document) pairs(n *yaml.Node) *members {
	if m, ok := d.maps[n]; ok {
		return m
	}
	m := &members{list: make([]member, 0, len(n.Content)/2)}
	d.maps[n] = m
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if isMerge(k) {
			merged = append(merged, v)
			continue
		}
		text, ok := d.key(k)
		if !ok {
			continue
		}
		if strings.HasPrefix(text, notText) {
			d.noted = append(d.noted, k)
		}
		if again := m.find(text); again >= 0 {
			first := &m.list[again]
			// Upstream takes the last without a word; a design that it accepts is not refused for that.
			said := fmt.Sprintf("the key %s stands twice in the same mapping, first in line %d", quote(strings.TrimPrefix(text, notText)), first.key.Line+d.offset)
			d.faults = append(d.faults, fault{k, said, "remove one of them; the last one counts", site.Warning})
			first.pair = pair{k, v}
			continue
		}
		m.add(text, pair{k, v})
	}
	for _, v := range merged {
		d.merge(m, v)
	}
	return m
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && (k.Tag == mergeKey || k.Tag == "") && k.Style&quoted == 0
}

func (d *document) merge(into *members, v *yaml.Node) {
	from := []*yaml.Node{v}
	if s := resolved(v); s.Kind == yaml.SequenceNode {
		from = s.Content
	}
	for _, f := range from {
		f = resolved(f)
		if f.Kind != yaml.MappingNode {
			d.fault(v, "the merge key << needs a mapping or a list of mappings")
			continue
		}
		for _, p := range d.pairs(f).list {
			if into.find(p.text) < 0 {
				into.add(p.text, p.pair)
			}
		}
	}
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// key returns the text of a mapping's key.
func (d *document) key(k *yaml.Node) (string, bool) {
	n := resolved(k)
	if n.Kind != yaml.ScalarNode {
		d.fault(k, "a list or mapping cannot be a key")
		return "", false
	}
	s := readScalar(n)
	if s.err != "" {
		d.fault(k, "the key %s %s", quote(n.Value), s.err)
		return "", false
	}
	if text, ok := s.value.(string); ok {
		return text, true
	}
	if text, ok := scalarText(s.value); ok {
		return notText + text, true
	}
	if s.value == nil {
		return notText + "null", true
	}
	return notText + n.Value, true
}

// find returns the entry at an instance location under the payload, or the deepest one above it that exists.
func (d *document) find(location []string) pair {
	at, _ := d.pairs(d.root).get(d.payload)
	if at.value == nil {
		return pair{value: d.root}
	}
	for _, token := range location {
		n := resolved(at.value)
		switch n.Kind {
		case yaml.MappingNode:
			next, ok := d.pairs(n).get(token)
			if !ok {
				return at
			}
			at = next
		case yaml.SequenceNode:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(n.Content) {
				return at
			}
			at = pair{value: n.Content[i]}
		default:
			return at
		}
	}
	return at
}

// locations returns where the nodes of the document are. Nodes behind aliases are found where they are defined.
func (d *document) locations() map[*yaml.Node][]string {
	if d.where != nil {
		return d.where
	}
	d.where = map[*yaml.Node][]string{}
	var walk func(n *yaml.Node, at []string)
	walk = func(n *yaml.Node, at []string) {
		d.where[n] = at
		down := func(child *yaml.Node, token string) { walk(child, append(slices.Clip(at), token)) }
		for i, child := range n.Content {
			switch {
			case n.Kind == yaml.SequenceNode:
				down(child, strconv.Itoa(i))
			case i%2 == 0 && i+1 < len(n.Content):
				token := resolved(child).Value
				down(child, token)
				down(n.Content[i+1], token)
			}
		}
	}
	walk(d.root, nil)
	return d.where
}

// lookup returns a top-level value by key without judging the document: it may yet turn out to be somebody else's.
func lookup(root *yaml.Node, key string) *yaml.Node { return lookupIn(root, key, 0) }

func lookupIn(m *yaml.Node, key string, depth int) *yaml.Node {
	var merged []*yaml.Node
	var found *yaml.Node
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := resolved(m.Content[i]), m.Content[i+1]
		switch {
		case isMerge(k):
			merged = append(merged, v)
		case k.Kind == yaml.ScalarNode && k.Value == key:
			found = resolved(v)
		}
	}
	if found != nil || depth > maxMergeLookup {
		return found
	}
	for _, v := range merged {
		from := []*yaml.Node{v}
		if s := resolved(v); s.Kind == yaml.SequenceNode {
			from = s.Content[:min(len(s.Content), maxMergeLookup)]
		}
		for _, f := range from {
			if f = resolved(f); f.Kind != yaml.MappingNode {
				continue
			}
			if found := lookupIn(f, key, depth+1); found != nil {
				return found
			}
		}
	}
	return nil
}

// maxMergeLookup bounds the search for schema and apiVersion in merged mappings, which may contain themselves.
const maxMergeLookup = 4

// textOf returns the text of a scalar that is text.
func textOf(n *yaml.Node) (string, bool) {
	if n == nil || n.Kind != yaml.ScalarNode {
		return "", false
	}
	text, ok := readScalar(n).value.(string)
	return text, ok
}

// envelope is what the outside of a document says about it.
type envelope struct {
	kind, version, payload string
	schema                 string // as it is quoted in references
	ours                   bool
	warning                string // set: cannot be ours, but looks wrong
	err                    string // set: ours and wrong
	at                     *yaml.Node
	key                    string // of at
}

// readEnvelope tells our documents from others: "schema: drydock/Kind/v1" with data, or "apiVersion: drydock/…" with kind and spec.
func readEnvelope(root *yaml.Node) envelope {
	schema, api := lookup(root, "schema"), lookup(root, "apiVersion")
	if text, ok := textOf(schema); ok {
		p := strings.Split(text, "/")
		if p[0] == "drydock" {
			e := envelope{ours: true, payload: "data", schema: text, at: schema, key: "schema"}
			if len(p) != 3 {
				e.err = fmt.Sprintf("schema is %s, but must have the form drydock/Kind/%s", quote(text), schemaVersion)
				return e
			}
			e.kind, e.version = p[1], p[2]
			return e
		}
	}
	if text, ok := textOf(api); ok && strings.HasPrefix(text, "drydock/") {
		kind := lookup(root, "kind")
		e := envelope{ours: true, payload: "spec", version: schemaVersion, at: api, key: "apiVersion"} // the version was never looked at
		if e.kind, ok = textOf(kind); !ok {
			e.err, e.schema = "apiVersion is "+quote(text)+", but kind is missing or not text", text
			return e
		}
		e.schema, e.at, e.key = "drydock/"+e.kind+"/"+schemaVersion, kind, "kind"
		return e
	}
	if _, ok := textOf(schema); schema != nil && !ok {
		return envelope{at: schema, key: "schema", warning: "the schema of this document is not text; the document is ignored"}
	}
	return envelope{}
}

// check says what is wrong with the kind and version of an envelope, if anything is.
func (e envelope) check() (text, diagnostic string) {
	if e.err != "" {
		return e.err, "known kinds: " + strings.Join(kindNames(), ", ")
	}
	if !slices.Contains(kindNames(), e.kind) {
		for _, k := range kindNames() {
			if strings.EqualFold(k, e.kind) {
				return fmt.Sprintf("the kind %s is not known", quote(e.kind)), fmt.Sprintf("did you mean %s? Capitals matter", k)
			}
		}
		return fmt.Sprintf("the kind %s is not known", quote(e.kind)), "known kinds: " + strings.Join(kindNames(), ", ")
	}
	if e.version != schemaVersion {
		return fmt.Sprintf("version %s of %s is not known", quote(e.version), e.kind), "write drydock/" + e.kind + "/" + schemaVersion
	}
	return "", ""
}

// quote writes a text of the source, shortened, so that its borders can be seen.
func quote(s string) string { return strconv.Quote(drydock.OneLine(s, 80)) }
