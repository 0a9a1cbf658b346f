package jinja

import (
	"github.com/nikolalohinski/gonja/v2/nodes"
)

// scope is where names are looked up: its own, then those around it.
type scope struct {
	names map[string]any
	outer *scope
}

func (s *scope) inner() *scope { return &scope{names: map[string]any{}, outer: s} }

func (s *scope) get(name string) (any, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.names[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// loop is what a loop tells of itself.
type loop struct {
	items []any
	at    int
	seen  any // what changed was last asked with
}

// body carries out statements.
func (r *run) body(s *scope, list []nodes.Node) {
	r.enter()
	defer r.leave()
	for _, n := range list {
		r.step(0)
		if n == nil {
			continue
		}
		if t := n.Position(); t != nil && t.Line > 0 {
			r.line = t.Line
		}
		switch n := n.(type) {
		case *nodes.Data:
			r.write(trimmed(n))
		case *nodes.Output:
			r.write(r.text(r.eval(s, n.Expression)))
		case *nodes.ControlStructureBlock:
			r.tag(s, n.ControlStructure)
		}
	}
}

func (r *run) tag(s *scope, n nodes.Node) {
	switch n := n.(type) {
	case *ifTag:
		for i, c := range n.conditions {
			if truth(r.eval(s, c)) {
				r.body(s, n.bodies[i].Nodes)
				return
			}
		}
		if len(n.bodies) > len(n.conditions) {
			r.body(s, n.bodies[len(n.conditions)].Nodes)
		}
	case *forTag:
		r.loop(s, n)
	case *setTag:
		r.set(s, n)
	case *withTag:
		in := s.inner()
		for i, name := range n.names {
			in.names[name] = r.eval(s, n.values[i])
		}
		r.body(in, n.body.Nodes)
	case *filterTag:
		in := s.inner()
		in.names[captured] = r.capture(func() { r.body(s.inner(), n.body.Nodes) })
		r.write(r.text(r.eval(in, n.filters)))
	case *macroTag:
		s.names[n.name] = r.macro(s, n)
	case *blockTag:
		r.body(s.inner(), n.body.Nodes)
	case *rawTag:
		r.write(n.text)
	default:
		fail("this tag is not known")
	}
}

func (r *run) loop(s *scope, n *forTag) {
	items := r.items(r.eval(s, n.list))
	if n.condition != nil {
		var some []any
		for _, v := range items {
			in := s.inner()
			r.bind(in, n.targets, v)
			if truth(r.eval(in, n.condition)) {
				r.grow(16)
				some = append(some, v)
			}
		}
		items = some
	}
	if len(items) == 0 {
		if n.empty != nil {
			r.body(s.inner(), n.empty.Nodes)
		}
		return
	}
	state := &loop{items: items}
	for i, v := range items {
		r.grow(256) // a scope and its names
		in := s.inner()
		state.at = i
		in.names["loop"] = state
		r.bind(in, n.targets, v)
		r.body(in, n.body.Nodes)
	}
}

// bind gives names to a value, or to its parts if there are several names.
func (r *run) bind(s *scope, names []string, v any) {
	if len(names) == 1 {
		s.names[names[0]] = v
		return
	}
	parts := r.items(v)
	if len(parts) != len(names) {
		fail("there are %d names for %d values", len(names), len(parts))
	}
	for i, name := range names {
		s.names[name] = parts[i]
	}
}

func (r *run) set(s *scope, n *setTag) {
	var value any
	if n.body != nil {
		value = r.capture(func() { r.body(s.inner(), n.body.Nodes) })
		if n.filters != nil {
			in := s.inner()
			in.names[captured] = value
			value = r.eval(in, n.filters)
		}
	} else {
		value = r.eval(s, n.value)
	}
	if n.member == "" {
		r.bind(s, n.targets, value)
		return
	}
	target, _ := s.get(n.targets[0])
	d, ok := target.(*Dict)
	if !ok || !d.namespace {
		fail("%s is not a namespace, so its members cannot be set", n.targets[0])
	}
	r.grow(64)
	d.set(n.member, value)
}

// macro makes a macro callable. It sees the names of where it was written.
func (r *run) macro(s *scope, n *macroTag) function {
	return function{"macro " + n.name, func(r *run, a *args) any {
		in := s.inner()
		for i, name := range n.params {
			v, given := a.take(name)
			switch {
			case given:
			case n.defaults[i] != nil:
				v = r.eval(in, n.defaults[i])
			default:
				v = undefined{"the macro's parameter " + name + " was not given"}
			}
			in.names[name] = v
		}
		in.names["varargs"], in.names["kwargs"] = a.rest()
		line := r.line
		text := r.capture(func() { r.body(in, n.body.Nodes) })
		r.line = line // not deferred: an error in the macro is in the macro's line
		return text
	}}
}
