package jinja

import (
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// expression reads one expression and refuses that there is none.
func expression(args *parser.Parser) (nodes.Expression, error) {
	e, err := args.ParseExpression()
	if err == nil && e == nil {
		err = args.Error("an expression is missing", args.Current())
	}
	return e, err
}

// done refuses what is left in a tag.
func done(args *parser.Parser) error {
	if args.End() {
		return nil
	}
	return args.Error("unexpected end of what was understood", args.Current())
}

// until reads a body.
func until(p *parser.Parser, ends ...string) (*nodes.Wrapper, *parser.Parser, error) {
	body, args, err := p.WrapUntil(ends...)
	if err != nil {
		return nil, nil, err
	}
	return body, args, nil
}

// last reads a body whose end has nothing to say. The end of a block may repeat its name.
func last(p *parser.Parser, end string, name string) (*nodes.Wrapper, error) {
	body, args, err := until(p, end)
	if err != nil {
		return nil, err
	}
	if name != "" {
		args.MatchName(name)
	}
	return body, done(args)
}

func (g *tags) ifTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	tag := &ifTag{at: place}
	for {
		c, err := expression(args)
		if err == nil {
			err = done(args)
		}
		if err != nil {
			return nil, err
		}
		tag.conditions = append(tag.conditions, c)
		body, more, err := until(p, "elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		tag.bodies = append(tag.bodies, body)
		if body.EndTag == "elif" {
			args = more
			continue
		}
		if err := done(more); err != nil || body.EndTag == "endif" {
			return tag, err
		}
		body, err = last(p, "endif", "")
		tag.bodies = append(tag.bodies, body)
		return tag, err
	}
}

func (g *tags) forTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	tag := &forTag{at: place}
	targets, err := names(args)
	if err != nil {
		return nil, err
	}
	tag.targets = targets
	if args.Match(tokens.In) == nil {
		return nil, args.Error("a loop needs the word in", args.Current())
	}
	if tag.list, err = expression(args); err != nil {
		return nil, err
	}
	if args.MatchName("if") != nil {
		if tag.condition, err = expression(args); err != nil {
			return nil, err
		}
	}
	if args.CurrentName("recursive") != nil {
		return nil, args.Error("loops cannot be recursive here", args.Current())
	}
	if err := done(args); err != nil {
		return nil, err
	}
	body, more, err := until(p, "else", "endfor")
	if err != nil {
		return nil, err
	}
	tag.body = body
	if err := done(more); err != nil || body.EndTag == "endfor" {
		return tag, err
	}
	tag.empty, err = last(p, "endfor", "")
	return tag, err
}

// names reads a, b or (a, b).
func names(args *parser.Parser) ([]string, error) {
	open := args.Match(tokens.LeftParenthesis) != nil
	var list []string
	for {
		name := args.Match(tokens.Name)
		if name == nil {
			return nil, args.Error("a name is missing", args.Current())
		}
		list = append(list, name.Val)
		if args.Match(tokens.Comma) == nil {
			break
		}
	}
	if open && args.Match(tokens.RightParenthesis) == nil {
		return nil, args.Error("a bracket is not closed", args.Current())
	}
	return list, nil
}

func (g *tags) setTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	tag := &setTag{at: place}
	targets, err := names(args)
	if err != nil {
		return nil, err
	}
	tag.targets = targets
	if len(targets) == 1 && args.Match(tokens.Dot) != nil {
		member := args.Match(tokens.Name)
		if member == nil {
			return nil, args.Error("a name is missing", args.Current())
		}
		tag.member = member.Val
	}
	if args.Match(tokens.Assign) != nil {
		if tag.value, err = tupleOr(args); err == nil {
			err = done(args)
		}
		return tag, err
	}
	if tag.filters, err = filters(args); err == nil {
		err = done(args)
	}
	if err != nil {
		return nil, err
	}
	tag.body, err = last(p, "endset", "")
	return tag, err
}

// tupleOr reads an expression, or several with commas between them.
func tupleOr(args *parser.Parser) (nodes.Expression, error) {
	first, err := expression(args)
	if err != nil || args.Current(tokens.Comma) == nil {
		return first, err
	}
	list := []nodes.Expression{first}
	for args.Match(tokens.Comma) != nil && !args.End() {
		next, err := expression(args)
		if err != nil {
			return nil, err
		}
		list = append(list, next)
	}
	return &nodes.Tuple{Location: first.Position(), Val: list}, nil
}

// filters reads what follows the text of a block; nil if nothing does.
func filters(args *parser.Parser) (nodes.Expression, error) {
	if args.Current(tokens.Pipe) == nil {
		return nil, nil
	}
	return args.ParseFilterExpression(&nodes.Name{Name: &tokens.Token{Type: tokens.Name, Val: captured}})
}

func (g *tags) filterTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	tag := &filterTag{at: place}
	first, err := args.ParseFilter()
	if err != nil {
		return nil, err
	}
	chain := &nodes.FilteredExpression{Expression: &nodes.Name{Name: &tokens.Token{Type: tokens.Name, Val: captured}}, Filters: []*nodes.FilterCall{first}}
	for args.Match(tokens.Pipe) != nil {
		next, err := args.ParseFilter()
		if err != nil {
			return nil, err
		}
		chain.Filters = append(chain.Filters, next)
	}
	if err := done(args); err != nil {
		return nil, err
	}
	tag.filters = chain
	tag.body, err = last(p, "endfilter", "")
	return tag, err
}

func (g *tags) withTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	tag := &withTag{at: place}
	for !args.End() {
		name := args.Match(tokens.Name)
		if name == nil || args.Match(tokens.Assign) == nil {
			return nil, args.Error("with needs name = value", args.Current())
		}
		value, err := expression(args)
		if err != nil {
			return nil, err
		}
		tag.names, tag.values = append(tag.names, name.Val), append(tag.values, value)
		if args.Match(tokens.Comma) == nil {
			break
		}
	}
	if err := done(args); err != nil {
		return nil, err
	}
	var err error
	tag.body, err = last(p, "endwith", "")
	return tag, err
}

func (g *tags) macroTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	name := args.Match(tokens.Name)
	if name == nil || args.Match(tokens.LeftParenthesis) == nil {
		return nil, args.Error("a macro needs a name and parameters in brackets", args.Current())
	}
	tag := &macroTag{at: place, name: name.Val}
	for args.Match(tokens.RightParenthesis) == nil {
		param := args.Match(tokens.Name)
		if param == nil {
			return nil, args.Error("the name of a parameter is missing", args.Current())
		}
		var value nodes.Expression
		if args.Match(tokens.Assign) != nil {
			var err error
			if value, err = expression(args); err != nil {
				return nil, err
			}
		}
		tag.params, tag.defaults = append(tag.params, param.Val), append(tag.defaults, value)
		if args.Match(tokens.Comma) == nil && args.Current(tokens.RightParenthesis) == nil {
			return nil, args.Error("a comma or bracket is missing", args.Current())
		}
	}
	if err := done(args); err != nil {
		return nil, err
	}
	var err error
	tag.body, err = last(p, "endmacro", tag.name)
	return tag, err
}

func (g *tags) blockTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	name := args.Match(tokens.Name)
	if name == nil {
		return nil, args.Error("a block needs a name", args.Current())
	}
	if err := done(args); err != nil {
		return nil, err
	}
	body, err := last(p, "endblock", name.Val)
	return &blockTag{at: place, body: body}, err
}

func (g *tags) rawTag(p, args *parser.Parser, place at) (nodes.ControlStructure, error) {
	if err := done(args); err != nil {
		return nil, err
	}
	body, err := last(p, "endraw", "")
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, n := range body.Nodes {
		if data, ok := n.(*nodes.Data); ok {
			text.WriteString(trimmed(data))
		}
	}
	return &rawTag{at: place, text: text.String()}, nil
}

// trimmed is the text of data without the space that the tags beside it take away.
func trimmed(d *nodes.Data) string {
	s := d.Data.Val
	if d.Trim.Left {
		s = strings.TrimLeft(s, " \t\n\v\f")
	}
	if d.Trim.Right {
		s = strings.TrimRight(s, " \t\n\v\f")
	}
	return s
}
