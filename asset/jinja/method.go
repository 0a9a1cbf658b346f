package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// method finds what a value can do. A dict's own members are looked for after these.
func method(v any, name string) (function, bool) {
	var call func(r *run, a *args) any
	switch v := v.(type) {
	case string:
		call = textMethod(v, name)
	case *Dict:
		call = dictMethod(v, name)
	default:
		if list, ok := sequence(v); ok {
			call = listMethod(list, name)
		}
	}
	if call == nil {
		return function{}, false
	}
	return function{"method " + name, func(r *run, a *args) any {
		result := call(r, a)
		a.done(name)
		return result
	}}, true
}

func dictMethod(d *Dict, name string) func(r *run, a *args) any {
	if d.namespace {
		return nil
	}
	switch name {
	case "items":
		return func(r *run, _ *args) any { return r.pairs(d) }
	case "keys":
		return func(*run, *args) any { return d.keys }
	case "values":
		return func(r *run, _ *args) any {
			r.grow(16 * len(d.keys))
			list := make([]any, 0, len(d.keys))
			for _, k := range d.keys {
				list = append(list, d.values[k])
			}
			return list
		}
	case "get":
		return func(_ *run, a *args) any {
			key, otherwise := a.or("key", nil), a.or("default", nil)
			if v, ok := d.values[hashable(key)]; ok {
				return v
			}
			return otherwise
		}
	}
	return nil
}

func listMethod(list []any, name string) func(r *run, a *args) any {
	if name != "index" && name != "count" {
		return nil
	}
	return func(r *run, a *args) any {
		what, n := a.or("value", nil), 0
		for i, v := range list {
			if r.equal(v, what) {
				if name == "index" {
					return i
				}
				n++
			}
		}
		if name == "index" {
			fail("the value is not in the list")
		}
		return n
	}
}

// textMethod finds what a text can do. What may make it larger is counted by what is called.
func textMethod(s, name string) func(r *run, a *args) any {
	switch name {
	case "upper", "lower", "capitalize", "title":
		return func(r *run, a *args) any { return textFilterOf(name)(r, s, a) }
	case "strip", "lstrip", "rstrip":
		return func(_ *run, a *args) any { return trim(s, a.or("chars", nil), name != "rstrip", name != "lstrip") }
	case "startswith", "endswith", "removeprefix", "removesuffix":
		return func(r *run, a *args) any { return affix(r, s, name, a.or("prefix", nil)) }
	case "split", "rsplit", "splitlines", "partition", "rpartition":
		return func(r *run, a *args) any { return r.split(s, name, a) }
	case "join":
		return func(r *run, a *args) any { return r.join(r.items(a.or("iterable", nil)), s) }
	case "replace":
		return func(r *run, a *args) any {
			old, with := a.or("old", nil), a.or("new", nil)
			return r.replace(s, str(old), str(with), whole(a.or("count", -1), "the count"))
		}
	case "find", "rfind", "index", "count":
		return func(r *run, a *args) any { return r.find(s, name, str(a.or("sub", nil))) }
	case "center", "ljust", "rjust", "zfill":
		return func(r *run, a *args) any {
			width, fill := whole(a.or("width", nil), "the width"), " "
			if name == "zfill" {
				fill = "0"
			} else {
				fill = str(a.or("fillchar", fill))
			}
			return r.pad(s, width, fill, name)
		}
	case "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower":
		return func(r *run, _ *args) any {
			r.grow(len(s))
			return isAll(s, name)
		}
	case "format":
		return func(r *run, a *args) any {
			values, named := a.rest()
			a.plain, a.named = nil, nil
			return r.braces(s, values, named)
		}
	}
	return nil
}

// str returns a text, or fails.
func str(v any) string {
	s, ok := v.(string)
	if !ok {
		fail("a str is needed, not %s%s", kind(v), because(v))
	}
	return s
}

func trim(s string, chars any, left, right bool) string {
	in := unicode.IsSpace
	if chars != nil {
		set := str(chars)
		in = func(c rune) bool { return strings.ContainsRune(set, c) }
	}
	if left {
		s = strings.TrimLeftFunc(s, in)
	}
	if right {
		s = strings.TrimRightFunc(s, in)
	}
	return s
}

// affix answers the four questions about the ends of a text; for the first two there may be several answers to choose from.
func affix(r *run, s, name string, what any) any {
	switch name {
	case "removeprefix":
		return strings.TrimPrefix(s, str(what))
	case "removesuffix":
		return strings.TrimSuffix(s, str(what))
	}
	list, several := what.(tuple)
	if !several {
		list = tuple{what}
	}
	for _, v := range list {
		r.step(len(s))
		if name == "startswith" && strings.HasPrefix(s, str(v)) || name == "endswith" && strings.HasSuffix(s, str(v)) {
			return true
		}
	}
	return false
}

func (r *run) split(s, name string, a *args) any {
	if name == "partition" || name == "rpartition" {
		sep := str(a.or("sep", nil))
		i := strings.Index(s, sep)
		switch {
		case sep == "":
			fail("the separator is empty")
		case name == "rpartition":
			i = strings.LastIndex(s, sep)
		}
		r.grow(48)
		switch {
		case i >= 0:
			return tuple{s[:i], sep, s[i+len(sep):]}
		case name == "partition":
			return tuple{s, "", ""}
		}
		return tuple{"", "", s}
	}
	if name == "splitlines" {
		s = strings.TrimSuffix(s, "\n")
		if s == "" {
			return []any{}
		}
		return r.list(strings.Split(s, "\n"))
	}
	sep, most := a.or("sep", nil), whole(a.or("maxsplit", -1), "maxsplit")
	r.grow(16 * (len(s) + 1))
	if sep == nil && most < 0 {
		return r.list(strings.Fields(s))
	}
	if sep == nil || str(sep) == "" {
		fail("split needs a separator that is not empty")
	}
	parts := strings.Split(s, str(sep))
	if most >= 0 && len(parts) > most+1 {
		if name == "rsplit" {
			left := strings.Join(parts[:len(parts)-most], str(sep))
			parts = append([]string{left}, parts[len(parts)-most:]...)
		} else {
			parts = strings.SplitN(s, str(sep), most+1)
		}
	}
	return r.list(parts)
}

func (r *run) list(parts []string) []any {
	r.grow(32 * len(parts))
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list
}

func (r *run) find(s, name, sub string) int {
	r.step(len(s))
	var at int
	switch name {
	case "count":
		return strings.Count(s, sub)
	case "rfind":
		at = strings.LastIndex(s, sub)
	default:
		at = strings.Index(s, sub)
	}
	if at < 0 {
		if name == "index" {
			fail("the text was not found")
		}
		return at
	}
	return utf8.RuneCountInString(s[:at])
}

// padCenter is the way to put a text in the middle; ljust, rjust and zfill are the others.
const padCenter = "center"

// pad makes a text as wide as asked for.
func (r *run) pad(s string, width int, fill, how string) string {
	if utf8.RuneCountInString(fill) != 1 {
		fail("what fills must be one character")
	}
	missing := width - utf8.RuneCountInString(s)
	if missing <= 0 {
		return s
	}
	r.grow(len(s))
	r.grow(r.product(len(fill), missing))
	switch how {
	case "ljust":
		return s + strings.Repeat(fill, missing)
	case "zfill":
		if s != "" && (s[0] == '-' || s[0] == '+') {
			return s[:1] + strings.Repeat(fill, missing) + s[1:]
		}
		return strings.Repeat(fill, missing) + s
	case "rjust":
		return strings.Repeat(fill, missing) + s
	}
	left := missing/2 + missing&width&1
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, missing-left)
}

func isAll(s, name string) bool {
	if name == "isupper" || name == "islower" {
		change := map[string]func(string) string{"islower": strings.ToLower, "isupper": strings.ToUpper}
		return change[name](s) == s && strings.ToLower(s) != strings.ToUpper(s)
	}
	in := map[string]func(rune) bool{
		"isdigit": unicode.IsDigit, "isalpha": unicode.IsLetter, "isspace": unicode.IsSpace,
		"isalnum": func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) },
	}[name]
	return s != "" && !slices.ContainsFunc([]rune(s), func(c rune) bool { return !in(c) })
}

// capitalize and title change the case of first letters.
func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
}

func title(s string) string {
	inside := false
	return strings.Map(func(c rune) rune {
		was := inside
		inside = unicode.IsLetter(c) || unicode.IsDigit(c) || c == '\''
		if was {
			return unicode.ToLower(c)
		}
		return unicode.ToTitle(c)
	}, s)
}
