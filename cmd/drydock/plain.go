package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"

	"drydock/site"
)

// shown is a plain value of a site on its way out: mappings keep their order.
type shown struct{ value any }

// MarshalJSON writes the value.
func (s shown) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	if err := appendPlain(&b, s.value); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func appendPlain(b *bytes.Buffer, v any) error {
	next := func(i int) {
		if i > 0 {
			b.WriteByte(',')
		}
	}
	switch v := v.(type) {
	case site.Fields:
		b.WriteByte('{')
		for i := range v {
			next(i)
			if err := appendScalar(b, v[i].Name); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := appendPlain(b, v[i].Value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case site.Items:
		b.WriteByte('[')
		for i := range v {
			next(i)
			if err := appendPlain(b, v[i].Value); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		return appendScalar(b, v)
	}
	return nil
}

func appendScalar(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line break
	return nil
}

// plainYAML makes YAML of a plain value, with a comment behind every leaf that has one by its path.
func plainYAML(path string, v any, comments map[string]string) (*yaml.Node, error) {
	switch v := v.(type) {
	case site.Fields:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v {
			child, err := plainYAML(path+"/"+pointerEscape.Replace(v[i].Name), v[i].Value, comments)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, textNode(v[i].Name), child)
		}
		return node, nil
	case site.Items:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for i, key := range v.Keys() {
			child, err := plainYAML(path+"/"+pointerEscape.Replace(key), v[i].Value, comments)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		return node, nil
	}
	var b bytes.Buffer
	if err := appendScalar(&b, v); err != nil {
		return nil, err
	}
	d := json.NewDecoder(&b)
	d.UseNumber()
	node, err := yamlNode(d)
	if err == nil && comments[path] != "" {
		node.Style &^= yaml.LiteralStyle // has no room for a comment
		node.LineComment = "# " + plain(comments[path])
	}
	return node, err
}

// pointerEscape makes a token of a JSON pointer of a key.
var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// inWords is a plain value on one line, for tables.
func inWords(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if v == "" || strings.TrimSpace(v) != v {
			return `"` + v + `"`
		}
		return v
	}
	var b bytes.Buffer
	if err := appendPlain(&b, v); err != nil {
		return "?" // there is no plain value that cannot be written
	}
	return b.String()
}
