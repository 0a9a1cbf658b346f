package jinja

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

func parseInt(s string, base int) (int, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "")
	if base == 0 || base >= 2 && base <= 36 {
		for prefix, of := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
			if base == of {
				s = strings.TrimPrefix(s, prefix)
			}
		}
		n, err := strconv.ParseInt(s, base, 64)
		return int(n), err == nil
	}
	return 0, false
}

func parseFloat(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil
}

// format fills in %s and the like: from values in their order, or by name.
func (r *run) format(s string, values tuple, named *Dict) string {
	var b strings.Builder
	r.grow(len(s))
	if named == nil && len(values) == 1 {
		named, _ = values[0].(*Dict)
	}
	for {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			break
		}
		d := directive{text: after}
		d.parse()
		s = d.text
		if d.verb == '%' {
			b.WriteByte('%')
			continue
		}
		var v any
		switch {
		case d.name != "" && named != nil:
			v = r.item(named, d.name)
		case d.name == "" && len(values) > 0:
			v, values = values[0], values[1:]
		default:
			fail("there is no value for %%%s%c", d.name, d.verb)
		}
		r.grow(d.width + d.precision + 32)
		out := d.show(r, v)
		r.grow(len(out))
		b.WriteString(out)
	}
	return b.String()
}

// directive is what follows a percent sign.
type directive struct {
	text             string // what is left
	name, flags      string
	width, precision int // precision -1: none; both 0 at first
	precise          bool
	verb             byte
}

func (d *directive) parse() {
	if strings.HasPrefix(d.text, "(") {
		name, rest, ok := strings.Cut(d.text[1:], ")")
		if !ok {
			fail("a bracket is not closed in a format")
		}
		d.name, d.text = name, rest
	}
	n := len(d.text) - len(strings.TrimLeft(d.text, "-+ 0#"))
	d.flags, d.text = d.text[:n], d.text[n:]
	d.width = d.number()
	if strings.HasPrefix(d.text, ".") {
		d.text, d.precise = d.text[1:], true
		d.precision = d.number()
	}
	if d.text == "" {
		fail("a format ends in the middle")
	}
	d.verb, d.text = d.text[0], d.text[1:]
}

func (d *directive) number() int {
	n := len(d.text) - len(strings.TrimLeft(d.text, "0123456789"))
	v, err := strconv.Atoi("0" + d.text[:n])
	if err != nil || v > 10_000 {
		fail("a width in a format is larger than 10000")
	}
	d.text = d.text[n:]
	return v
}

// show writes one value.
func (d *directive) show(r *run, v any) string {
	form := "%" + d.flags
	if d.width > 0 {
		form += strconv.Itoa(d.width)
	}
	if d.precise {
		form += "." + strconv.Itoa(d.precision)
	}
	f, n, isWhole, isNumber := numeric(v)
	switch d.verb {
	case 's':
		return fmt.Sprintf(form+"s", r.text(v))
	case 'r':
		var b strings.Builder
		r.repr(&b, v)
		return fmt.Sprintf(form+"s", b.String())
	case 'd', 'i', 'u', 'x', 'X', 'o', 'c':
		if !isNumber {
			fail("%%%c needs a number, not %s%s", d.verb, kind(v), because(v))
		}
		if !isWhole {
			n = toInt(math.Trunc(f))
		}
		verb := d.verb
		if verb == 'i' || verb == 'u' {
			verb = 'd'
		}
		return fmt.Sprintf(form+string(verb), n)
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if !isNumber {
			fail("%%%c needs a number, not %s%s", d.verb, kind(v), because(v))
		}
		return fmt.Sprintf(form+string(d.verb), f)
	}
	fail("there is no format %%%c", d.verb)
	return ""
}

// braces fills in {}, {0} and {name}.
func (r *run) braces(s string, values tuple, named *Dict) string {
	var b strings.Builder
	r.grow(len(s))
	next := 0
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		if i+1 < len(s) && s[i+1] == s[i] {
			b.WriteByte(s[i])
			s = s[i+2:]
			continue
		}
		name, rest, ok := strings.Cut(s[i+1:], "}")
		if !ok || s[i] == '}' {
			fail("a bracket is alone in a format")
		}
		s = rest
		if strings.ContainsAny(name, ":!.[") {
			fail("{%.40s}: only {}, {0} and {name} are known here", name)
		}
		if name == "" {
			name = strconv.Itoa(next)
			next++
		}
		v := any(undefined{})
		if at, err := strconv.Atoi(name); err != nil {
			v = r.item(named, name)
		} else if at >= 0 && at < len(values) {
			v = values[at]
		}
		if _, missing := v.(undefined); missing {
			fail("there is no value for {%.40s}", name)
		}
		out := r.text(v)
		r.grow(len(out))
		b.WriteString(out)
	}
	return b.String()
}

// filterJSON writes JSON as Python does, safe inside HTML.
func filterJSON(r *run, v any, a *args) any {
	indent := a.or("indent", nil)
	var b strings.Builder
	width := -1
	if indent != nil {
		width = min(max(whole(indent, "the indent"), 0), 100)
	}
	r.json(&b, v, width, 1)
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`).Replace(b.String())
}

func (r *run) json(b *strings.Builder, v any, indent, level int) {
	r.enter()
	defer r.leave()
	r.grow(16)
	line := func(level int) {
		if indent >= 0 {
			r.grow(indent * level)
			b.WriteString("\n" + strings.Repeat(" ", indent*level))
		}
	}
	comma := ", "
	if indent >= 0 {
		comma = ","
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool, int:
		fmt.Fprint(b, v)
	case float64:
		b.WriteString(floatText(v))
	case string:
		r.grow(6 * len(v))
		b.WriteString(asciiJSON(v))
	case *Dict:
		b.WriteByte('{')
		for i, k := range sortedKeys(r, v) {
			if i > 0 {
				b.WriteString(comma)
			}
			line(level)
			b.WriteString(asciiJSON(r.text(k)) + ": ")
			r.json(b, v.values[k], indent, level+1)
		}
		if len(v.keys) > 0 {
			line(level - 1)
		}
		b.WriteByte('}')
	default:
		list, ok := sequence(v)
		if !ok {
			fail("%s cannot be written as JSON%s", kind(v), because(v))
		}
		b.WriteByte('[')
		for i, one := range list {
			if i > 0 {
				b.WriteString(comma)
			}
			line(level)
			r.json(b, one, indent, level+1)
		}
		if len(list) > 0 {
			line(level - 1)
		}
		b.WriteByte(']')
	}
}

func sortedKeys(r *run, d *Dict) []any {
	return r.sorted(r.sortables(d.keys, true, nil), false)
}

// asciiJSON writes a text with escapes for all that is not ASCII.
func asciiJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		fail("a text cannot be written as JSON")
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	var b strings.Builder
	for _, c := range plain {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}
