package site

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing")

// fill gives every field below v a value of its own, so that none can be taken for another. Names are kept.
func fill(v reflect.Value, n *int, values map[string]bool, path string) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("value-%d", *n))
		values[v.String()] = true
	case reflect.Int:
		v.SetInt(int64(1000 + *n))
		values[fmt.Sprint(v.Int())] = true
	case reflect.Bool:
		v.SetBool(path != "Null" && path != "Rendered" && path != "Incomplete")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n, values, path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n, values, path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Type().Field(i).Type == reflect.TypeFor[Ref]() || name == "Targets" {
				continue // the part itself; what follows from others
			}
			fill(v.Field(i), n, values, name)
		}
	default:
		panic(path + " is of a kind that this test does not know: " + v.Kind().String())
	}
}

// everything is a design in which every field has a value.
func everything() (*Design, map[string]map[string]bool) {
	d := &Design{
		Regions: []*Region{{}}, Racks: []*Rack{{}}, Links: []*NetworkLink{{}}, Networks: []*Network{{}}, HardwareProfiles: []*HardwareProfile{{}},
		HostProfiles: []*HostProfile{{}}, Nodes: []*BaremetalNode{{}}, BootActions: []*BootAction{{}},
	}
	n, values := 0, map[string]map[string]bool{}
	for kind, part := range map[string]any{
		"Region": d.Regions[0], "Rack": d.Racks[0], "NetworkLink": d.Links[0], "Network": d.Networks[0], "HardwareProfile": d.HardwareProfiles[0],
		"HostProfile": d.HostProfiles[0], "BaremetalNode": d.Nodes[0], "BootAction": d.BootActions[0],
	} {
		values[kind] = map[string]bool{}
		n = 0
		fill(reflect.ValueOf(part).Elem(), &n, values[kind], kind)
	}
	return d, values
}

// TestPlain pins the plain form of every kind, and checks that it lacks nothing: whatever is added to a part must be added to its plain form.
func TestPlain(t *testing.T) {
	d, values := everything()
	parts := append(d.Shared(), Part{d.Nodes[0].Ref, "BaremetalNode", d.Nodes[0].Plain()})
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%s\n", p.Kind)
		told := ""
		Leaves("", p.Plain, func(path string, value any) {
			fmt.Fprintf(&b, "  %s: %#v\n", path, value)
			told += fmt.Sprintf("%s/%v/", path, value)
		})
		for value := range values[p.Kind] {
			if !strings.Contains(told, "/"+value+"/") && !octalOf(told, value) {
				t.Errorf("%s: %s is not in the plain form", p.Kind, value)
			}
		}
	}
	const path = "testdata/plain.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("differs from %s; if that is meant: go test ./site -run TestPlain -update\n%s", path, b.String())
	}
}

// octalOf reports whether a number is told as permissions are.
func octalOf(told, value string) bool {
	var n int
	_, err := fmt.Sscan(value, &n)
	return err == nil && strings.Contains(told, fmt.Sprintf("/%04o/", n))
}

func TestPlainLeavesOut(t *testing.T) {
	n := &BaremetalNode{Host: Host{Image: Some(""), OwnerData: Attrs{{Key: "a/b~c", Null: true}, {Key: "d"}}, Tags: []string{"x", "x"}}, Addressing: []Address{{Network: "n"}}}
	var got []string
	Leaves("", n.Plain(), func(path string, value any) { got = append(got, fmt.Sprintf("%s=%#v", path, value)) })
	want := []string{
		`/platform/image=""`, `/metadata/tags/0="x"`, `/metadata/tags/1="x"`, `/metadata/owner_data/a~1b~0c=<nil>`, `/metadata/owner_data/d=""`,
		`/addressing/n/network="n"`, `/addressing/n/address="dhcp"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if _, ok := n.Plain().Get("interfaces"); ok {
		t.Error("what a node does not say is in its plain form")
	}
	if platform, ok := n.Plain().Get("platform"); !ok || len(platform.(Fields)) != 1 {
		t.Errorf("platform: %v, %t", platform, ok)
	}
}
