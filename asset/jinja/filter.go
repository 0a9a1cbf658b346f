package jinja

import (
	"html"
	"math"
	"net/url"
	"strings"
	"unicode/utf8"
)

type filter func(r *run, v any, a *args) any

// filter applies a filter and refuses arguments that it does not know.
func (r *run) filter(name string, v any, a *args) any {
	f := filterOf(name)
	if f == nil {
		fail("there is no filter %s", name)
	}
	result := f(r, v, a)
	a.done("the filter " + name)
	return result
}

// filterOf finds a filter; nil if there is none. It is no map because filters use filters.
func filterOf(name string) filter {
	switch name {
	case "abs":
		return filterAbs
	case "capitalize", "title", "upper", "lower", "trim", "string", "escape", "e", "forceescape", "safe", "center", "indent", "replace", "truncate",
		"urlencode", "wordcount", "format", "tojson":
		return textFilterOf(name)
	case "default", "d":
		return filterDefault
	case "dictsort":
		return filterDictsort
	case "first", "last":
		return func(r *run, v any, _ *args) any { return r.end(v, name == "last") }
	case "float":
		return filterFloat
	case "int":
		return filterInt
	case "items":
		return func(r *run, v any, _ *args) any { return r.pairs(v) }
	case "join":
		return filterJoin
	case "length", "count":
		return func(r *run, v any, _ *args) any { return r.length(v) }
	}
	return listFilterOf(name)
}

// textFilterOf finds the filters that make a text of a text.
func textFilterOf(name string) filter {
	switch name {
	case "center":
		return func(r *run, v any, a *args) any {
			return r.pad(r.text(v), whole(a.or("width", 80), "the width"), " ", padCenter)
		}
	case "format":
		return func(r *run, v any, a *args) any {
			values, named := a.rest()
			a.plain, a.named = nil, nil
			return r.format(r.text(v), values, named)
		}
	case "indent":
		return filterIndent
	case "replace":
		return func(r *run, v any, a *args) any {
			old, with := a.or("old", ""), a.or("new", "")
			return r.replace(r.text(v), r.text(old), r.text(with), whole(or(a.or("count", nil), -1), "the count"))
		}
	case "tojson":
		return filterJSON
	case "trim":
		return func(r *run, v any, a *args) any { return trim(r.text(v), a.or("chars", nil), true, true) }
	case "truncate":
		return filterTruncate
	case "urlencode":
		return filterURL
	case "wordcount":
		return func(r *run, v any, _ *args) any { return len(strings.Fields(r.text(v))) }
	}
	return func(r *run, v any, _ *args) any {
		s := r.text(v)
		r.grow(2 * len(s))
		switch name {
		case "capitalize":
			return capitalize(s)
		case "title":
			return title(s)
		case "upper":
			return strings.ToUpper(s)
		case "lower":
			return strings.ToLower(s)
		case "escape", "e", "forceescape":
			r.grow(4 * len(s))
			return html.EscapeString(s)
		}
		return s // string, safe
	}
}

// or returns the first value that is not none.
func or(v, otherwise any) any {
	if v == nil {
		return otherwise
	}
	return v
}

func filterAbs(_ *run, v any, _ *args) any {
	f, n, whole, ok := numeric(v)
	switch {
	case !ok:
		fail("%s has no absolute value%s", kind(v), because(v))
	case whole && n < 0:
		return -n
	case whole:
		return n
	}
	return math.Abs(f)
}

func filterDefault(_ *run, v any, a *args) any {
	otherwise, strict := a.or("default_value", ""), a.or("boolean", false)
	if _, ok := v.(undefined); ok || truth(strict) && !truth(v) {
		return otherwise
	}
	return v
}

func filterFloat(_ *run, v any, a *args) any {
	otherwise := a.or("default", 0.0)
	if f, _, _, ok := numeric(v); ok {
		return f
	}
	if s, ok := v.(string); ok {
		if f, ok := parseFloat(s); ok {
			return f
		}
	}
	return otherwise
}

func filterInt(_ *run, v any, a *args) any {
	otherwise, base := a.or("default", 0), whole(a.or("base", 10), "the base")
	if f, n, whole, ok := numeric(v); ok {
		if whole {
			return n
		}
		return toInt(f)
	}
	if s, ok := v.(string); ok {
		if n, ok := parseInt(s, base); ok {
			return n
		}
		if f, ok := parseFloat(s); ok && base == 10 {
			return toInt(f)
		}
	}
	return otherwise
}

func filterJoin(r *run, v any, a *args) any {
	sep, attribute := a.or("d", ""), a.or("attribute", nil)
	list := r.items(v)
	if attribute != nil {
		list = r.attributes(list, attribute)
	}
	return r.join(list, r.text(sep))
}

// join writes a list with a text between its elements.
func (r *run) join(list []any, sep string) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			r.grow(len(sep))
			b.WriteString(sep)
		}
		s := r.text(v)
		r.grow(len(s))
		b.WriteString(s)
	}
	return b.String()
}

// length counts the elements of a value, or the characters of a text.
func (r *run) length(v any) int {
	switch v := v.(type) {
	case string:
		r.step(len(v))
		return utf8.RuneCountInString(v)
	case *Dict:
		return len(v.keys)
	}
	return len(r.items(v))
}

// end returns the first or last element.
func (r *run) end(v any, last bool) any {
	list := r.items(v)
	switch {
	case len(list) == 0:
		return undefined{"there is no element"}
	case last:
		return list[len(list)-1]
	}
	return list[0]
}

// pairs returns what a dict holds as (key, value).
func (r *run) pairs(v any) any {
	if _, ok := v.(undefined); ok {
		return []any{}
	}
	d, ok := v.(*Dict)
	if !ok {
		fail("%s has no items", kind(v))
	}
	r.grow(80 * len(d.keys))
	list := make([]any, 0, len(d.keys))
	for _, k := range d.keys {
		list = append(list, tuple{k, d.values[k]})
	}
	return list
}

func filterIndent(r *run, v any, a *args) any {
	width, first, blank := a.or("width", 4), a.or("first", false), a.or("blank", false)
	s := r.text(v)
	pad, ok := width.(string)
	if !ok {
		pad, _ = r.repeat(" ", whole(width, "the width")).(string)
	}
	lines := strings.Split(s, "\n")
	r.grow(len(s) + 16*len(lines))
	r.grow(r.product(len(pad), len(lines)))
	for i, line := range lines {
		if (i > 0 || truth(first)) && (line != "" || truth(blank)) {
			lines[i] = pad + line
		}
	}
	return strings.Join(lines, "\n")
}

// product multiplies sizes; what is more than all memory is one more than that.
func (r *run) product(a, b int) int {
	if a > 0 && b > r.limits.Work/a {
		return r.limits.Work + 1
	}
	return a * b
}

// replace puts a text for each occurrence of another.
func (r *run) replace(s, old, with string, count int) string {
	r.step(len(s))
	n := strings.Count(s, old)
	if count >= 0 {
		n = min(n, count)
	}
	r.grow(len(s))
	r.grow(r.product(len(with), n))
	return strings.Replace(s, old, with, count)
}

func filterTruncate(r *run, v any, a *args) any {
	length, kill := whole(a.or("length", 255), "the length"), truth(a.or("killwords", false))
	end, leeway := r.text(a.or("end", "...")), whole(or(a.or("leeway", nil), 5), "the leeway")
	s := []rune(r.text(v))
	r.grow(5 * len(s))
	ends := utf8.RuneCountInString(end)
	if length < ends || leeway < 0 {
		fail("a text cannot be truncated to %d", length)
	}
	if len(s)-leeway <= length {
		return string(s)
	}
	cut := string(s[:length-ends])
	if i := strings.LastIndexByte(cut, ' '); !kill && i >= 0 {
		cut = cut[:i]
	}
	return r.concat(cut, end)
}

// filterURL encodes a text for a URL, the slash excepted, or pairs as a query.
func filterURL(r *run, v any, _ *args) any {
	encode := func(v any, slash bool) string {
		s := r.text(v)
		r.grow(3 * len(s))
		s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
		if slash {
			s = strings.ReplaceAll(s, "%2F", "/")
		}
		return s
	}
	pairs, query := sequence(v)
	if d, ok := v.(*Dict); ok {
		pairs, query = r.pairs(d).([]any), true
	}
	if !query {
		return encode(v, true)
	}
	var parts []any
	for _, p := range pairs {
		pair := r.items(p)
		if len(pair) != 2 {
			fail("a query needs pairs")
		}
		key, value := strings.ReplaceAll(encode(pair[0], false), "%20", "+"), strings.ReplaceAll(encode(pair[1], false), "%20", "+")
		parts = append(parts, key+"="+value)
	}
	return r.join(parts, "&")
}
