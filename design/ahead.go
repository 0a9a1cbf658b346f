package design

import (
	"iter"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// maxAhead is how many documents are parsed before their turn.
	maxAhead = 8
	// maxAheadBytes is the size up to which a document is parsed before its turn. Larger ones wait, so that at most one of them is in memory.
	maxAheadBytes = 64 << 10
)

// parsedPart is a part that may have been parsed already.
type parsedPart struct {
	part
	done bool
	root *yaml.Node
	err  error // as of parseOnce
}

// ahead yields the parts of a source, parsed as far as that is worth it: another goroutine parses the next ones while one is being checked. It
// ends soon after the loop over the parts does.
func ahead(src []byte, tokens int) iter.Seq[parsedPart] {
	return func(yield func(parsedPart) bool) {
		queue, stop := make(chan parsedPart, maxAhead), make(chan struct{})
		defer close(stop)
		go func() {
			defer close(queue)
			for p := range parts(src) {
				next := parsedPart{part: p}
				if len(p.text) <= maxAheadBytes && utf8.Valid(p.text) && !tooComplex(p.text, tokens) {
					next.done = true
					next.root, next.err = parseOnce(p.text)
				}
				select {
				case queue <- next:
				case <-stop:
					return
				}
			}
		}()
		for p := range queue {
			if !yield(p) {
				return
			}
		}
	}
}

// parsed returns the one document of the part, nil without an error if there is none. With search it takes the time to find the line of a
// syntax error.
func (p parsedPart) parsed(search bool) (*yaml.Node, error) {
	if !p.done {
		p.root, p.err = parseOnce(p.text)
	}
	if p.err == nil {
		return p.root, nil
	}
	said, line := splitLine(p.err)
	if search {
		line = errorLine(p.text, said)
	}
	return nil, &parseError{text: said, line: line}
}
