package design

import "bytes"

// LineStarts returns the offsets of the lines of a source, as findings count them: YAML knows more line breaks than the usual one. A byte order
// mark is not part of the first line.
func LineStarts(src []byte) []int {
	var starts []int
	for at := len(src) - len(bytes.TrimPrefix(src, []byte("\uFEFF"))); at < len(src); at = lineEnd(src, at) {
		starts = append(starts, at)
	}
	return starts
}
