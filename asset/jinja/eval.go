package jinja

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
)

// eval evaluates an expression.
func (r *run) eval(s *scope, n nodes.Node) any {
	r.step(0)
	r.enter()
	defer r.leave()
	switch n := n.(type) {
	case *nodes.String:
		return r.literal(n)
	case *nodes.Integer:
		return n.Val
	case *nodes.Float:
		return n.Val
	case *nodes.Bool:
		return n.Val
	case *nodes.None:
		return nil
	case *nodes.Name:
		return r.name(s, n.Name.Val)
	case *nodes.List:
		return r.evals(s, n.Val)
	case *nodes.Tuple:
		return tuple(r.evals(s, n.Val))
	case *nodes.Dict:
		d := NewDict()
		for _, p := range n.Pairs {
			r.grow(64)
			d.set(hashable(r.eval(s, p.Key)), r.eval(s, p.Value))
		}
		return d
	case *nodes.GetAttribute:
		if n.Attribute == "" {
			return r.item(r.eval(s, n.Node), n.Index)
		}
		return r.attribute(r.eval(s, n.Node), n.Attribute)
	case *nodes.GetItem:
		return r.item(r.eval(s, n.Node), r.eval(s, n.Arg))
	case *nodes.GetSlice:
		return r.slice(s, n)
	case *nodes.Call:
		return r.call(s, n)
	case *nodes.Negation:
		return !truth(r.eval(s, n.Term))
	case *nodes.UnaryExpression:
		return r.unary(r.eval(s, n.Term), n.Negative)
	case *nodes.BinaryExpression:
		return r.binary(s, n)
	case *nodes.FilteredExpression:
		v := r.eval(s, n.Expression)
		for _, f := range n.Filters {
			v = r.filter(f.Name, v, r.args(s, f.Args, f.Kwargs))
		}
		return v
	case *nodes.TestExpression:
		return r.test(n.Test.Name, r.eval(s, n.Expression), r.args(s, n.Test.Args, n.Test.Kwargs))
	}
	fail("an expression is missing or cannot be evaluated")
	return nil
}

// literal finds the text that the token has the number of.
func (r *run) literal(n *nodes.String) string {
	i, err := strconv.Atoi(n.Val)
	if err != nil || i < 0 || i >= len(r.texts) {
		fail("a text is missing")
	}
	return r.texts[i]
}

func (r *run) evals(s *scope, list []nodes.Expression) []any {
	r.grow(16 * len(list))
	values := make([]any, len(list))
	for i, n := range list {
		values[i] = r.eval(s, n)
	}
	return values
}

func (r *run) name(s *scope, name string) any {
	if v, ok := s.get(name); ok {
		return v
	}
	if name == "none" {
		return nil
	}
	if f := globalOf(name); f != nil {
		return function{name, f}
	}
	return undefined{strconv.Quote(name) + " is undefined"}
}

// attribute is value.name: what the value can do, then what it holds.
func (r *run) attribute(v any, name string) any {
	if why := because(v); why != "" {
		fail("%s cannot be asked of what is undefined%s", name, why)
	}
	if l, ok := v.(*loop); ok {
		return l.attribute(name)
	}
	if c, ok := v.(*cycle); ok {
		return c.attribute(name)
	}
	if m, ok := method(v, name); ok {
		return m
	}
	if d, ok := v.(*Dict); ok {
		if found, ok := d.values[name]; ok {
			return found
		}
	}
	return undefined{fmt.Sprintf("%s has no member %q", kind(v), name)}
}

// item is value[key]: what the value holds, then what it can do.
func (r *run) item(v, key any) any {
	if why := because(v, key); why != "" {
		fail("an element cannot be asked of what is undefined%s", why)
	}
	switch v := v.(type) {
	case *Dict:
		if found, ok := v.values[hashable(key)]; ok {
			return found
		}
		if name, ok := key.(string); ok {
			return r.attribute(v, name)
		}
		return undefined{fmt.Sprintf("dict has no key %s", r.short(key))}
	case string:
		return r.element(r.items(v), key, "str")
	case []any:
		return r.element(v, key, "list")
	case tuple:
		return r.element(v, key, "tuple")
	}
	if name, ok := key.(string); ok {
		return r.attribute(v, name)
	}
	return undefined{fmt.Sprintf("%s has no elements", kind(v))}
}

// short shows a value in an error.
func (r *run) short(v any) string {
	var b strings.Builder
	r.repr(&b, v)
	return fmt.Sprintf("%.60s", b.String())
}

func (r *run) element(list []any, key any, kind string) any {
	_, i, whole, _ := numeric(key)
	if !whole {
		return undefined{fmt.Sprintf("%s has no element %s", kind, r.short(key))}
	}
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return undefined{fmt.Sprintf("%s has no element %s", kind, r.short(key))}
	}
	return list[i]
}

func (r *run) unary(v any, negative bool) any {
	f, n, whole, ok := numeric(v)
	switch {
	case !ok:
		fail("%s has no sign%s", kind(v), because(v))
	case !negative && whole:
		return n
	case !negative:
		return f
	case whole:
		return -n
	}
	return -f
}

// slice is value[from:to:step].
func (r *run) slice(s *scope, n *nodes.GetSlice) any {
	v := r.eval(s, n.Node)
	bound := func(n nodes.Node, otherwise int) (int, bool) {
		if n == nil {
			return otherwise, false
		}
		v := r.eval(s, n)
		if v == nil {
			return otherwise, false
		}
		return whole(v, "the end of a slice"), true
	}
	step, _ := bound(n.Step, 1)
	if step == 0 {
		fail("the step of a slice cannot be 0")
	}
	list := r.items(v)
	from, to := 0, len(list)
	if step < 0 {
		from, to = len(list)-1, -1
	}
	clamp := func(i int) int {
		if i < 0 {
			i += len(list)
		}
		if step < 0 {
			return min(max(i, -1), len(list)-1)
		}
		return min(max(i, 0), len(list))
	}
	if i, given := bound(n.Start, 0); given {
		from = clamp(i)
	}
	if i, given := bound(n.End, 0); given {
		to = clamp(i)
	}
	step = min(max(step, -len(list)-1), len(list)+1) // no further, or the sum could be too large
	r.grow(16 * len(list))
	part := []any{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		part = append(part, list[i])
	}
	switch v.(type) {
	case string:
		return r.join(part, "")
	case tuple:
		return tuple(part)
	}
	return part
}

// call calls a function, a method or a macro.
func (r *run) call(s *scope, n *nodes.Call) any {
	if name, ok := n.Func.(*nodes.Name); ok && name.Name.Val == conditional {
		switch {
		case len(n.Args) < 2 || len(n.Args) > 3 || len(n.Kwargs) > 0:
			fail("a conditional expression is not complete")
		case truth(r.eval(s, n.Args[1])):
			return r.eval(s, n.Args[0])
		case len(n.Args) == 3:
			return r.eval(s, n.Args[2])
		}
		return undefined{"a conditional expression has no else"}
	}
	f, ok := r.eval(s, n.Func).(function)
	if !ok {
		v := r.eval(s, n.Func)
		fail("%s cannot be called%s", kind(v), because(v))
	}
	return f.call(r, r.args(s, n.Args, n.Kwargs))
}

// args are the arguments of a call. What is taken is gone, so that what nobody took can be refused.
type args struct {
	plain []any
	named map[string]any
}

func (r *run) args(s *scope, plain []nodes.Expression, named map[string]nodes.Expression) *args {
	r.grow(32 * (len(plain) + len(named)))
	a := &args{named: map[string]any{}}
	for _, n := range plain {
		a.plain = append(a.plain, r.eval(s, n))
	}
	for name, n := range named {
		a.named[name] = r.eval(s, n)
	}
	return a
}

// take returns the next argument, or the one of that name.
func (a *args) take(name string) (any, bool) {
	if len(a.plain) > 0 {
		v := a.plain[0]
		a.plain = a.plain[1:]
		return v, true
	}
	v, ok := a.named[name]
	delete(a.named, name)
	return v, ok
}

// or is take with a default.
func (a *args) or(name string, otherwise any) any {
	if v, ok := a.take(name); ok {
		return v
	}
	return otherwise
}

// done refuses arguments that nobody took.
func (a *args) done(what string) {
	if len(a.plain) > 0 || len(a.named) > 0 {
		fail("%s was given arguments that it does not know", what)
	}
}

// rest is what nobody took, for macros.
func (a *args) rest() (tuple, *Dict) {
	d := NewDict()
	for _, name := range sorted(a.named) {
		d.set(name, a.named[name])
	}
	return tuple(a.plain), d
}
