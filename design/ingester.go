package design

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"drydock"
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// The codes of what an ingester finds: a schema violation, and everything else.
const (
	codeDocument = "DD000"
	codeSchema   = "DD001"
)

// MaxBytes is how large a design may be.
const MaxBytes = 64 << 20

// limits are what one source may hold. They bound time and memory; a design that needs more is told so in a finding.
type limits struct {
	bytes         int   // of the source
	documents     int   // of the stream, ours or not
	tokens        int   // what may become a node of one document, counted before it is parsed
	depth         int   // levels of collections, aliases expanded
	nodes         int64 // values of one document of ours, aliases expanded
	streamNodes   int64 // of all documents of ours together
	name          int   // bytes of a document's name
	findings      int   // of one document
	totalFindings int   // of all together
}

var defaultLimits = limits{
	bytes: MaxBytes, documents: 100_000, tokens: 1_000_000, depth: 64, nodes: 200_000, streamNodes: 5_000_000,
	name: 1024, findings: 500, totalFindings: 5000,
}

// Ingester reads the documents of a design. It is safe for concurrent use and keeps nothing between calls.
type Ingester struct {
	schemas *schemas
	limits  limits
	last    []LastCheck
}

// LastCheck looks at an effective design in which nothing else is an error. It must be pure.
type LastCheck func(*site.Design) []site.Finding

// NewIngester compiles the embedded schemas. The last checks are asked after the rules, by Check only.
func NewIngester(last ...LastCheck) (*Ingester, error) {
	s, err := compileSchemas()
	if err != nil {
		return nil, err
	}
	return &Ingester{schemas: s, limits: defaultLimits, last: last}, nil
}

// Ingest reads a stream of YAML documents and returns the design that the good ones make, never nil, and what is wrong with the others, in the
// order of the source. Documents of others are passed over in silence. Where scalars are concerned the rules of YAML 1.1 hold.
//
// Errors are DD001 for violations of a kind's schema and DD000 for everything else; a document with an error is not in the design. A source
// without any document of ours is an error as well: it is nearly always the wrong one, and what is not a design must never look valid.
func (in *Ingester) Ingest(src []byte) (*site.Design, []site.Finding) {
	sum := sha256.Sum256(src)
	r := &run{in: in, first: map[docKey]int{}, texts: sharedTexts{}, design: &site.Design{Digest: hex.EncodeToString(sum[:]), Size: len(src)}, search: maxSearch}
	r.stream(src)
	return r.design, r.findings
}

// run is the state of one Ingest.
type run struct {
	in       *Ingester
	design   *site.Design
	findings []site.Finding
	first    map[docKey]int // line of the first document of a kind and name
	texts    sharedTexts
	nodes    int64
	ours     int
	errors   int
	full     bool
	search   int // bytes of documents that may still be searched for the line of their syntax error
}

type docKey struct{ kind, name string }

func (r *run) stream(src []byte) {
	l := r.in.limits
	if len(src) > l.bytes {
		r.error(0, "", "the design has %d bytes; at most %d are read", len(src), l.bytes)
		return
	}
	if at := bytes.IndexByte(src, 0); at >= 0 {
		r.error(lineAt(src, at), "designs are text: YAML in UTF-8", "this is no design but binary data: it contains a NUL byte at offset %d", at)
		return
	}
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	n := 0
	for p := range ahead(src, l.tokens) {
		if n++; n > l.documents {
			r.error(p.line, "split the design", "there are more than %d documents; the rest was not read", l.documents)
			break
		}
		if r.part(p); r.full {
			return
		}
	}
	if r.ours == 0 && r.errors == 0 {
		r.add(site.Finding{
			Code: codeDocument, Level: site.Error,
			Text:       fmt.Sprintf("the design is empty: there is no document of Drydock's in it (documents of others: %d)", n),
			Diagnostic: "documents begin with \"schema: drydock/Kind/v1\", or with \"apiVersion: drydock/v1\" and \"kind\"; is the reference right?",
		})
	}
}

// part reads one document and everything that is wrong with it.
func (r *run) part(p parsedPart) {
	if !utf8.Valid(p.text) {
		at := invalidUTF8(p.text)
		r.error(p.line+lineAt(p.text, at)-1, "save it as UTF-8", "this document is not valid UTF-8: byte 0x%02X", p.text[at])
		return
	}
	if tooComplex(p.text, r.in.limits.tokens) {
		r.error(p.line, "split the document", "this document is too large: it may hold more than %d values", r.in.limits.tokens)
		return
	}
	root, err := p.parsed(len(p.text) <= r.search)
	if err != nil {
		r.search -= min(r.search, len(p.text))
		line := p.line
		if bad := (*parseError)(nil); errors.As(err, &bad) {
			line += bad.line - 1
		}
		r.error(line, "this document was not read; the others were", "YAML syntax: %s", drydock.OneLine(err.Error(), 200))
		return
	}
	if root == nil || root.Kind == yaml.ScalarNode && readScalar(root).value == nil {
		return
	}
	if root.Kind != yaml.MappingNode {
		r.add(site.Finding{
			Code: codeDocument, Level: site.Warning, Line: p.line + root.Line - 1, Column: root.Column,
			Text: "this document is " + sayValue(root) + ", not a mapping; it is ignored",
		})
		return
	}
	e := readEnvelope(root)
	if e.warning != "" {
		r.add(site.Finding{Code: codeDocument, Level: site.Warning, Line: p.line + e.at.Line - 1, Column: e.at.Column, Path: "/" + e.key, Text: e.warning})
	}
	if e.ours {
		r.ours++
		r.document(newDocument(root, p.line-1), e)
	}
}

// document checks one document of ours and takes it into the design if it is good.
func (r *run) document(d *document, e envelope) {
	d.kind, d.payload, d.ref = r.texts.of(e.kind), e.payload, site.Ref{Schema: r.texts.of(e.schema)}
	c := &checks{d: d}
	r.check(c, e)
	slices.SortStableFunc(c.findings, func(a, b site.Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
	limit := r.in.limits.findings
	for i, f := range c.findings {
		if i == limit {
			f = c.finding(d.root, nil, fmt.Sprintf("%s: %d more findings about this document are not listed", c.title(), len(c.findings)-limit), "")
		}
		if r.add(f); i == limit {
			break
		}
	}
	if !c.failed() {
		r.design.Documents = append(r.design.Documents, site.Document{Ref: d.ref, Kind: d.kind, Line: d.offset + d.root.Line})
		r.model(d)
	}
}

func (r *run) check(own *checks, e envelope) {
	d := own.d
	size, err := measure(d.root, r.in.limits)
	if big := (*tooBig)(nil); errors.As(err, &big) {
		if metadata := lookup(d.root, "metadata"); metadata != nil && metadata.Kind == yaml.MappingNode {
			if name, ok := textOf(lookup(metadata, "name")); ok && len(name) <= r.in.limits.name {
				d.ref.Name = name
			}
		}
		own.add(big.at, nil, "it "+big.text, "")
		return
	}
	if r.nodes += size.nodes; r.nodes > r.in.limits.streamNodes {
		r.errorAll(d)
		return
	}
	root := d.value(d.root)
	own.name(r, e)
	if text, diagnostic := e.check(); text != "" {
		own.add(e.at, []string{e.key}, text, diagnostic)
		return
	}
	for _, f := range d.faults {
		found := own.finding(f.at, d.locations()[f.at], own.title()+": "+f.text, f.diagnostic)
		found.Level = f.level
		own.findings = append(own.findings, found)
	}
	own.payload(r.in.schemas, root)
}

// errorAll ends the run: whatever follows is not looked at.
func (r *run) errorAll(d *document) {
	r.error(d.offset+d.root.Line, "split the design", "the documents have more than %d values together; from here on nothing was read",
		r.in.limits.streamNodes)
	r.full = true
}

func (r *run) error(line int, diagnostic, format string, args ...any) {
	r.add(site.Finding{Code: codeDocument, Level: site.Error, Line: line, Text: fmt.Sprintf(format, args...), Diagnostic: diagnostic})
}

// add records a finding until there are too many.
func (r *run) add(f site.Finding) {
	if r.full {
		return
	}
	if len(r.findings) == r.in.limits.totalFindings {
		f = site.Finding{
			Code: codeDocument, Level: site.Error, Line: f.Line,
			Text: fmt.Sprintf("there are more than %d findings; from here on nothing was read", r.in.limits.totalFindings),
		}
		r.full = true
	}
	if f.Level == site.Error {
		r.errors++
	}
	r.findings = append(r.findings, f)
}

func invalidUTF8(text []byte) int {
	at := 0
	for at < len(text) {
		c, n := utf8.DecodeRune(text[at:])
		if c == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return at
}
