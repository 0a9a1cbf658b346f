package jinja

import (
	"strings"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

type test func(r *run, v any, a *args) bool

// test asks a test and refuses arguments that it does not know.
func (r *run) test(name string, v any, a *args) bool {
	f := testOf(name)
	if f == nil {
		fail("there is no test %s", name)
	}
	result := f(r, v, a)
	a.done("the test " + name)
	return result
}

// testOf finds a test; nil if there is none.
func testOf(name string) test {
	switch name {
	case "defined", "undefined":
		return func(_ *run, v any, _ *args) bool {
			_, missing := v.(undefined)
			return missing == (name == "undefined")
		}
	case "none", "None", "boolean", "true", "True", "false", "False", "integer", "float", "number", "string", "mapping", "sequence", "iterable", "callable":
		return func(_ *run, v any, _ *args) bool { return isKind(name, v) }
	case "even", "odd", "divisibleby":
		return func(_ *run, v any, a *args) bool {
			by, rest := 2, 0
			if name == "divisibleby" {
				by = whole(a.or("num", nil), "the divisor")
			}
			if name == "odd" {
				rest = 1
			}
			if by == 0 {
				fail("division by zero")
			}
			return integers(tokens.Modulo, whole(v, "what is divided"), by) == any(rest)
		}
	case "lower", "upper":
		return func(r *run, v any, _ *args) bool {
			s := r.text(v)
			r.grow(len(s))
			change := map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper}
			return change[name](s) == s && strings.ToLower(s) != strings.ToUpper(s)
		}
	case "in":
		return func(r *run, v any, a *args) bool { return r.contains(a.or("seq", nil), v) }
	case "eq", "equalto", "==", "ne", "!=", "sameas":
		return func(r *run, v any, a *args) bool {
			return r.equal(v, a.or("other", nil)) == (name != "ne" && name != "!=")
		}
	case "lt", "lessthan", "<", "ge", ">=":
		return func(r *run, v any, a *args) bool {
			return r.less(v, a.or("other", nil)) == (name != "ge" && name != ">=")
		}
	case "gt", "greaterthan", ">", "le", "<=":
		return func(r *run, v any, a *args) bool {
			return r.less(a.or("other", nil), v) == (name != "le" && name != "<=")
		}
	}
	return nil
}

func isKind(name string, v any) bool {
	is := kind(v)
	switch name {
	case "none", "None":
		return v == nil
	case "true", "True":
		return v == true
	case "false", "False":
		return v == false
	case "boolean":
		return is == "bool"
	case "integer":
		return is == "int"
	case "number":
		return is == "int" || is == "float" || is == "bool"
	case "string":
		return is == "str"
	case "mapping":
		return is == "dict"
	case "sequence", "iterable":
		_, list := sequence(v)
		return list || is == "str" || is == "dict" || is == "undefined"
	case "callable":
		_, ok := v.(function)
		return ok
	}
	return is == name // float
}
