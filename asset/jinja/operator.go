package jinja

import (
	"math"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// comparisons are the operators that can be chained.
var comparisons = []tokens.Type{
	tokens.Equals, tokens.Ne, tokens.LowerThan, tokens.LowerThanOrEqual, tokens.GreaterThan, tokens.GreaterThanOrEqual,
}

func isComparison(n nodes.Node) (*nodes.BinaryExpression, bool) {
	b, ok := n.(*nodes.BinaryExpression)
	return b, ok && slices.Contains(comparisons, b.Operator.Token.Type)
}

// binary evaluates an operator with two sides.
func (r *run) binary(s *scope, n *nodes.BinaryExpression) any {
	op := n.Operator.Token.Type
	switch op {
	case tokens.And, tokens.Or:
		left := r.eval(s, n.Left)
		if truth(left) == (op == tokens.Or) {
			return left
		}
		return r.eval(s, n.Right)
	}
	if _, ok := isComparison(n); ok {
		ok, _ := r.chain(s, n)
		return ok
	}
	return r.arithmetic(op, r.eval(s, n.Left), r.eval(s, n.Right))
}

// chain evaluates a < b < c as a < b and b < c, and returns its last value.
func (r *run) chain(s *scope, n *nodes.BinaryExpression) (bool, any) {
	r.enter()
	defer r.leave()
	var left any
	if inner, ok := isComparison(n.Left); ok {
		held, last := r.chain(s, inner)
		if !held {
			return false, nil
		}
		left = last
	} else {
		left = r.eval(s, n.Left)
	}
	right := r.eval(s, n.Right)
	switch n.Operator.Token.Type {
	case tokens.Equals:
		return r.equal(left, right), right
	case tokens.Ne:
		return !r.equal(left, right), right
	case tokens.LowerThan:
		return r.less(left, right), right
	case tokens.LowerThanOrEqual:
		return !r.less(right, left), right
	case tokens.GreaterThan:
		return r.less(right, left), right
	}
	return !r.less(left, right), right
}

func (r *run) arithmetic(op tokens.Type, a, b any) any {
	if op == tokens.Tilde {
		return r.concat(r.text(a), r.text(b))
	}
	if why := because(a, b); why != "" {
		fail("undefined%s", why)
	}
	af, an, aw, aok := numeric(a)
	bf, bn, bw, bok := numeric(b)
	if aok && bok {
		if aw && bw {
			return integers(op, an, bn)
		}
		return floats(op, af, bf)
	}
	switch op {
	case tokens.Addition:
		if v := r.add(a, b); v != nil {
			return v
		}
	case tokens.Multiply:
		if aw && aok {
			a, b, bn, bw = b, a, an, aw
		}
		if bw {
			return r.repeat(a, bn)
		}
	case tokens.Modulo:
		if s, ok := a.(string); ok {
			values, many := b.(tuple)
			if !many {
				values = tuple{b}
			}
			return r.format(s, values, nil)
		}
	}
	fail("the operator cannot be used with %s and %s", kind(a), kind(b))
	return nil
}

func (r *run) concat(a, b string) string {
	r.grow(len(a) + len(b))
	return a + b
}

// add joins two texts or two lists; nil if it cannot.
func (r *run) add(a, b any) any {
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return r.concat(s, t)
		}
		return nil
	}
	la, aok := sequence(a)
	lb, bok := sequence(b)
	if !aok || !bok || kind(a) != kind(b) {
		return nil
	}
	r.grow(16 * (len(la) + len(lb)))
	joined := slices.Concat(la, lb)
	if _, ok := a.(tuple); ok {
		return tuple(joined)
	}
	if joined == nil {
		joined = []any{}
	}
	return joined
}

// repeat puts n copies of a text or list together.
func (r *run) repeat(v any, n int) any {
	n = max(n, 0)
	size, unit := 0, 16
	switch v := v.(type) {
	case string:
		size, unit = len(v), 1
	case []any:
		size = len(v)
	case tuple:
		size = len(v)
	default:
		fail("%s cannot be multiplied", kind(v))
	}
	if size > 0 && n > r.limits.Work/(size*unit) {
		r.over("too much memory: bytes of values", r.limits.Work)
	}
	r.grow(size * unit * n)
	switch v := v.(type) {
	case string:
		return strings.Repeat(v, n)
	case tuple:
		return tuple(slices.Repeat(v, n))
	}
	return slices.Repeat(v.([]any), n)
}

// integers calculates with whole numbers; what does not fit is an error, not another number.
func integers(op tokens.Type, a, b int) any {
	large := func(ok bool, v int) any {
		if !ok {
			fail("the number is too large")
		}
		return v
	}
	switch op {
	case tokens.Addition:
		return large((a+b > a) == (b > 0), a+b)
	case tokens.Subtraction:
		return large((a-b < a) == (b > 0), a-b)
	case tokens.Multiply:
		p := a * b
		return large(a == 0 || p/a == b && !(a == -1 && b == math.MinInt), p)
	case tokens.FloorDivision, tokens.Modulo:
		if b == 0 {
			fail("division by zero")
		}
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		if op == tokens.Modulo {
			return m
		}
		return large(!(a == math.MinInt && b == -1), q)
	case tokens.Power:
		if b >= 0 {
			return power(a, b)
		}
	}
	return floats(op, float64(a), float64(b))
}

func power(base, exponent int) int {
	result := 1
	for ; exponent > 0; exponent-- {
		switch {
		case base == 0 || base == 1:
			return base
		case base == -1:
			return 1 - 2*(exponent&1)
		}
		next := result * base
		if next/base != result {
			fail("the number is too large")
		}
		result = next
	}
	return result
}

func floats(op tokens.Type, a, b float64) any {
	if b == 0 && (op == tokens.Division || op == tokens.FloorDivision || op == tokens.Modulo) {
		fail("division by zero")
	}
	switch op {
	case tokens.Addition:
		return a + b
	case tokens.Subtraction:
		return a - b
	case tokens.Multiply:
		return a * b
	case tokens.Division:
		return a / b
	case tokens.FloorDivision:
		return math.Floor(a / b)
	case tokens.Modulo:
		m := math.Mod(a, b)
		if m != 0 && (m < 0) != (b < 0) {
			m += b
		}
		return m
	case tokens.Power:
		return math.Pow(a, b)
	}
	fail("the operator cannot be used with numbers")
	return nil
}
