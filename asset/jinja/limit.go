package jinja

import (
	"context"
	"fmt"
	"strings"
)

// Limits bound one rendering. Zero values are the defaults.
type Limits struct {
	Output int // bytes of the text made; 0: 4 MiB
	Work   int // bytes of all the values made on the way; 0: 64 MiB
	Steps  int // evaluated expressions, repetitions and the like; 0: 2 million
	Depth  int // calls and expressions inside each other; 0: 400
}

// What a source may be.
const (
	maxSource    = 1 << 20 // bytes
	maxNesting   = 100     // brackets in brackets, blocks in blocks
	maxStatement = 5000    // tokens
)

func (l Limits) filled() Limits {
	for _, f := range []struct {
		field    *int
		default_ int
	}{{&l.Output, 4 << 20}, {&l.Work, 64 << 20}, {&l.Steps, 2_000_000}, {&l.Depth, 400}} {
		if *f.field <= 0 {
			*f.field = f.default_
		}
	}
	return l
}

// Error says what is wrong with a template, where, and whether it only was too much.
type Error struct {
	Line  int // 1-based; 0 if unknown
	Text  string
	Limit bool // a limit was exceeded
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Text)
	}
	return e.Text
}

// fail ends the rendering; Render and Parse turn it into an error.
func fail(format string, args ...any) { panic(&Error{Text: fmt.Sprintf(format, args...)}) }

// run is one rendering.
type run struct {
	ctx    context.Context
	limits Limits
	steps  int // left
	work   int // left
	depth  int
	out    *strings.Builder // where text goes now: the output, or what a macro or a block makes
	line   int              // of the statement that is being carried out
	texts  []string         // of the template's literals
}

// over ends the rendering because something is too much.
func (r *run) over(what string, most int) {
	panic(&Error{Text: fmt.Sprintf("%s: more than %d", what, most), Limit: true})
}

// step counts work that takes time: one unit, and one more for each KiB looked at.
func (r *run) step(bytes int) {
	before := r.steps
	r.steps -= 1 + bytes>>10
	if r.steps < 0 {
		r.over("too many steps", r.limits.Steps)
	}
	if before>>8 != r.steps>>8 {
		if err := r.ctx.Err(); err != nil {
			panic(err)
		}
	}
}

// grow counts memory before it is taken.
func (r *run) grow(bytes int) {
	if bytes < 0 || bytes > r.work {
		r.over("too much memory: bytes of values", r.limits.Work)
	}
	r.work -= bytes
	r.step(bytes)
}

// enter counts a level of depth; leave is to be deferred.
func (r *run) enter() {
	if r.depth++; r.depth > r.limits.Depth {
		r.over("too deep: calls and expressions inside each other", r.limits.Depth)
	}
}

func (r *run) leave() { r.depth-- }

// write adds to the text being made.
func (r *run) write(s string) {
	if r.out.Len()+len(s) > r.limits.Output {
		r.over("too much output: bytes", r.limits.Output)
	}
	r.grow(len(s))
	r.out.WriteString(s)
}

// capture collects what do writes.
func (r *run) capture(do func()) string {
	outer := r.out
	defer func() { r.out = outer }()
	var b strings.Builder
	r.out = &b
	do()
	return b.String()
}
