package design

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"drydock"
	"drydock/site"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// advise adds warnings about a document that is good: what it says and nobody reads, and what reads otherwise than it looks.
func (c *checks) advise(s *schemas, v any) {
	d := c.d
	if advice := s.kinds[d.kind].advice; advice != nil {
		for _, odd := range s.judge(d, advice, v) {
			c.violation(codeDocument, odd)
			c.findings[len(c.findings)-1].Level = site.Warning
		}
	}
	b := &builder{d: d}
	if d.kind == "NetworkLink" {
		c.unusedBond(b)
	}
	if layering := b.member(b.member(d.root, "metadata"), "layeringDefinition"); b.truth(layering, "abstract").V {
		c.warn(layering, []string{"metadata", "layeringDefinition", "abstract"}, "it is abstract: it was not rendered, and is taken as it stands",
			"refer to rendered documents")
	}
	c.surprises(s.kinds[d.kind])
}

func (c *checks) warn(at *yaml.Node, location []string, text, diagnostic string) {
	c.add(at, location, text, diagnostic)
	c.findings[len(c.findings)-1].Level = site.Warning
}

// bondOptions are the properties of a bond by the modes that read them; no mode at all is disabled, which reads none.
var bondOptions = []struct {
	key   string
	modes []string
}{
	{"hash", []string{site.Bond8023AD}},
	{"peer_rate", []string{site.Bond8023AD}},
	{"mon_rate", []string{site.Bond8023AD, site.BondBalanceRR, site.BondActiveBackup}},
	{"up_delay", []string{site.Bond8023AD, site.BondBalanceRR, site.BondActiveBackup}},
	{"down_delay", []string{site.Bond8023AD, site.BondBalanceRR, site.BondActiveBackup}},
}

// unusedBond reports what a bond says although its mode does not read it.
func (c *checks) unusedBond(b *builder) {
	bonding := b.member(b.member(c.d.root, c.d.payload), "bonding")
	mode := or(b.text(bonding, "mode"), site.BondDisabled)
	for _, option := range bondOptions {
		at := b.member(bonding, option.key)
		if at == nil || slices.Contains(option.modes, mode) {
			continue
		}
		location := []string{c.d.payload, "bonding", option.key}
		c.warn(at, location, fmt.Sprintf("%s is not used by the mode %s, so it is dropped", dotted(location), mode),
			"remove it, or use one of the modes that read it: "+strings.Join(option.modes, ", "))
	}
}

// surprises reports scalars that YAML 1.1 reads otherwise than they look, in places where that is no error: where any scalar is taken for text,
// and numbers that are not to base ten. A place for true or false may have yes and no; 0x1F and 1_000 are what they look like where a number is wanted.
func (c *checks) surprises(k kindSchema) {
	for _, n := range c.d.noted {
		location := c.d.locations()[n]
		n = resolved(n)
		note := readScalar(n).note
		switch {
		case note == "" || len(location) == 0:
		case slices.Equal(location, []string{"metadata", "name"}):
			c.surprise(n, location, note, true)
		case location[0] == c.d.payload:
			text, number := k.wants(location[1:])
			if text || number && (strings.HasSuffix(note, "in octal") || strings.HasSuffix(note, "in base 60")) {
				c.surprise(n, location, note, text)
			}
		}
	}
}

func (c *checks) surprise(n *yaml.Node, location []string, note string, isText bool) {
	text := fmt.Sprintf("%s: without quotes %s is read as %s (YAML 1.1)", dotted(location), drydock.OneLine(n.Value, 80), note)
	if read, ok := plainText(n); ok && isText {
		text += ", which as text is " + quote(read)
	}
	c.warn(n, location, text, fmt.Sprintf("if that is not what is meant, put it in quotes: %q", drydock.OneLine(n.Value, 80)))
}

// wants says what the schemas of a kind let stand at a place of the payload: any scalar, which is then taken for text, or a number.
func (k kindSchema) wants(location []string) (text, number bool) {
	at := expand([]*jsonschema.Schema{k.shape, k.model})
	for _, token := range location {
		var next []*jsonschema.Schema
		for _, s := range at {
			next = append(next, below(s, token)...)
		}
		at = expand(next)
	}
	var types []string
	for _, s := range at {
		if s.Types == nil {
			continue
		}
		if types == nil {
			types = s.Types.ToStrings()
			continue
		}
		types = slices.DeleteFunc(types, func(t string) bool { return !slices.Contains(s.Types.ToStrings(), t) })
	}
	return slices.Contains(types, "string") && len(types) > 1, slices.Contains(types, "number")
}

// below returns what a schema says about a property or an element.
func below(s *jsonschema.Schema, token string) []*jsonschema.Schema {
	if p, ok := s.Properties[token]; ok {
		return []*jsonschema.Schema{p}
	}
	if a, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		return []*jsonschema.Schema{a}
	}
	if items, ok := s.Items.(*jsonschema.Schema); ok {
		if _, err := strconv.Atoi(token); err == nil {
			return []*jsonschema.Schema{items}
		}
	}
	return nil
}

// expand adds what schemas refer to.
func expand(list []*jsonschema.Schema) []*jsonschema.Schema {
	for i := 0; i < len(list); i++ {
		s := list[i]
		if s.Ref != nil {
			list = append(list, s.Ref)
		}
		list = append(append(list, s.AllOf...), s.OneOf...)
	}
	return list
}
