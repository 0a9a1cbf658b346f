package asset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"drydock"
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// maxPackages is the size of a list of packages in bytes.
const maxPackages = 1 << 20

// packages returns the packages of an asset: those of its location if it has one, otherwise its own.
func (j job) packages() (site.Attrs, error) {
	if !j.asset.Location.Set {
		return j.asset.Packages, nil
	}
	body, err := j.fetch()
	if err != nil {
		return nil, err
	}
	list, err := readPackages(body)
	if err != nil {
		return nil, j.fail("location", "it must be one mapping of names to versions, in YAML or JSON", fmt.Errorf("%w: the list of packages: %w", drydock.ErrInvalid, err))
	}
	return list, nil
}

// readPackages reads a mapping of names to versions, where null stands for any version.
func readPackages(body []byte) (site.Attrs, error) {
	if len(body) > maxPackages {
		return nil, fmt.Errorf("it is larger than %d bytes", maxPackages)
	}
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it has more than one document")
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it is not a mapping")
	}
	var list site.Attrs
	at := map[string]int{}
	pairs := doc.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		name, version := pairs[i], pairs[i+1]
		if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" {
			return nil, fmt.Errorf("line %d: the name of a package must be text", name.Line)
		}
		if version.Kind == yaml.AliasNode {
			version = version.Alias
		}
		null := version.ShortTag() == "!!null"
		if version.Kind != yaml.ScalarNode || !null && version.ShortTag() != "!!str" {
			return nil, fmt.Errorf("line %d: the version of %.60q must be text (perhaps in quotes) or null", version.Line, name.Value)
		}
		p := site.Attr{Key: name.Value, Value: version.Value, Null: null}
		if null {
			p.Value = ""
		}
		if n, again := at[p.Key]; again {
			list[n] = p
			continue
		}
		at[p.Key] = len(list)
		list = append(list, p)
	}
	return list, nil
}
