package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"drydock/design"
)

// sourceText finds the lines of a text.
type sourceText struct {
	text   []byte
	starts []int // of each line
}

func newSourceText(text []byte) *sourceText { return &sourceText{text, design.LineStarts(text)} }

// line returns a line, counted from 1, without its end; nil if there is none or the text is not known.
func (s *sourceText) line(n int) []byte {
	if s == nil || n < 1 || n > len(s.starts) {
		return nil
	}
	end := len(s.text)
	if n < len(s.starts) {
		end = s.starts[n]
	}
	return bytes.TrimRight(s.text[s.starts[n-1]:end], "\r\n\u0085\u2028\u2029")
}

const (
	// tabStop is how far apart tabs lead.
	tabStop = 4
	// maxSearched is how many bytes of a line are looked through for a column. What is behind is not shown.
	maxSearched = 64 << 10
)

// write shows a line with the one before it, and a caret below the column, within so many columns of a terminal.
func (s *sourceText) write(w io.Writer, line, column, columns int, st style) {
	text := s.line(line)
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	const indent = "    "
	digits := max(len(fmt.Sprint(line)), 4)
	room := max(columns-len(indent)-digits-3, 20)
	shown, caret, whole := around(text, column, room)
	if shown == "" {
		return
	}
	gutter := func(label string) string { return indent + st.faint(fmt.Sprintf("%*s │ ", digits, label)) }
	if before := s.line(line - 1); whole && len(bytes.Trim(before, "- \t")) > 0 { // the end of another document explains nothing
		if context, _, ok := around(before, 1, room); ok {
			fmt.Fprintln(w, gutter(fmt.Sprint(line-1))+st.faint(strings.TrimRight(context, " ")))
		}
	}
	fmt.Fprintln(w, gutter(fmt.Sprint(line))+strings.TrimRight(shown, " "))
	if column > 0 {
		fmt.Fprintln(w, gutter("")+strings.Repeat(" ", caret)+st.red("^"))
	}
}

// cell is a character as it is shown.
type cell struct {
	text  string
	width int
}

// around returns the part of a line around a column, counted in characters from 1, that has room in so many columns of a terminal, safe to show,
// and how many columns stand before that character. A column behind the line is the one at its end. whole says that the line begins where the
// part does. It is empty if the column is too far to be looked for.
func around(line []byte, column, room int) (shown string, before int, whole bool) {
	at, from := 0, 0 // bytes: where the column is, and where the characters that may be shown begin
	var back []int   // where the last characters before the column begin
	for n := 1; n < column && at < len(line); n++ {
		if at > maxSearched {
			return "", 0, false
		}
		back = append(back, at)
		_, size := utf8.DecodeRune(line[at:])
		at += size
	}
	if len(back) > room {
		back = back[len(back)-room:]
		from = back[0]
	}
	cells, target, more := cellsOf(line[from:], at-from, room)
	first, last := window(cells, target, room, from > 0 || more)
	var b strings.Builder
	whole = from == 0 && first == 0
	if !whole {
		b.WriteString("…")
		before = 1
	}
	for i := first; i < last; i++ {
		b.WriteString(cells[i].text)
		if i < target {
			before += cells[i].width
		}
	}
	if more || last < len(cells) {
		b.WriteString("…")
	}
	return b.String(), before, whole
}

// cellsOf decodes the beginning of a text: what stands before byte at, and as many characters behind it as have room. target is the one at byte at; more says
// that the text goes on.
func cellsOf(text []byte, at, room int) (cells []cell, target int, more bool) {
	column := 0
	target = -1
	for i := 0; i < len(text); {
		if i >= at && target < 0 {
			target = len(cells)
		}
		if target >= 0 && len(cells) > target+2*room {
			return cells, target, true
		}
		r, size := utf8.DecodeRune(text[i:])
		c := cellOf(r, column)
		cells = append(cells, c)
		column += c.width
		i += size
	}
	if target < 0 {
		target = len(cells)
	}
	return cells, target, false
}

// cellOf makes one character safe to show: what cannot be printed, and what turns the direction of text, becomes a blank.
func cellOf(r rune, column int) cell {
	switch {
	case r == '\t':
		n := tabStop - column%tabStop
		return cell{strings.Repeat(" ", n), n}
	case r == utf8.RuneError || !unicode.IsPrint(r):
		return cell{" ", 1}
	case unicode.In(r, unicode.Mn, unicode.Me):
		return cell{string(r), 0}
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return cell{string(r), 2}
	}
	return cell{string(r), 1}
}

// window chooses which cells are shown so that the target is among them. cut says that there is more of the line before or behind them.
func window(cells []cell, target, room int, cut bool) (first, last int) {
	total := 0
	for _, c := range cells {
		total += c.width
	}
	if total <= room && !cut {
		return 0, len(cells)
	}
	room -= 2 // an ellipsis at each end
	used := 0
	first, last = target, target
	for first > 0 && used+cells[first-1].width <= room/2 {
		first--
		used += cells[first].width
	}
	for last < len(cells) && used+cells[last].width <= room {
		used += cells[last].width
		last++
	}
	for first > 0 && used+cells[first-1].width <= room {
		first--
		used += cells[first].width
	}
	return first, last
}
