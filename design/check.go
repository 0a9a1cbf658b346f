package design

import (
	"fmt"
	"strings"

	"drydock"
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// checks collects what is wrong with one document.
type checks struct {
	d        *document
	findings []site.Finding
}

func (c *checks) finding(at *yaml.Node, location []string, text, diagnostic string) site.Finding {
	f := site.Finding{Code: codeDocument, Level: site.Error, Text: text, Diagnostic: diagnostic, Docs: []site.Ref{c.d.ref}, Path: pointer(location)}
	if at != nil {
		f.Line, f.Column = c.d.offset+at.Line, at.Column
	}
	return f
}

func (c *checks) add(at *yaml.Node, location []string, text, diagnostic string) {
	c.findings = append(c.findings, c.finding(at, location, c.title()+": "+text, diagnostic))
}

// failed reports whether something was found that keeps the document out of the design.
func (c *checks) failed() bool {
	return site.Failed(c.findings)
}

// title is how findings name the document in their text.
func (c *checks) title() string {
	switch {
	case c.d.ref.Name == "" && c.d.kind == "":
		return "document without a name"
	case c.d.ref.Name == "":
		return drydock.OneLine(c.d.kind, 80) + " without a name"
	}
	return strings.TrimSpace(drydock.OneLine(c.d.kind, 80) + " " + quote(c.d.ref.Name))
}

// name reads the document's name, which every later finding about the document carries, and compares it with those before.
func (c *checks) name(r *run, e envelope) {
	at, name, wrong := c.readName(r.in.limits.name)
	if wrong != "" {
		c.add(at, []string{"metadata", "name"}, "metadata.name "+wrong, "every document needs a name; put it in quotes if it is not a word")
		return
	}
	c.d.ref.Name = name
	key := docKey{e.kind, name}
	if line, again := r.first[key]; again {
		c.add(c.d.root, nil, fmt.Sprintf("there is another %s of this name before this one, in line %d", drydock.OneLine(e.kind, 80), line), "remove or rename one of them")
		return
	}
	r.first[key] = c.d.offset + c.d.root.Line
}

func (c *checks) readName(limit int) (at *yaml.Node, name, wrong string) {
	metadata, ok := c.d.pairs(c.d.root).get("metadata")
	if !ok {
		return c.d.root, "", "is missing"
	}
	m := resolved(metadata.value)
	if m.Kind != yaml.MappingNode {
		return place(metadata), "", "is missing: metadata is " + sayValue(m)
	}
	p, ok := c.d.pairs(m).get("name")
	if !ok {
		return m, "", "is missing"
	}
	n := resolved(p.value)
	if n.Kind != yaml.ScalarNode {
		return n, "", "must be text, not " + sayValue(n)
	}
	s := readScalar(n)
	name, ok = scalarText(s.value)
	switch {
	case s.value == nil || name == "" && ok:
		return place(p), "", "is empty"
	case !ok:
		return n, "", "must be text, not " + sayValue(n)
	case len(name) > limit:
		return n, "", fmt.Sprintf("is longer than %d bytes", limit)
	}
	return n, name, ""
}

// payload holds what the document says against the schemas of its kind. What the model needs is looked at only if the rest is right, so that
// one mistake is reported once.
func (c *checks) payload(s *schemas, root any) {
	d := c.d
	members, _ := root.(map[string]any)
	v, ok := members[d.payload]
	if !ok {
		c.violation(codeSchema, violation{at: d.root, text: "is missing"})
		return
	}
	for _, broken := range s.judge(d, s.kinds[d.kind].shape, v) {
		if !d.bad[broken.at] {
			c.violation(codeSchema, broken)
		}
	}
	if c.failed() {
		return
	}
	for _, broken := range s.judge(d, s.kinds[d.kind].model, v) {
		// Where any scalar will do, a date does as well. JSON has none, so the schemas cannot say that.
		if !isDate(broken.at) || len(broken.location) > 0 && broken.location[len(broken.location)-1] == "count" {
			c.violation(codeDocument, broken)
		}
	}
	if !c.failed() {
		c.advise(s, v)
	}
}

func (c *checks) violation(code string, v violation) {
	location := append([]string{c.d.payload}, v.location...)
	f := c.finding(v.at, location, fmt.Sprintf("%s: %s %s", c.title(), dotted(location), v.text), v.diagnostic)
	f.Code = code
	c.findings = append(c.findings, f)
}

// pointer is the JSON pointer of a location.
func pointer(location []string) string {
	var b strings.Builder
	for _, token := range location {
		b.WriteString("/" + pointerEscape.Replace(token))
	}
	return b.String()
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1", notText, "")

// dotted is a location as people write it: data.interfaces.pxe, data.assets[0].
func dotted(location []string) string {
	var b strings.Builder
	for i, token := range location {
		token = strings.TrimPrefix(token, notText)
		switch {
		case i > 0 && token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		case token == "" || strings.ContainsAny(token, ". \t\n\"'[]"):
			b.WriteString("[" + quote(token) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(drydock.OneLine(token, 60))
		}
	}
	return b.String()
}
