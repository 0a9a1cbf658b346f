package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// The forms of output.
const (
	formTable = "table"
	formJSON  = "json"
	formYAML  = "yaml"
)

// outputForms is the annotation of commands that have a form of output beside those.
const outputForms = "output forms"

// formsOf returns the forms of output that a command has.
func formsOf(c *cobra.Command) []string {
	forms := []string{formTable, formJSON, formYAML}
	if more := c.Annotations[outputForms]; more != "" {
		forms = append(forms, more)
	}
	return forms
}

// form returns how results are to be printed: as --output says, else as a table for people and as JSON for programs.
func (a *app) form() string {
	switch {
	case a.output != "":
		return a.output
	case a.out.width > 0:
		return formTable
	default:
		return formJSON
	}
}

// print writes v as one line of JSON or as YAML, or calls table.
func (a *app) print(v any, table func(w io.Writer)) error {
	switch a.form() {
	case formTable:
		var b bytes.Buffer
		table(&b)
		_, err := a.out.Write(b.Bytes())
		return err
	case formYAML:
		return writeYAML(a.out, v)
	default:
		return writeJSON(a.out, v)
	}
}

// writeJSON writes v on one line. Letters stand for themselves; < > and & are not escaped, but what a terminal would obey is.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeControls(b.Bytes()))
	return err
}

// obeyed reports whether a terminal would do something for a character that JSON and YAML let stand.
func obeyed(r rune) bool {
	return r >= 0x7F && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// escapeControls writes what a terminal would obey as escapes. It can only stand inside of texts in double quotes.
func escapeControls(text []byte) []byte {
	if bytes.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if obeyed(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

// writeYAML writes v in block style, members in the order of the JSON form.
func writeYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := writeJSON(&text, v); err != nil {
		return err
	}
	d := json.NewDecoder(&text)
	d.UseNumber()
	node, err := yamlNode(d)
	if err != nil {
		return fmt.Errorf("convert to YAML: %w", err)
	}
	return encodeYAML(w, node)
}

// encodeYAML writes a node in block style. What a terminal would obey is escaped.
func encodeYAML(w io.Writer, node *yaml.Node) error {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(node), e.Close()); err != nil {
		return fmt.Errorf("encode YAML: %w", err)
	}
	_, err := w.Write(escapeControls(text.Bytes()))
	return err
}

// textNode is a text, in a style that has escapes if it needs them.
func textNode(t string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t}
	switch {
	case strings.ContainsFunc(t, obeyed):
		node.Style = yaml.DoubleQuotedStyle
	case strings.Contains(t, "\n"):
		node.Style = yaml.LiteralStyle
	}
	return node
}

// yamlNode reads one JSON value.
func yamlNode(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		if t == '{' {
			node.Kind = yaml.MappingNode
		}
		for d.More() {
			child, err := yamlNode(d) // in an object names and values take turns
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err := d.Token()
		return node, err
	case string:
		return textNode(t), nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: t.String()}, nil
	default:
		node := &yaml.Node{}
		return node, node.Encode(t)
	}
}

// columns writes rows in aligned columns, the first row being the heading.
func columns(w io.Writer, rows ...[]string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plain(cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	t.Flush()
}

// plain makes text safe for a terminal and for one line: control characters, which could move the cursor or hide text, become spaces,
// and so do those that turn the direction of text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
}

// shorten cuts s to at most n columns, with an ellipsis where something is missing. n of 0 or less does not cut.
func shorten(s string, n int) string {
	runes := []rune(s)
	if n <= 0 || len(runes) <= n {
		return s
	}
	return string(runes[:max(n-1, 0)]) + "…"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
