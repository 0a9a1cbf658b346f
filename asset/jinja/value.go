package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Values are nil (none), bool, int, float64, string, []any, tuple, *Dict, undefined, function, *loop, *cycle. Nothing that holds others can be changed by
// a template except a namespace, so a value never holds itself.
type (
	tuple     []any
	undefined struct{ why string }
)

// function is a macro, a global function, or a method with what it belongs to. What it is given is not shared with anybody.
type function struct {
	name string
	call func(r *run, a *args) any
}

// Dict is a map that keeps its order. Keys are texts, numbers, truth values or none.
type Dict struct {
	keys      []any
	values    map[any]any
	namespace bool // its members may be set
}

// NewDict returns an empty Dict.
func NewDict() *Dict { return &Dict{values: map[any]any{}} }

// Set gives key a value: nil, bool, int, float64, string, []any or *Dict. A Dict must not be changed while it is rendered, and may be rendered by many.
func (d *Dict) Set(key string, value any) *Dict {
	d.set(key, value)
	return d
}

func (d *Dict) set(key, value any) {
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

// hashable returns what a key is in the map: numbers that are equal are one key.
func hashable(v any) any {
	switch v := v.(type) {
	case nil, string, int:
		return v
	case bool:
		return number(v)
	case float64:
		if n := int(v); v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return n
		}
		return v
	}
	fail("%s cannot be a key", kind(v))
	return nil
}

// number is what a truth value is in arithmetic.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// kind names a value's type as its language does.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case undefined:
		return "undefined"
	}
	return "object"
}

// truth is what a condition makes of a value.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case tuple:
		return len(v) > 0
	case *Dict:
		return v.namespace || len(v.keys) > 0
	}
	return true
}

// text is what is written of a value.
func (r *run) text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case undefined:
		return ""
	}
	var b strings.Builder
	r.repr(&b, v)
	return b.String()
}

// repr writes a value as it is shown inside others. What is shared is written again each time, so this counts.
func (r *run) repr(b *strings.Builder, v any) {
	r.enter()
	defer r.leave()
	r.grow(8)
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case undefined:
		b.WriteString("Undefined")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int:
		b.WriteString(strconv.Itoa(v))
	case float64:
		b.WriteString(floatText(v))
	case string:
		r.grow(2 * len(v))
		quote(b, v)
	case []any:
		b.WriteByte('[')
		r.reprs(b, v)
		b.WriteByte(']')
	case tuple:
		b.WriteByte('(')
		r.reprs(b, v)
		if len(v) == 1 {
			b.WriteByte(',')
		}
		b.WriteByte(')')
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			r.repr(b, k)
			b.WriteString(": ")
			if inner, ok := v.values[k].(*Dict); ok && inner.namespace {
				b.WriteString("<Namespace>") // the one thing that can hold itself
				continue
			}
			r.repr(b, v.values[k])
		}
		b.WriteByte('}')
	case function:
		fmt.Fprintf(b, "<%s>", v.name)
	default:
		b.WriteString("<object>")
	}
}

func (r *run) reprs(b *strings.Builder, list []any) {
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if d, ok := v.(*Dict); ok && d.namespace {
			b.WriteString("<Namespace>")
			continue
		}
		r.repr(b, v)
	}
}

// quote writes a text in quotes, double ones if it has single ones only.
func quote(b *strings.Builder, s string) {
	q := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	b.WriteRune(q)
	for _, c := range s {
		switch {
		case c == q || c == '\\':
			b.WriteRune('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x80 && !unicode.IsPrint(c):
			fmt.Fprintf(b, `\x%02x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteRune(q)
}

// floatText writes a number as Python does: with a point, and with an exponent only where it is far from 1.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// items returns what a loop runs over. The list may be shared; it is not changed.
func (r *run) items(v any) []any {
	switch v := v.(type) {
	case undefined:
		return nil
	case []any:
		r.grow(16)
		return v
	case tuple:
		return v
	case *Dict:
		return v.keys
	case string:
		r.grow(16 * len(v))
		list := make([]any, 0, len(v))
		for _, c := range v {
			list = append(list, string(c))
		}
		return list
	}
	fail("%s cannot be looped over", kind(v))
	return nil
}
