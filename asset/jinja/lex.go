package jinja

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// conditional is what "a if b else c" is called as: gonja knows that form at the outermost level only, so it becomes a call before gonja parses it.
const conditional = "__if__"

var (
	identifier = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)
	digits     = regexp.MustCompile(`^[0-9][0-9A-Za-z_.+-]*$`)
	operators  = strings.Fields("+ - * / // ** % ~ | . , : ( ) [ ] { } = == != < <= > >= in is and or not {{ {{- {% {%- {%+ }} -}} %} -%} +%}")
)

// lexer turns a source into tokens that gonja's parser can be trusted with. Gonja's lexer drops what it does not know and knows two escapes of texts, so
// its tokens are compared with the source, and each text is read anew: the token only has its number in texts.
type lexer struct {
	source string
	texts  []string
}

// normal is the source as Jinja reads it: lines end in \n, and the last one has no end.
func normal(source string) string {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	source = strings.ReplaceAll(source, "\r", "\n")
	return strings.TrimSuffix(source, "\n")
}

func (l *lexer) tokens(cfg *config.Config) []*tokens.Token {
	var list []*tokens.Token
	for stream := tokens.LexAll(l.source, cfg); ; stream.Next() {
		t := stream.Current()
		if t.Type == tokens.Error {
			l.fail(t.Pos, "this cannot be read: %.60q", t.Val)
		}
		list = append(list, t)
		if t.Type == tokens.EOF {
			break
		}
	}
	var fixed []*tokens.Token
	for i := 0; i < len(list); i++ {
		t := list[i]
		switch t.Type {
		case tokens.Data, tokens.CommentBegin, tokens.CommentEnd, tokens.EOF:
		case tokens.Comma:
			l.check(t)
			if list[i+1].Type == tokens.RightBrace {
				continue // gonja does not know that a dict may end so
			}
		case tokens.String:
			last := i
			text, end := l.text(t.Pos)
			for ; list[last+1].Type == tokens.String; last++ { // texts beside each other are one
				l.blank(end, list[last+1].Pos)
				var more string
				more, end = l.text(list[last+1].Pos)
				text += more
			}
			l.blank(end, list[last+1].Pos)
			t.Val = strconv.Itoa(len(l.texts))
			l.texts = append(l.texts, text)
			i = last
		default:
			l.check(t)
		}
		fixed = append(fixed, t)
	}
	return nest(l, fixed)
}

// check refuses tokens that hold more than they should.
func (l *lexer) check(t *tokens.Token) {
	t.Val = strings.TrimSpace(t.Val)
	ok := false
	switch t.Type {
	case tokens.Name:
		ok = identifier.MatchString(t.Val)
	case tokens.Integer, tokens.Float:
		ok = digits.MatchString(t.Val)
	default:
		ok = slices.Contains(operators, t.Val)
	}
	if !ok {
		l.fail(t.Pos, "unexpected %.40q", t.Val)
	}
}

// fail refuses the source at a place.
func (l *lexer) fail(pos int, format string, args ...any) {
	line := 1 + strings.Count(l.source[:min(pos, len(l.source))], "\n")
	panic(&Error{Line: line, Text: fmt.Sprintf(format, args...)})
}

// blank refuses anything but space between two places: gonja's lexer takes a text that ends in a backslash for a longer one.
func (l *lexer) blank(from, to int) {
	gap := ""
	if from < to {
		gap = strings.TrimSpace(l.source[from:to])
	}
	if from > to || gap != "" {
		l.fail(from, "this text cannot be read; one that ends in a backslash has to be put together: 'a' ~ '\\x5c'")
	}
}

// text reads the literal at pos, and returns the place behind it.
func (l *lexer) text(pos int) (string, int) {
	begin := pos + len(l.source[pos:]) - len(strings.TrimLeft(l.source[pos:], " \t\n"))
	s := l.source[begin:]
	if s == "" || s[0] != '"' && s[0] != '\'' {
		l.fail(pos, "unexpected %.1q", s)
	}
	var b strings.Builder
	for i := 1; i < len(s); {
		switch {
		case s[i] == s[0]:
			return b.String(), begin + i + 1
		case s[i] == '\\' && i+1 < len(s):
			i += l.escape(&b, s[i:], begin+i)
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	l.fail(begin, "this text has no end")
	return "", 0
}

// simple escapes stand for one byte each; the others have digits.
var simple = map[byte]string{'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

// escape writes what an escape stands for and returns its length. One that is not known stands for itself.
func (l *lexer) escape(b *strings.Builder, s string, pos int) int {
	if text, ok := simple[s[1]]; ok {
		b.WriteString(text)
		return 2
	}
	size := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if size == 0 {
		b.WriteString(s[:2])
		return 2
	}
	if len(s) < 2+size {
		l.fail(pos, "this escape is too short")
	}
	n, err := strconv.ParseUint(s[2:2+size], 16, 32)
	if err != nil || n > utf8.MaxRune {
		l.fail(pos, "%.10q is not an escape", s[:2+size])
	}
	b.WriteRune(rune(n))
	return 2 + size
}
