package design

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"drydock/site"
)

// show writes a value of the model, one line for each thing that is there.
func show(b *strings.Builder, indent string, name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case site.Attr:
		if x.Null {
			fmt.Fprintf(b, "%s%s: null\n", indent, x.Key)
		} else {
			fmt.Fprintf(b, "%s%s: %q\n", indent, x.Key, x.Value)
		}
		return
	case site.Ref:
		fmt.Fprintf(b, "%s%s\n", indent, x)
		return
	}
	switch {
	case v.IsZero():
	case v.Kind() == reflect.Struct && v.NumField() == 2 && v.Type().Field(1).Name == "Set":
		fmt.Fprintf(b, "%s%s: %#v\n", indent, name, v.Field(0).Interface())
	case v.Kind() == reflect.Struct:
		fmt.Fprintf(b, "%s%s:\n", indent, name)
		for i := range v.NumField() {
			show(b, indent+"  ", v.Type().Field(i).Name, v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		fmt.Fprintf(b, "%s%s: %q\n", indent, name, v.Interface())
	case v.Kind() == reflect.Slice:
		fmt.Fprintf(b, "%s%s:\n", indent, name)
		for i := range v.Len() {
			show(b, indent+"  ", "-", v.Index(i))
		}
	default:
		fmt.Fprintf(b, "%s%s: %#v\n", indent, name, v.Interface())
	}
}

func showDesign(d *site.Design) string {
	var b strings.Builder
	for _, part := range []any{d.Regions, d.Racks, d.Links, d.Networks, d.HardwareProfiles, d.HostProfiles, d.Nodes, d.BootActions} {
		list := reflect.ValueOf(part)
		for i := range list.Len() {
			show(&b, "", list.Type().Elem().Elem().Name(), list.Index(i))
		}
	}
	return b.String()
}

// TestCompileGolden reads designs and compiles them: what was designed, what it comes to, and what is wrong with it.
func TestCompileGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/compile/*.yaml")
	must(t, err)
	if len(files) < 5 {
		t.Fatalf("%d cases: some are missing", len(files))
	}
	in := newIngester(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			must(t, err)
			d, findings := in.Ingest(src)
			for _, f := range findings {
				if f.Level == site.Error {
					t.Fatalf("the case itself is broken: %v", f)
				}
			}
			designed := showDesign(d)
			e, found := site.Compile(d)
			got := "# designed\n" + designed + "# effective\n" + showDesign(e) + "# findings\n" + report(&site.Design{}, append(findings, found...))
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				must(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if showDesign(d) != designed {
				t.Error("Compile changed the designed model")
			}
			again, _ := site.Compile(d)
			if showDesign(again) != showDesign(e) {
				t.Error("another Compile says something else")
			}
		})
	}
}
