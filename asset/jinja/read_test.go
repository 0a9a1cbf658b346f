package jinja

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

func bytesReader(raw []byte) io.Reader { return bytes.NewReader(raw) }

// ordered reads JSON as values of templates, objects in their order.
func ordered(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if n, err := strconv.Atoi(t.String()); err == nil {
			return n, nil
		}
		return strconv.ParseFloat(t.String(), 64)
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				v, err := ordered(d)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		dict := NewDict()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := ordered(d)
			if err != nil {
				return nil, err
			}
			dict.Set(strings.Clone(k.(string)), v)
		}
		_, err := d.Token()
		return dict, err
	}
	return t, nil
}
