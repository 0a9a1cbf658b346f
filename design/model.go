package design

import (
	"slices"
	"strconv"
	"strings"

	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// model takes a document that its schemas have let through into the design.
func (r *run) model(d *document) {
	b := &builder{d: d, known: r.texts}
	ds := r.design
	root := b.member(d.root, d.payload)
	switch d.kind {
	case "Region":
		ds.Regions = append(ds.Regions, b.region(root))
	case "Rack":
		ds.Racks = append(ds.Racks, b.rack(root))
	case "NetworkLink":
		ds.Links = append(ds.Links, b.networkLink(root))
	case "Network":
		ds.Networks = append(ds.Networks, b.network(root))
	case "HardwareProfile":
		ds.HardwareProfiles = append(ds.HardwareProfiles, b.hardwareProfile(root))
	case "HostProfile":
		ds.HostProfiles = append(ds.HostProfiles, &site.HostProfile{Ref: d.ref, Host: b.host(root)})
	case "BaremetalNode":
		ds.Nodes = append(ds.Nodes, b.node(root))
	case "BootAction":
		ds.BootActions = append(ds.BootActions, b.bootAction(root))
	}
}

// builder makes parts of a site of the nodes of one document. The schemas have seen them: what is not as expected is taken for left out.
type builder struct {
	d     *document
	known sharedTexts
}

// sharedTexts are those of the model so far, so that each is kept once; nil keeps them as they come.
type sharedTexts map[string]string

// maxShared is the length up to which texts are looked up. Names are short, and what is long stands once.
const maxShared = 64

// of returns a text that is equal to s: the one that the model has already, if it has.
func (t sharedTexts) of(s string) string {
	if t == nil || len(s) > maxShared {
		return s
	}
	if known, ok := t[s]; ok {
		return known
	}
	t[s] = s
	return s
}

// entry is one entry of a mapping with the text of its key.
type entry struct {
	key   string
	value *yaml.Node
}

// member returns the value of a mapping's key, nil if there is none.
func (b *builder) member(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	if p, ok := b.d.pairs(n).get(key); ok {
		return resolved(p.value)
	}
	return nil
}

// entries returns the entries of a mapping in the order of the source. What a merge key brings stands before what the mapping says itself,
// and of several merged mappings the last one stands first, as readers of YAML 1.1 have it.
func (b *builder) entries(n *yaml.Node) []entry {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	pairs := b.d.pairs(n)
	list := make([]entry, 0, len(pairs.list))
	if !slices.ContainsFunc(n.Content, isMerge) {
		for _, p := range pairs.list {
			list = append(list, entry{b.known.of(strings.TrimPrefix(p.text, notText)), resolved(p.value)})
		}
		return list
	}
	seen := make(map[string]bool, len(pairs.list))
	add := func(key string) {
		if p, ok := pairs.get(key); ok && !seen[key] {
			seen[key] = true
			list = append(list, entry{b.known.of(strings.TrimPrefix(key, notText)), resolved(p.value)})
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !isMerge(n.Content[i]) {
			continue
		}
		from := []*yaml.Node{n.Content[i+1]}
		if s := resolved(from[0]); s.Kind == yaml.SequenceNode {
			from = s.Content
		}
		for j := len(from) - 1; j >= 0; j-- {
			for _, e := range b.entries(resolved(from[j])) {
				add(e.key)
				add(notText + e.key)
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !isMerge(n.Content[i]) {
			if key, ok := b.d.key(n.Content[i]); ok {
				add(key)
			}
		}
	}
	return list
}

// items returns the elements of a list.
func (b *builder) items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	list := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		list[i] = resolved(c)
	}
	return list
}

// scalar returns the text of a scalar, where numbers, booleans and dates are taken for text.
func (b *builder) scalar(n *yaml.Node) site.Opt[string] {
	if n == nil || n.Kind != yaml.ScalarNode {
		return site.Opt[string]{}
	}
	text, ok := plainText(n)
	return site.Opt[string]{V: b.known.of(text), Set: ok}
}

// text is scalar of a member.
func (b *builder) text(n *yaml.Node, key string) site.Opt[string] { return b.scalar(b.member(n, key)) }

func (b *builder) texts(n *yaml.Node) []string {
	var list []string
	for _, item := range b.items(n) {
		if text := b.scalar(item); text.Set {
			list = append(list, text.V)
		}
	}
	return list
}

func (b *builder) attrs(n *yaml.Node) site.Attrs {
	entries := b.entries(n)
	if len(entries) == 0 {
		return nil
	}
	list := make(site.Attrs, len(entries))
	for i, e := range entries {
		text := b.scalar(e.value)
		list[i] = site.Attr{Key: e.key, Value: text.V, Null: !text.Set}
	}
	return list
}

// integer returns a number without its fraction.
func (b *builder) integer(n *yaml.Node, key string) site.Opt[int] {
	m := b.member(n, key)
	if m == nil || m.Kind != yaml.ScalarNode {
		return site.Opt[int]{}
	}
	switch v := readScalar(m).value.(type) {
	case int64:
		return site.Some(int(v))
	case float64:
		const limit = 1 << 53
		return site.Some(int(min(max(v, -limit), limit)))
	case bool:
		if v {
			return site.Some(1)
		}
		return site.Some(0)
	case string:
		i, err := strconv.Atoi(strings.ReplaceAll(strings.TrimSpace(v), "_", ""))
		return site.Opt[int]{V: i, Set: err == nil}
	}
	return site.Opt[int]{}
}

// truth returns a boolean; of other values, whether they are something.
func (b *builder) truth(n *yaml.Node, key string) site.Opt[bool] {
	m := b.member(n, key)
	if m == nil {
		return site.Opt[bool]{}
	}
	if m.Kind != yaml.ScalarNode {
		return site.Some(len(m.Content) > 0)
	}
	switch v := readScalar(m).value.(type) {
	case nil:
		return site.Opt[bool]{}
	case bool:
		return site.Some(v)
	case string:
		return site.Some(v != "")
	case int64:
		return site.Some(v != 0)
	case float64:
		return site.Some(v != 0)
	}
	return site.Some(true)
}

// or returns the value, or what stands for it if it is left out.
func or[T any](o site.Opt[T], otherwise T) T {
	if o.Set {
		return o.V
	}
	return otherwise
}
