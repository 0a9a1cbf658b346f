package design

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSearch is how many bytes of documents with a syntax error are parsed again, some ten times, to find the line of the error. Behind that,
// errors get the line that the parser tells.
const maxSearch = 1 << 20

// parseError is a syntax error, with its 1-based line inside the part.
type parseError struct {
	text string
	line int
}

func (e *parseError) Error() string { return e.text }

// parseOnce reads the one document of a part. It returns nil without an error if there is none.
func parseOnce(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics on states that it takes for impossible
			root, err = nil, fmt.Errorf("cannot be parsed: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := dec.Decode(&yaml.Node{}); err == nil {
		return nil, errors.New("there is text behind the end of the document")
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, nil
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// splitLine takes the library's text apart. The line that it names is that of the surrounding construct, off by one for some errors.
func splitLine(err error) (string, int) {
	text, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if m[1] != "" {
			_, _ = fmt.Sscan(m[1], &line)
		}
	}
	return text, line
}

// errorLine finds the line at which the parser gives up: the last one of the shortest beginning of text that fails in the same way. That is the
// place a person has to look at: where the parser stopped, or, for what is never closed, where it was opened.
func errorLine(text []byte, want string) int {
	var ends []int
	for at := 0; at < len(text); {
		at = lineEnd(text, at)
		ends = append(ends, at)
	}
	n := sort.Search(len(ends), func(i int) bool {
		_, err := parseOnce(text[:ends[i]])
		if err == nil {
			return false
		}
		said, _ := splitLine(err)
		return said == want
	})
	return min(n+1, max(len(ends), 1))
}

// tooComplex reports whether text may have more than limit nodes. It counts characters that can begin a node, so that a document that would
// need a hundred times its size in memory is refused before it is parsed.
func tooComplex(text []byte, limit int) bool {
	if len(text) <= limit {
		return false
	}
	n := 0
	for i, c := range text {
		switch c {
		case ',', '[', '{', ':':
			n++
		case '-', '?':
			if i+1 < len(text) && strings.IndexByte(" \t\r\n", text[i+1]) >= 0 {
				n++
			}
		}
	}
	return n > limit
}

// meter computes how large and deep a document is once its aliases are replaced by what they stand for, without replacing them.
type meter struct {
	done map[*yaml.Node]extent // anchored nodes
	open map[*yaml.Node]bool
}

type extent struct {
	nodes  int64
	height int // levels of collections
}

// tooBig says which limit a document exceeds, and where.
type tooBig struct {
	at   *yaml.Node
	text string
}

func (e *tooBig) Error() string { return e.text }

// measure fails with a tooBig if the document under n exceeds l. It takes time proportional to the source, whatever the aliases do.
func measure(n *yaml.Node, l limits) (extent, error) {
	m := meter{done: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	e, err := m.node(n, l, 0)
	if err != nil {
		return e, err
	}
	if e.nodes > l.nodes {
		return e, &tooBig{n, fmt.Sprintf("is too large: with its aliases expanded it has more than %d values", l.nodes)}
	}
	return e, nil
}

func (m *meter) node(n *yaml.Node, l limits, depth int) (extent, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if e, ok := m.done[n]; ok {
		return e, depthError(n, depth+e.height, l)
	}
	if m.open[n] {
		return extent{}, &tooBig{n, fmt.Sprintf("contains itself: the alias *%s stands inside of what it stands for", n.Anchor)}
	}
	e := extent{nodes: 1}
	if n.Kind == yaml.ScalarNode {
		return e, nil
	}
	if err := depthError(n, depth+1, l); err != nil {
		return e, err
	}
	if n.Anchor != "" {
		m.open[n] = true
		defer delete(m.open, n)
	}
	for _, child := range n.Content {
		c, err := m.node(child, l, depth+1)
		if err != nil {
			return e, err
		}
		e.nodes = min(e.nodes+c.nodes, l.nodes+1) // saturates: doubling aliases would overflow
		e.height = max(e.height, c.height)
	}
	e.height++
	if n.Anchor != "" {
		m.done[n] = e
	}
	return e, nil
}

func depthError(n *yaml.Node, depth int, l limits) error {
	if depth <= l.depth {
		return nil
	}
	return &tooBig{n, fmt.Sprintf("is nested too deeply: more than %d levels", l.depth)}
}
