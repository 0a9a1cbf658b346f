package jinja

import (
	"maps"
	"slices"

	"github.com/nikolalohinski/gonja/v2/nodes"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// vetter looks for what can be known to be wrong before there are values: filters and tests that do not exist.
type vetter struct{ texts []string }

func (v *vetter) all(list []nodes.Node) {
	for _, n := range list {
		switch n := n.(type) {
		case *nodes.Output:
			v.expressions(n.Expression, n.Condition, n.Alternative)
		case *nodes.ControlStructureBlock:
			v.tag(n.ControlStructure)
		}
	}
}

func (v *vetter) bodies(list ...*nodes.Wrapper) {
	for _, w := range list {
		if w != nil {
			v.all(w.Nodes)
		}
	}
}

func (v *vetter) tag(n nodes.Node) {
	switch n := n.(type) {
	case *ifTag:
		v.expressions(n.conditions...)
		v.bodies(n.bodies...)
	case *forTag:
		v.expressions(n.list, n.condition)
		v.bodies(n.body, n.empty)
	case *setTag:
		v.expressions(n.value, n.filters)
		v.bodies(n.body)
	case *withTag:
		v.expressions(n.values...)
		v.bodies(n.body)
	case *filterTag:
		v.expressions(n.filters)
		v.bodies(n.body)
	case *macroTag:
		v.expressions(n.defaults...)
		v.bodies(n.body)
	case *blockTag:
		v.bodies(n.body)
	}
}

func (v *vetter) named(m map[string]nodes.Expression) {
	for _, name := range sorted(m) {
		v.expressions(m[name])
	}
}

func (v *vetter) expressions(list ...nodes.Expression) {
	for _, n := range list {
		switch n := n.(type) {
		case *nodes.List:
			v.expressions(n.Val...)
		case *nodes.Tuple:
			v.expressions(n.Val...)
		case *nodes.Dict:
			for _, p := range n.Pairs {
				v.expressions(p.Key, p.Value)
			}
		case *nodes.GetAttribute:
			v.expressions(n.Node)
		case *nodes.GetItem:
			v.expressions(n.Node, n.Arg)
		case *nodes.GetSlice:
			v.expressions(n.Node, n.Start, n.End, n.Step)
		case *nodes.Call:
			v.expressions(n.Func)
			v.expressions(n.Args...)
			v.named(n.Kwargs)
		case *nodes.Negation:
			v.expressions(n.Term)
		case *nodes.UnaryExpression:
			v.expressions(n.Term)
		case *nodes.BinaryExpression:
			v.expressions(n.Left, n.Right)
		case *nodes.FilteredExpression:
			v.expressions(n.Expression)
			for _, f := range n.Filters {
				if filterOf(f.Name) == nil {
					panic(&Error{Line: f.Token.Line, Text: "there is no filter " + f.Name})
				}
				v.expressions(f.Args...)
				v.named(f.Kwargs)
			}
		case *nodes.TestExpression:
			if testOf(n.Test.Name) == nil {
				panic(&Error{Line: n.Test.Token.Line, Text: "there is no test " + n.Test.Name})
			}
			v.expressions(n.Expression)
			v.expressions(n.Test.Args...)
			v.named(n.Test.Kwargs)
		}
	}
}
