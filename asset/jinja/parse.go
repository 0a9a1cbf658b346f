package jinja

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Template is a parsed template. It is not changed by being rendered and may be rendered by many at once.
type Template struct {
	plain string // the text, if there is nothing to do; root is nil then
	root  []nodes.Node
	texts []string
}

// Parse reads a template. What it refuses is an *Error: what is wrong in itself, filters and tests that do not exist, and sources that are too large.
func Parse(source string) (t *Template, err error) {
	defer guard(&err)
	defer func() { // gonja's parser runs beyond the end of some unfinished statements
		var e runtime.Error
		if cause := recover(); cause != nil {
			if err, ok := cause.(error); ok && errors.As(err, &e) {
				cause = &Error{Text: "the template cannot be understood: a statement is not finished"}
			}
			panic(cause)
		}
	}()
	if len(source) > maxSource {
		return nil, &Error{Text: fmt.Sprintf("the template is larger than %d bytes", maxSource), Limit: true}
	}
	source = normal(source)
	if !strings.Contains(source, "{{") && !strings.Contains(source, "{%") && !strings.Contains(source, "{#") {
		return &Template{plain: source}, nil
	}
	cfg := config.New()
	cfg.KeepTrailingNewline = true // there is none any more
	l := &lexer{source: source}
	list := l.tokens(cfg)
	stream := tokens.NewStream(list)
	root, err := parser.NewParser("template", stream, cfg, nil, &tags{}).Parse()
	if err != nil {
		return nil, syntax(err, stream.Current())
	}
	v := &vetter{texts: l.texts}
	v.all(root.Nodes)
	return &Template{root: root.Nodes, texts: l.texts}, nil
}

// Render makes the text. Vars are the names that the template knows, with values as Dict.Set takes them. An error is an *Error, or that of ctx.
func (t *Template) Render(ctx context.Context, vars *Dict, limits Limits) (text string, err error) {
	defer guard(&err)
	limits = limits.filled()
	r := &run{ctx: ctx, limits: limits, steps: limits.Steps, work: limits.Work, out: &strings.Builder{}, texts: t.texts}
	defer func() { // the place is known here
		if cause := recover(); cause != nil {
			if e, ok := cause.(*Error); ok && e.Line == 0 {
				e.Line = r.line
			}
			panic(cause)
		}
	}()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	r.write(t.plain)
	global := &scope{names: map[string]any{}}
	for _, key := range vars.keys {
		if name, ok := key.(string); ok {
			global.names[name] = vars.values[key]
		}
	}
	r.body(global, t.root)
	return r.out.String(), nil
}

// guard turns what fail and others panicked with into an error. Anything else that goes wrong in here or in gonja is an error of the template, too:
// a text of a user must not end the program.
func guard(err *error) {
	switch cause := recover().(type) {
	case nil:
	case *Error:
		*err = cause
	case error:
		if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
			*err = cause
			return
		}
		*err = &Error{Text: "the template cannot be understood: " + cause.Error()}
	default:
		*err = &Error{Text: fmt.Sprintf("the template cannot be understood: %v", cause)}
	}
}

// syntax takes the place out of gonja's errors. Those at the end of a tag have none; then it is where the parser was.
func syntax(err error, near *tokens.Token) error {
	line := 0
	if near != nil {
		line = near.Line
	}
	var s *parser.SyntaxError
	if errors.As(err, &s) {
		if s.Line > 0 {
			line = s.Line
		}
		text := strings.Replace(s.Message, "controlStructure", "tag", 1)
		if s.Raw != "" {
			text += fmt.Sprintf(", near %.40q", s.Raw)
		}
		return &Error{Line: line, Text: text}
	}
	return &Error{Line: line, Text: err.Error()}
}

// at is the place of a tag, which gonja asks every node for.
type at struct {
	token *tokens.Token
}

func (a at) Position() *tokens.Token { return a.token }
func (a at) String() string          { return "tag" }

// The tags.
type (
	ifTag struct {
		at
		conditions []nodes.Expression
		bodies     []*nodes.Wrapper // one more than conditions if there is an else
	}
	forTag struct {
		at
		targets     []string
		list        nodes.Expression
		condition   nodes.Expression // nil: all
		body, empty *nodes.Wrapper   // empty may be nil
	}
	setTag struct {
		at
		targets []string // names; member is of the first one
		member  string   // of a namespace; empty: the name itself
		value   nodes.Expression
		filters nodes.Expression // of the block form: applied to captured
		body    *nodes.Wrapper
	}
	withTag struct {
		at
		names  []string
		values []nodes.Expression
		body   *nodes.Wrapper
	}
	filterTag struct {
		at
		filters nodes.Expression // applied to captured
		body    *nodes.Wrapper
	}
	macroTag struct {
		at
		name     string
		params   []string
		defaults []nodes.Expression // nil: none
		body     *nodes.Wrapper
	}
	blockTag struct {
		at
		body *nodes.Wrapper
	}
	rawTag struct {
		at
		text string
	}
)

// captured is the name that filters of a block are applied to. No template can write it.
const captured = "__captured__"

// tags are the parsers of the tags, with what they have to know of each other.
type tags struct{ depth int }

// Get returns the parser of a tag, for gonja.
func (g *tags) Get(name string) (parser.ControlStructureParser, bool) {
	parse, ok := map[string]func(p, args *parser.Parser, place at) (nodes.ControlStructure, error){
		"if": g.ifTag, "for": g.forTag, "set": g.setTag, "with": g.withTag, "filter": g.filterTag, "macro": g.macroTag, "block": g.blockTag, "raw": g.rawTag,
	}[name]
	if !ok {
		return nil, false
	}
	return func(p, args *parser.Parser) (nodes.ControlStructure, error) {
		if g.depth++; g.depth > maxNesting {
			return nil, p.Error(fmt.Sprintf("more than %d blocks in blocks", maxNesting), p.Current())
		}
		defer func() { g.depth-- }()
		return parse(p, args, at{args.Current()})
	}, true
}
