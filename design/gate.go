package design

import (
	"reflect"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// gate is a schema in a form that says quickly of good values that they are good. What it does not let through may still be good: the library
// decides, and says what is wrong. Most documents are good, and asking the library about each value of them costs as much as all the rest.
type gate struct {
	closed   bool  // there are keywords that are not understood here: nothing gets through
	types    uint8 // bits of those allowed; 0: any
	enum     []any
	pattern  jsonschema.Regexp
	required []string

	properties map[string]*gate
	strict     bool  // no other properties
	others     *gate // for other properties; nil: anything
	items      *gate
	all        []*gate
	choices    [][]*gate // of each, one must let the value through
}

const (
	aNull uint8 = 1 << iota
	aBoolean
	aNumber
	aString
	anArray
	anObject
)

var gateTypes = map[string]uint8{"null": aNull, "boolean": aBoolean, "number": aNumber, "string": aString, "array": anArray, "object": anObject}

// gateKeywords are the fields of a schema that a gate understands, or that say nothing about values.
var gateKeywords = []string{
	"Types", "Enum", "Pattern", "Required", "Properties", "AdditionalProperties", "Items", "AllOf", "AnyOf", "Ref",
	"DraftVersion", "Location", "ID", "Title", "Description", "Comment",
}

// newGate makes the gate of a schema; known are those that have been made.
func newGate(s *jsonschema.Schema, known map[*jsonschema.Schema]*gate) *gate {
	if s == nil {
		return nil
	}
	if g, ok := known[s]; ok {
		return g
	}
	g := &gate{required: s.Required, pattern: s.Pattern, closed: !understood(s)}
	known[s] = g
	if s.Types != nil {
		for _, name := range s.Types.ToStrings() {
			g.types |= gateTypes[name]
			g.closed = g.closed || gateTypes[name] == 0
		}
	}
	if s.Enum != nil {
		g.enum = s.Enum.Values
		for _, v := range g.enum {
			_, isText := v.(string)
			g.closed = g.closed || !isText
		}
	}
	list := func(schemas []*jsonschema.Schema) []*gate {
		gates := make([]*gate, len(schemas))
		for i, sub := range schemas {
			gates[i] = newGate(sub, known)
		}
		return gates
	}
	if g.all = list(s.AllOf); s.Ref != nil {
		g.all = append(g.all, newGate(s.Ref, known))
	}
	if len(s.AnyOf) > 0 {
		g.choices = append(g.choices, list(s.AnyOf))
	}
	g.properties = make(map[string]*gate, len(s.Properties))
	for name, sub := range s.Properties {
		g.properties[name] = newGate(sub, known)
	}
	switch others := s.AdditionalProperties.(type) {
	case *jsonschema.Schema:
		g.others = newGate(others, known)
	case bool:
		g.strict = !others
	}
	switch items := s.Items.(type) {
	case nil:
	case *jsonschema.Schema:
		g.items = newGate(items, known)
	default:
		g.closed = true
	}
	return g
}

// understood reports whether a schema has no other keywords than those that a gate looks at.
func understood(s *jsonschema.Schema) bool {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.IsExported() && !slices.Contains(gateKeywords, f.Name) && !v.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// lets reports whether v is good for sure.
func (g *gate) lets(v any) bool {
	if g == nil {
		return true
	}
	if g.closed {
		return false
	}
	ok := false
	switch v := v.(type) {
	case nil:
		ok = g.allows(aNull) && len(g.enum) == 0
	case bool:
		ok = g.allows(aBoolean) && len(g.enum) == 0
	case int64, float64:
		ok = g.allows(aNumber) && len(g.enum) == 0
	case string:
		ok = g.allows(aString) && (len(g.enum) == 0 || slices.Contains(g.enum, any(v))) && (g.pattern == nil || g.pattern.MatchString(v))
	case []any:
		ok = g.allows(anArray) && len(g.enum) == 0 && (g.items == nil || !slices.ContainsFunc(v, func(e any) bool { return !g.items.lets(e) }))
	case map[string]any:
		ok = g.allows(anObject) && len(g.enum) == 0 && g.letsObject(v)
	}
	for _, sub := range g.all {
		ok = ok && sub.lets(v)
	}
	for _, choice := range g.choices {
		ok = ok && slices.ContainsFunc(choice, func(sub *gate) bool { return sub.lets(v) })
	}
	return ok
}

func (g *gate) allows(kind uint8) bool { return g.types == 0 || g.types&kind != 0 }

func (g *gate) letsObject(v map[string]any) bool {
	for _, name := range g.required {
		if _, ok := v[name]; !ok {
			return false
		}
	}
	for name, value := range v {
		sub, known := g.properties[name]
		switch {
		case known && !sub.lets(value):
			return false
		case !known && (g.strict || !g.others.lets(value)):
			return false
		}
	}
	return true
}
