package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestAround(t *testing.T) {
	long := strings.Repeat("abcdefghi ", 10_000)
	for name, c := range map[string]struct {
		line         string
		column, room int
		shown        string
		before       int
	}{
		"plain":                   {"  mtu: 9000", 8, 40, "  mtu: 9000", 7},
		"no column":               {"  mtu: 9000", 0, 40, "  mtu: 9000", 0},
		"behind the end":          {"abc", 99, 40, "abc", 3},
		"tabs":                    {"\ta\tb", 4, 40, "    a   b", 8},
		"wide":                    {"高さ: 12", 5, 40, "高さ: 12", 6},
		"full-width":              {"ａ: 1", 4, 40, "ａ: 1", 4},
		"combining":               {"e\u0301: 1", 5, 40, "e\u0301: 1", 3},
		"controls":                {"a\x1b[31mb\u009b\u202e\x00c", 11, 40, "a [31mb   c", 10},
		"not UTF-8":               {"a\xff\xfe: b", 6, 40, "a  : b", 5},
		"cut behind":              {"abcdefghijklmnopqrstuvwxyz", 3, 22, "abcdefghijklmnopqrst…", 2},
		"cut before":              {"abcdefghijklmnopqrstuvwxyz", 26, 22, "…ghijklmnopqrstuvwxyz", 20},
		"cut at both ends":        {long, 5001, 22, "…abcdefghi abcdefghi …", 11},
		"wide ones cut":           {strings.Repeat("高", 50), 25, 22, "…高高高高高高高高高高…", 11},
		"cut at a tab":            {strings.Repeat("\t", 50) + "x", 51, 22, "…                    x", 21},
		"too far to be looked at": {long, 90_000, 22, "", 0},
	} {
		shown, before, _ := around([]byte(c.line), c.column, c.room)
		if name == "cut at a tab" { // how many blanks there are depends on where it is cut
			shown, before = strings.Join(strings.Fields(shown), "…"), len([]rune(shown))-1-before
			c.shown, c.before = "……x", 0
		}
		if shown != c.shown || before != c.before {
			t.Errorf("%s: %q, %d; want %q, %d", name, shown, before, c.shown, c.before)
		}
	}
}

// TestAroundAnything checks that whatever a line holds, what is shown is safe, fits, and has the column in it.
func TestAroundAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", " ", "\t", "高", "ｗ", "e\u0301", "\x1b[2J", "\xff", "\u202e", "\u009b", "🚢", "\x00", "é"})
		line := []byte(strings.Join(rapid.SliceOfN(piece, 0, 200).Draw(t, "line"), ""))
		column, room := rapid.IntRange(0, 260).Draw(t, "column"), rapid.IntRange(20, 60).Draw(t, "room")
		shown, before, _ := around(line, column, room)
		cells := 0
		for _, r := range shown {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q holds %U", shown, r)
			}
			cells += cellOf(r, 0).width
		}
		if cells > room || before > cells || before < 0 {
			t.Fatalf("%q has %d columns of %d, the caret is behind %d", shown, cells, room, before)
		}
	})
}

func TestSourceText(t *testing.T) {
	s := newSourceText([]byte("\uFEFFone\r\ntwo\n\n---\nfour\u2028\u0085seven\reight"))
	for n, want := range map[int]string{-1: "", 0: "", 1: "one", 2: "two", 3: "", 4: "---", 5: "four", 6: "", 7: "seven", 8: "eight", 9: "", 99: ""} {
		if got := string(s.line(n)); got != want {
			t.Errorf("line %d: %q, want %q", n, got, want)
		}
	}
	if got := (*sourceText)(nil).line(1); got != nil {
		t.Errorf("no source: %q", got)
	}
	for _, c := range []struct {
		line, column int
		want         string
	}{
		{2, 2, "       1 │ one\n       2 │ two\n         │  ^\n"},
		{5, 1, "       5 │ four\n         │ ^\n"},
		{2, 0, "       1 │ one\n       2 │ two\n"},
		{3, 1, ""},
		{9, 1, ""},
	} {
		var b bytes.Buffer
		s.write(&b, c.line, c.column, 80, false)
		if b.String() != c.want {
			t.Errorf("line %d, column %d:\n%s\nwant\n%s", c.line, c.column, b.String(), c.want)
		}
	}
}
