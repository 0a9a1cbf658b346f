package jinja

import (
	"math"
	"strings"
)

// numeric returns a number as a float, and as an int if it is one.
func numeric(v any) (f float64, n int, whole, ok bool) {
	switch v := v.(type) {
	case bool:
		return float64(number(v)), number(v), true, true
	case int:
		return float64(v), v, true, true
	case float64:
		return v, 0, false, true
	}
	return 0, 0, false, false
}

// sequence returns the elements of a list or tuple.
func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case tuple:
		return v, true
	}
	return nil, false
}

// equal compares two values of any type. Values that are shared are compared again each time, so this counts.
func (r *run) equal(a, b any) bool {
	r.enter()
	defer r.leave()
	r.step(0)
	if af, an, aw, ok := numeric(a); ok {
		bf, bn, bw, ok := numeric(b)
		return ok && (aw && bw && an == bn || (!aw || !bw) && af == bf)
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		if ok {
			r.step(len(a))
		}
		return ok && a == s
	case undefined:
		_, ok := b.(undefined)
		return ok
	case *Dict:
		d, ok := b.(*Dict)
		if !ok || len(a.keys) != len(d.keys) || a.namespace || d.namespace {
			return ok && a == d
		}
		for _, k := range a.keys {
			if other, there := d.values[k]; !there || !r.equal(a.values[k], other) {
				return false
			}
		}
		return true
	}
	la, aok := sequence(a)
	lb, bok := sequence(b)
	if !aok || !bok || kind(a) != kind(b) || len(la) != len(lb) {
		return false
	}
	for i := range la {
		if !r.equal(la[i], lb[i]) {
			return false
		}
	}
	return true
}

// less orders numbers, texts and lists; others cannot be ordered.
func (r *run) less(a, b any) bool {
	r.enter()
	defer r.leave()
	r.step(0)
	af, an, aw, aok := numeric(a)
	bf, bn, bw, bok := numeric(b)
	switch {
	case aok && bok && aw && bw:
		return an < bn
	case aok && bok:
		return af < bf
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			r.step(min(len(s), len(t)))
			return s < t
		}
	}
	la, aok := sequence(a)
	lb, bok := sequence(b)
	if !aok || !bok || kind(a) != kind(b) {
		fail("%s and %s cannot be ordered%s", kind(a), kind(b), because(a, b))
	}
	for i := range min(len(la), len(lb)) {
		if !r.equal(la[i], lb[i]) {
			return r.less(la[i], lb[i])
		}
	}
	return len(la) < len(lb)
}

// because tells why one of two values is undefined.
func because(values ...any) string {
	for _, v := range values {
		if u, ok := v.(undefined); ok {
			return ": " + u.why
		}
	}
	return ""
}

// contains is the operator in.
func (r *run) contains(where, what any) bool {
	switch w := where.(type) {
	case undefined:
		return false
	case string:
		s, ok := what.(string)
		if !ok {
			fail("only a str can be in a str, not %s%s", kind(what), because(what))
		}
		r.step(len(w))
		return strings.Contains(w, s)
	case *Dict:
		_, ok := w.values[hashable(what)]
		return ok
	}
	list, ok := sequence(where)
	if !ok {
		fail("nothing can be in %s", kind(where))
	}
	for _, v := range list {
		if r.equal(v, what) {
			return true
		}
	}
	return false
}

// whole returns an int, or fails.
func whole(v any, what string) int {
	_, n, ok, _ := numeric(v)
	if !ok {
		fail("%s must be an int, not %s%s", what, kind(v), because(v))
	}
	return n
}

// toInt makes an int of a float if there is one.
func toInt(f float64) int {
	if math.IsNaN(f) || math.Abs(f) >= 1<<62 {
		fail("%s is too large for an int", floatText(f))
	}
	return int(f)
}
