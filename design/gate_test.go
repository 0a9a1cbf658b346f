package design

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// What a gate lets through is good; and it lets the usual things through, or it would be of no use.
func TestGate(t *testing.T) {
	s := newIngester(t).schemas
	passed, asked := 0, 0
	try := func(name string, d *document) {
		kind, ok := s.kinds[d.kind]
		if !ok {
			return
		}
		root, _ := d.value(d.root).(map[string]any)
		for _, sch := range []*jsonschema.Schema{kind.shape, kind.model, kind.advice} {
			if sch == nil {
				continue
			}
			asked++
			if !s.gates[sch].lets(root[d.payload]) {
				continue
			}
			passed++
			if err := sch.Validate(root[d.payload]); err != nil {
				t.Errorf("%s: the gate of %s lets it through: %v", name, sch.Location, err)
			}
		}
	}
	read := func(name string, src []byte) {
		for p := range parts(src) {
			if root, err := parseOnce(p.text); err == nil && root != nil {
				if _, err := measure(root, defaultLimits); err == nil {
					d := newDocument(root, 0)
					e := readEnvelope(root)
					d.kind, d.payload = e.kind, e.payload
					try(name, d)
				}
			}
		}
	}
	for kind, cases := range schemaCases {
		for _, c := range cases {
			read(c.payload, []byte(fmt.Sprintf("schema: drydock/%s/v1\nmetadata: {name: x}\ndata: %s\n", kind, c.payload)))
		}
	}
	for _, pattern := range []string{"testdata/*/*.yaml", "../examples/site/*.yaml"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			must(t, err)
			read(file, src)
		}
	}
	if asked < 300 || passed < asked/3 {
		t.Errorf("%d of %d were let through", passed, asked)
	}
}
