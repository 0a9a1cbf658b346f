package jinja

import "github.com/nikolalohinski/gonja/v2/tokens"

// globalOf finds a function that every template knows; nil if there is none.
func globalOf(name string) func(r *run, a *args) any {
	switch name {
	case "range":
		return makeRange
	case "dict", "namespace":
		return func(r *run, a *args) any { return makeDict(r, a, name == "namespace") }
	case "joiner":
		return makeJoiner
	case "cycler":
		return func(_ *run, a *args) any {
			c := &cycle{items: a.plain}
			a.plain = nil
			a.done("cycler")
			if len(c.items) == 0 {
				fail("cycler needs something to cycle through")
			}
			return c
		}
	}
	return nil
}

// makeRange makes the list of numbers at once, so its length counts.
func makeRange(r *run, a *args) any {
	from, to, step := 0, 0, 1
	switch len(a.plain) {
	case 1:
		to = whole(a.plain[0], "the end of a range")
	case 2, 3:
		from, to = whole(a.plain[0], "the begin of a range"), whole(a.plain[1], "the end of a range")
		if len(a.plain) == 3 {
			step = whole(a.plain[2], "the step of a range")
		}
	default:
		fail("range needs one to three numbers")
	}
	a.plain = nil
	a.done("range")
	if step == 0 {
		fail("the step of a range cannot be 0")
	}
	out := []any{}
	for i := from; step > 0 && i < to || step < 0 && i > to; {
		r.grow(32)
		out = append(out, i)
		next := i + step
		if (next > i) != (step > 0) {
			break // there is no larger number
		}
		i = next
	}
	return out
}

func makeDict(r *run, a *args, namespace bool) any {
	d := NewDict()
	for _, v := range a.plain {
		from, ok := v.(*Dict)
		if !ok {
			fail("a dict is made of a dict or of names with values")
		}
		r.grow(64 * len(from.keys))
		for _, k := range from.keys {
			d.set(k, from.values[k])
		}
	}
	for _, name := range sorted(a.named) {
		d.set(name, a.named[name])
	}
	d.namespace = namespace
	return d
}

// makeJoiner makes a function that returns nothing once and the separator ever after.
func makeJoiner(_ *run, a *args) any {
	sep, used := a.or("sep", ", "), false
	a.done("joiner")
	return function{"joiner", func(_ *run, a *args) any {
		a.done("joiner")
		if !used {
			used = true
			return ""
		}
		return sep
	}}
}

// cycle goes through values again and again.
type cycle struct {
	items []any
	at    int
}

func (c *cycle) attribute(name string) any {
	switch name {
	case "current":
		return c.items[c.at]
	case "next":
		return function{name, func(*run, *args) any {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v
		}}
	case "reset":
		return function{name, func(*run, *args) any {
			c.at = 0
			return nil
		}}
	}
	return undefined{"a cycler has no member " + name}
}

func (l *loop) attribute(name string) any {
	n := len(l.items)
	switch name {
	case "index":
		return l.at + 1
	case "index0":
		return l.at
	case "revindex":
		return n - l.at
	case "revindex0":
		return n - l.at - 1
	case "first":
		return l.at == 0
	case "last":
		return l.at == n-1
	case "length":
		return n
	case "depth":
		return 1 // of recursion, which there is none
	case "depth0":
		return 0
	case "previtem":
		if l.at > 0 {
			return l.items[l.at-1]
		}
		return undefined{"there is no previous item"}
	case "nextitem":
		if l.at < n-1 {
			return l.items[l.at+1]
		}
		return undefined{"there is no next item"}
	case "cycle":
		return function{name, func(_ *run, a *args) any {
			list := a.plain
			if len(list) == 0 {
				fail("cycle needs something to cycle through")
			}
			return list[l.at%len(list)]
		}}
	case "changed":
		return function{name, func(r *run, a *args) any {
			now := tuple(a.plain)
			changed := l.seen == nil || !r.equal(l.seen, now)
			l.seen = now
			return changed
		}}
	}
	return undefined{"a loop has no member " + name}
}

// plus is the operator +, for sums.
func (r *run) plus(a, b any) any { return r.arithmetic(tokens.Addition, a, b) }
