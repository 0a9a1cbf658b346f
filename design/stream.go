package design

import (
	"bytes"
	"iter"
	"strings"
)

// part is the text of one document of a stream, with what stands before its marker: comments, directives.
type part struct {
	text []byte
	line int // 1-based line of its first byte
}

// parts cuts a YAML stream at its document markers. A line that begins with --- or ... is a marker wherever it stands: YAML does not allow it
// inside of a document, not even in block scalars or quotes. So a document with a syntax error cannot hide the ones behind it.
func parts(src []byte) iter.Seq[part] {
	return func(yield func(part) bool) {
		p := cutter{src: src, startLine: 1}
		for at, line := 0, 1; at < len(src); line++ {
			end := lineEnd(src, at)
			done, ok := p.line(at, end, line)
			if ok && !yield(done) {
				return
			}
			at = end
		}
		if p.start < len(src) && (p.begun || p.directive) {
			yield(part{src[p.start:], p.startLine})
		}
	}
}

// cutter remembers where the present part began.
type cutter struct {
	src       []byte
	start     int
	startLine int
	begun     bool // a marker or content has been seen
	directive bool // only a directive has been seen
}

// line looks at one line and returns the part that it ends, if it does.
func (c *cutter) line(at, end, line int) (part, bool) {
	text := c.src[at:end]
	switch {
	case isMarker(text, "---"):
		if !c.begun {
			c.begun = true
			return part{}, false
		}
		done := part{c.src[c.start:at], c.startLine}
		c.start, c.startLine, c.directive = at, line, false
		return done, true
	case isMarker(text, "..."):
		done, ok := part{c.src[c.start:end], c.startLine}, c.begun || c.directive
		c.start, c.startLine, c.begun, c.directive = end, line+1, false, false
		return done, ok
	case !c.begun && text[0] == '%':
		c.directive = true
	case !c.begun:
		rest := bytes.TrimLeft(text, " \t\r\n")
		c.begun = len(rest) > 0 && rest[0] != '#'
	}
	return part{}, false
}

func isMarker(line []byte, marker string) bool {
	if len(line) < 3 || string(line[:3]) != marker {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n\xC2\xE2", line[3]) >= 0 && (line[3] < 0x80 || breakLen(line[3:]) > 0)
}

// lineEnd returns the offset behind the line break that ends the line beginning at from.
func lineEnd(src []byte, from int) int {
	for i := from; i < len(src); i++ {
		switch src[i] {
		case '\n', '\r', 0xC2, 0xE2:
			if n := breakLen(src[i:]); n > 0 {
				return i + n
			}
		}
	}
	return len(src)
}

// breakLen returns the length of the line break at the beginning of s, 0 if there is none. YAML 1.1 knows six, and the parser counts them all.
func breakLen(s []byte) int {
	switch {
	case s[0] == '\n':
		return 1
	case s[0] == '\r' && len(s) > 1 && s[1] == '\n':
		return 2
	case s[0] == '\r':
		return 1
	case bytes.HasPrefix(s, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(s, []byte("\u2028")), bytes.HasPrefix(s, []byte("\u2029")):
		return 3
	}
	return 0
}

// lineAt returns the 1-based line of offset at in src.
func lineAt(src []byte, at int) int {
	line := 1
	for i := lineEnd(src, 0); i <= at && i < len(src); i = lineEnd(src, i) {
		line++
	}
	return line
}
