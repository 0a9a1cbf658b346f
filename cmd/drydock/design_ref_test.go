package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestDesignRef(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	here, err := os.Getwd() // the same folder, as the system names it
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"site.yaml", "my site#1?.yaml", "ünï%41.yaml", "a:b.yaml", "-.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const local, remote = "http://127.0.0.1:9000", "http://drydock.example:9000"
	for _, c := range []struct{ arg, server, want string }{
		{"site.yaml", local, "file://" + here + "/site.yaml"},
		{"./site.yaml", local, "file://" + here + "/site.yaml"},
		{"../" + filepath.Base(here) + "/site.yaml", local, "file://" + here + "/site.yaml"},
		{filepath.Join(here, "site.yaml"), local, "file://" + here + "/site.yaml"},
		{"my site#1?.yaml", local, "file://" + here + "/my%20site%231%3F.yaml"},
		{"ünï%41.yaml", local, "file://" + here + "/%C3%BCn%C3%AF%2541.yaml"},
		{"a:b.yaml", local, "file://" + here + "/a:b.yaml"},
		{"-.yaml", local, "file://" + here + "/-.yaml"},
		{"/on/the/server.yaml", remote, "file:///on/the/server.yaml"},
		{"http://h/x", local, "http://h/x"},
		{"https://h/x?y=1#z", local, "https://h/x?y=1#z"},
		{"deckhand+http://h/api/v1.0/revisions/3/rendered-documents", local, "deckhand+http://h/api/v1.0/revisions/3/rendered-documents"},
		{"file:///x/a%20b.yaml", local, "file:///x/a%20b.yaml"},
		{"file:/x", local, "file:/x"},
		{"gopher://h/x", local, "gopher://h/x"}, // the server says which schemes it knows
		{"", local, ""},
	} {
		if got, err := designRef(c.arg, c.server); err != nil || got != c.want {
			t.Errorf("%q: %q, %v; want %q", c.arg, got, err, c.want)
		}
	}
	for _, arg := range []string{"none.yaml", "/none/at/all.yaml", ".", here} {
		if got, err := designRef(arg, local); !errors.Is(err, errUsage) {
			t.Errorf("%q: %q, %v; want a usage error", arg, got, err)
		}
	}
}

func TestNodeFilter(t *testing.T) {
	for _, c := range []struct {
		nodes, racks, tags []string
		want               string
	}{
		{nil, nil, nil, ""},
		{[]string{" , "}, nil, nil, ""},
		{[]string{"n1, n2", "n3"}, nil, nil, `{"filter_set_type":"intersection","filter_set":[{"filter_type":"union","node_names":["n1","n2","n3"],"rack_names":[]}]}`},
		{nil, []string{"r1"}, nil, `{"filter_set_type":"intersection","filter_set":[{"filter_type":"union","node_names":[],"rack_names":["r1"]}]}`},
		{
			nil, nil,
			[]string{"a", "b"},
			`{"filter_set_type":"intersection","filter_set":[{"filter_type":"union","node_names":[],"rack_names":[],"node_tags":["a","b"]}]}`,
		},
	} {
		if got := string(nodeFilter(c.nodes, c.racks, c.tags)); got != c.want {
			t.Errorf("%v %v %v:\ngot  %s\nwant %s", c.nodes, c.racks, c.tags, got, c.want)
		}
	}
}
