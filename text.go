package drydock

import (
	"strings"
	"unicode"
)

// OneLine makes a text that others wrote fit for one line: what cannot be printed and runs of space become one blank, and at most limit
// characters are kept.
func OneLine(s string, limit int) string {
	var b strings.Builder
	n, blank := 0, false
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) || r == ' ' {
			blank = b.Len() > 0
			continue
		}
		if n++; n > limit {
			b.WriteString("…")
			break
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
