package design

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"

	"drydock"
)

// violation is one breach of a schema, in words, at a place of the document.
type violation struct {
	location   []string // under the payload
	at         *yaml.Node
	text       string // what is wrong there; follows the place
	diagnostic string
}

// judge holds v, the payload of d, against sch.
func (s *schemas) judge(d *document, sch *jsonschema.Schema, v any) []violation {
	if g := s.gates[sch]; g != nil && g.lets(v) {
		return nil
	}
	err := sch.Validate(v)
	if err == nil {
		return nil
	}
	verr, ok := err.(*jsonschema.ValidationError) //nolint:errorlint // the library's documented result
	if !ok {
		return []violation{{at: d.root, text: "cannot be checked: " + drydock.OneLine(err.Error(), 200)}}
	}
	var all []violation
	for _, e := range s.leaves(verr) {
		all = append(all, s.violations(d, e)...)
	}
	return all
}

// leaves takes the library's tree of errors apart: one error for each thing that is wrong.
func (s *schemas) leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		var all []*jsonschema.ValidationError
		for _, c := range e.Causes {
			all = append(all, s.leaves(c)...)
		}
		return all
	case *kind.OneOf, *kind.AnyOf:
		return []*jsonschema.ValidationError{s.nearest(e)}
	}
	return []*jsonschema.ValidationError{e}
}

// nearest picks what to report of a value that fits none of several schemas: the first fault inside of the value, because then its outside
// fits one of them; else the choice itself. A choice that describes itself is always reported as a whole, unless it is one by form.
func (s *schemas) nearest(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	if _, ok := e.ErrorKind.(*kind.AnyOf); ok && s.describe(e) != "" {
		return e
	}
	best := e
	for _, c := range e.Causes {
		for _, leaf := range s.leaves(c) {
			switch by := len(leaf.InstanceLocation) - len(best.InstanceLocation); {
			case by > 0, by == 0 && best != e && slices.Compare(leaf.InstanceLocation, best.InstanceLocation) < 0:
				best = leaf
			}
		}
	}
	return best
}

// describe returns what the schema that e is about says a value must be, in words; usually nothing.
func (s *schemas) describe(e *jsonschema.ValidationError) string {
	if part := s.parts[e.SchemaURL]; part != nil {
		return part.Description
	}
	return ""
}

func (s *schemas) violations(d *document, e *jsonschema.ValidationError) []violation {
	at := d.find(e.InstanceLocation)
	v := violation{location: e.InstanceLocation, at: place(at)}
	words := s.describe(e)
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		v.text, v.diagnostic = wrongType(k.Want, words, at.value)
	case *kind.InvalidJsonValue:
		v.text, v.diagnostic = wrongType(s.wanted(e), words, at.value)
	case *kind.Required:
		return each(k.Missing, func(name string) violation {
			v.text = "lacks " + quote(name)
			return v
		})
	case *kind.AdditionalProperties:
		v.at, v.text = d.surplus(at.value, k.Properties)
		v.diagnostic = "known here: " + strings.Join(s.properties(e), ", ")
	case *kind.Enum:
		v.text = fmt.Sprintf("must be %s, not %s", listing(k.Want), sayValue(at.value))
	case *kind.Not:
		v.at = at.value
		if at.key != nil {
			v.at = at.key
		}
		v.text = "must be " + words
	case *kind.Pattern:
		if words == "" {
			words = "of the form " + k.Want
		}
		v.text = fmt.Sprintf("must be %s, not %s", words, sayValue(at.value))
	case *kind.MinItems, *kind.MinLength:
		v.text = "must not be empty"
	default:
		if words == "" {
			words = "something else (" + strings.Join(e.ErrorKind.KeywordPath(), " ") + ")"
		}
		v.text = "must be " + words
		if _, choice := k.(*kind.AnyOf); !choice {
			v.text += ", not " + sayValue(at.value)
		}
	}
	return []violation{v}
}

func each(names []string, f func(string) violation) []violation {
	all := make([]violation, len(names))
	for i, name := range names {
		all[i] = f(name)
	}
	return all
}

// place is where to point for a value: at the value, or at its key where the value is nothing.
func place(p pair) *yaml.Node {
	if p.key != nil && p.value.Kind == yaml.ScalarNode && p.value.Value == "" {
		return p.key
	}
	return p.value
}

// surplus names the keys of a mapping that should not be there, in their order, and points at the first.
func (d *document) surplus(m *yaml.Node, names []string) (*yaml.Node, string) {
	pairs := d.pairs(resolved(m))
	keyOf := func(name string) *yaml.Node {
		p, _ := pairs.get(name)
		return p.key
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := keyOf(names[i]), keyOf(names[j])
		if a == nil || b == nil || a.Line == b.Line && a.Column == b.Column {
			return names[i] < names[j]
		}
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	at := m
	if k := keyOf(names[0]); k != nil {
		at = k
	}
	shown := names[:min(len(names), maxListed)]
	words := make([]string, len(shown))
	for i, n := range shown {
		words[i] = quote(strings.TrimPrefix(n, notText))
	}
	text := "has the unknown property " + words[0]
	if len(names) > 1 {
		text = "has the unknown properties " + strings.Join(words, ", ")
	}
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return at, text
}

// maxListed is how many names one finding lists.
const maxListed = 20

// properties lists what the schema that e is about knows.
func (s *schemas) properties(e *jsonschema.ValidationError) []string {
	part := s.parts[e.SchemaURL]
	if part == nil {
		return nil
	}
	names := make([]string, 0, len(part.Properties))
	for name := range part.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (s *schemas) wanted(e *jsonschema.ValidationError) []string {
	part := s.parts[e.SchemaURL]
	if part == nil || part.Types == nil {
		return nil
	}
	return part.Types.ToStrings()
}

// typeWords are JSON's types as people say them, in the order in which they are listed.
var typeWords = []struct{ name, words string }{
	{"string", "text"}, {"number", "a number"}, {"boolean", "true or false"}, {"object", "a mapping"}, {"array", "a list"}, {"null", "nothing"},
}

// wrongType says that a value has another type than wanted, and how its source came to be read as that type where this may surprise.
func wrongType(want []string, words string, n *yaml.Node) (text, diagnostic string) {
	if words == "" {
		var names []string
		for _, t := range typeWords {
			if slices.Contains(want, t.name) {
				names = append(names, t.words)
			}
		}
		if words = strings.Join(names, " or "); words == "" {
			words = "something else"
		}
	}
	return fmt.Sprintf("must be %s, not %s", words, sayValue(n)), typeHint(want, resolved(n))
}

func typeHint(want []string, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	s := readScalar(n)
	isQuoted := n.Style&(quoted|yaml.TaggedStyle) != 0
	text, isText := s.value.(string)
	switch {
	case s.value == nil:
		return "give it a value, or remove the key"
	case slices.Contains(want, "string") && !isText && !isQuoted && s.note != "":
		return fmt.Sprintf("without quotes %s is read as %s (YAML 1.1); put it in quotes: %q", drydock.OneLine(n.Value, 80), s.note, drydock.OneLine(n.Value, 80))
	case slices.Contains(want, "string") && !isText && !isQuoted:
		return fmt.Sprintf("put it in quotes: %q", drydock.OneLine(n.Value, 80))
	case slices.Contains(want, "number") && isText && isQuoted:
		if _, ok := scalarText(plain(text).value); ok && numeric(plain(text).value) {
			return "remove the quotes"
		}
	case slices.Contains(want, "boolean") && isText && isQuoted:
		if _, ok := plainBool(text); ok {
			return "remove the quotes"
		}
	case slices.Contains(want, "number") && isText && looksNumeric(text):
		return fmt.Sprintf("%s is not a number in YAML 1.1; write it with digits, or as in 1.0e+3", drydock.OneLine(text, 80))
	}
	return ""
}

func numeric(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func looksNumeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.eE+-oO_") == "" && strings.ContainsAny(s, "0123456789")
}

// sayValue describes a value as it is understood.
func sayValue(n *yaml.Node) string {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode {
		return sayCollection(n)
	}
	switch v := readScalar(n).value.(type) {
	case nil:
		return "nothing"
	case string:
		return quote(v)
	case bool:
		return fmt.Sprint(v)
	case opaque:
		return string(v)
	default:
		if low := strings.ToLower(n.Value); strings.HasSuffix(low, ".inf") || strings.HasSuffix(low, ".nan") {
			return "the number " + n.Value
		}
		return "the number " + numberText(v)
	}
}

func sayCollection(n *yaml.Node) string {
	what := "a list"
	if n.Kind == yaml.MappingNode {
		what = "a mapping"
	}
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != tagMap && n.Tag != tagSeq {
		what += " with the tag " + drydock.OneLine(n.Tag, 60)
	}
	return what
}

func listing(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	if len(words) == 1 {
		return words[0]
	}
	return "one of " + strings.Join(words, ", ")
}
