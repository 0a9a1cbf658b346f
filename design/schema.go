package design

import (
	"embed"
	"errors"
	"fmt"
	"path"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The files of schema/ hold, for each kind of document, what its payload may look like (JSON Schema draft 4). What a document needs beyond
// that before a site can be made of it is under definitions/model: upstream finds that out while it builds its objects, and reports it as
// DD000 instead of DD001. Under definitions/advice is what upstream accepts without a word although it does not read it.
//
//go:embed schema/*.json
var schemaFiles embed.FS

const (
	schemaVersion = "v1"
	schemaBase    = "embed:///"
)

// kindFiles maps the kinds of documents to their schemas. The order is that of lists for people.
var kindFiles = []struct{ kind, file string }{
	{"Region", "region.json"},
	{"Rack", "rack.json"},
	{"NetworkLink", "network_link.json"},
	{"Network", "network.json"},
	{"HardwareProfile", "hardware_profile.json"},
	{"HostProfile", "host_profile.json"},
	{"BaremetalNode", "baremetal_node.json"},
	{"BootAction", "boot_action.json"},
}

func kindNames() []string {
	names := make([]string, len(kindFiles))
	for i, k := range kindFiles {
		names[i] = k.kind
	}
	return names
}

// kindSchema is what a kind's documents are held against. Both parts are safe for concurrent use.
type kindSchema struct {
	shape *jsonschema.Schema // violations are DD001
	model *jsonschema.Schema // violations are DD000

	advice *jsonschema.Schema // nil if there is none; violations are warnings
}

// schemas are the compiled schemas, and every sub-schema by its location, so that a violation can be put into the words of its schema.
type schemas struct {
	kinds map[string]kindSchema
	parts map[string]*jsonschema.Schema
	gates map[*jsonschema.Schema]*gate // of the kinds' schemas and all that they refer to
}

func compileSchemas() (*schemas, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	files, err := schemaFiles.ReadDir("schema")
	if err != nil {
		return nil, fmt.Errorf("read embedded schemas: %w", err)
	}
	for _, f := range files {
		file, err := schemaFiles.Open(path.Join("schema", f.Name()))
		if err != nil {
			return nil, fmt.Errorf("read embedded schema: %w", err)
		}
		doc, err := jsonschema.UnmarshalJSON(file)
		err = errors.Join(err, file.Close())
		if err == nil {
			err = c.AddResource(schemaBase+f.Name(), doc)
		}
		if err != nil {
			return nil, fmt.Errorf("embedded schema %s: %w", f.Name(), err)
		}
	}
	s := &schemas{kinds: map[string]kindSchema{}, parts: map[string]*jsonschema.Schema{}, gates: map[*jsonschema.Schema]*gate{}}
	for _, k := range kindFiles {
		shape, err := c.Compile(schemaBase + k.file)
		if err != nil {
			return nil, fmt.Errorf("embedded schema of %s: %w", k.kind, err)
		}
		model, err := c.Compile(schemaBase + k.file + "#/definitions/model")
		if err != nil {
			return nil, fmt.Errorf("embedded schema of %s: %w", k.kind, err)
		}
		advice, err := c.Compile(schemaBase + k.file + "#/definitions/advice")
		if none := (*jsonschema.JSONPointerNotFoundError)(nil); err != nil && !errors.As(err, &none) {
			return nil, fmt.Errorf("embedded schema of %s: %w", k.kind, err)
		}
		s.kinds[k.kind] = kindSchema{shape, model, advice}
		for _, sch := range []*jsonschema.Schema{shape, model, advice} {
			newGate(sch, s.gates)
		}
		s.index(shape)
		s.index(model)
		s.index(advice)
	}
	return s, nil
}

func (s *schemas) index(sch *jsonschema.Schema) {
	if sch == nil || s.parts[sch.Location] != nil {
		return
	}
	s.parts[sch.Location] = sch
	for _, list := range [][]*jsonschema.Schema{sch.AllOf, sch.AnyOf, sch.OneOf, {sch.Ref, sch.Not}} {
		for _, sub := range list {
			s.index(sub)
		}
	}
	for _, sub := range sch.Properties {
		s.index(sub)
	}
	for _, sub := range sch.PatternProperties {
		s.index(sub)
	}
	for _, sub := range []any{sch.AdditionalProperties, sch.Items} {
		if sub, ok := sub.(*jsonschema.Schema); ok {
			s.index(sub)
		}
	}
}
