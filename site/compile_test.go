package site

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestMergeTexts(t *testing.T) {
	for _, c := range []struct{ child, parent, want string }{
		{"", "", ""}, {"", "a b", "a b"}, {"a b", "", "a b"}, {"!a b", "", "b"}, {"c", "a b", "c a b"},
		{"!a c", "a b a", "c b"}, {"b", "a b", "b a"}, {"b b", "a a", "b b a a"}, {"!x", "a", "a"}, {"!!a", "!a b", "b"},
	} {
		if got := mergeTexts(strings.Fields(c.child), strings.Fields(c.parent)); strings.Join(got, " ") != c.want {
			t.Errorf("%q over %q: %q, want %q", c.child, c.parent, got, c.want)
		}
	}
}

func TestMergeAttrs(t *testing.T) {
	attrs := func(s string) Attrs {
		var a Attrs
		for _, f := range strings.Fields(s) {
			k, v, _ := strings.Cut(f, "=")
			a = append(a, Attr{Key: k, Value: v})
		}
		return a
	}
	for _, c := range []struct{ child, parent, want string }{
		{"", "a=1", "a=1"}, {"a=1", "", "a=1"}, {"!a=1 b=2", "", "b=2"}, {"c=3 a=2", "a=1 b=1", "a=2 b=1 c=3"},
		{"!a= b=2", "a=1 b=1", "b=2"}, {"!a= a=3", "a=1 b=1", "b=1 a=3"},
	} {
		if got := mergeAttrs(attrs(c.child), attrs(c.parent)); fmt.Sprint(got) != fmt.Sprint(attrs(c.want)) {
			t.Errorf("%q over %q: %v, want %q", c.child, c.parent, got, c.want)
		}
	}
}

func TestMergeText(t *testing.T) {
	if got := mergeText(Some("!"), Some("x")); got.Set {
		t.Error(got)
	}
	if got := mergeText(Some(""), Some("x")); got != Some("") {
		t.Error(got)
	}
	if got := mergeText(Opt[string]{}, Some("x")); got != Some("x") {
		t.Error(got)
	}
}

// A chain of profiles may be as long as one likes.
func TestCompileDeepChain(t *testing.T) {
	const depth = 50_000
	d := &Design{HardwareProfiles: []*HardwareProfile{{Ref: Ref{Name: "hw"}}}}
	for i := range depth {
		p := &HostProfile{Ref: Ref{Name: fmt.Sprint(i)}, Host: Host{Profile: Some(fmt.Sprint(i + 1))}}
		if i == depth-1 {
			p.Host = Host{HardwareProfile: Some("hw"), Tags: []string{"t"}}
		}
		d.HostProfiles = append(d.HostProfiles, p)
	}
	d.Nodes = []*BaremetalNode{{Ref: Ref{Name: "n"}, Host: Host{Profile: Some("0")}}}
	e, findings := Compile(d)
	if len(findings) != 0 || !e.Nodes[0].HasTag("t") || e.Nodes[0].Incomplete {
		t.Errorf("%v %+v", findings, e.Nodes[0])
	}
}

// Route domains grow with the square of their networks: at some size they are refused.
func TestCompileBoundsRoutes(t *testing.T) {
	d := &Design{}
	for i := range 1200 {
		d.Networks = append(d.Networks, &Network{
			Ref: Ref{Name: fmt.Sprint(i)}, CIDR: fmt.Sprint(i), RouteDomain: Some("d"),
			Routes: []Route{{Gateway: Some("g"), Metric: Some("1"), RouteDomain: Some("d")}},
		})
	}
	e, findings := Compile(d)
	if len(findings) != 1 || findings[0].Level != Error || len(e.Networks) != 1200 || len(d.Networks[0].Routes) != 1 || len(e.Networks[0].Routes) != 1200 {
		t.Errorf("%v", findings)
	}
}

// What hosts inherit may grow with the square of the design: at some size it is refused.
func TestCompileBoundsInheritance(t *testing.T) {
	d := &Design{HardwareProfiles: []*HardwareProfile{{Ref: Ref{Name: "hw"}}}}
	for i := range 10_000 {
		d.HostProfiles = append(d.HostProfiles, &HostProfile{
			Ref: Ref{Name: fmt.Sprint(i)}, Host: Host{Profile: Some(fmt.Sprint(i + 1)), Tags: []string{fmt.Sprint("t", i)}},
		})
	}
	d.HostProfiles[9_999].Profile, d.HostProfiles[9_999].HardwareProfile = Opt[string]{}, Some("hw")
	d.Nodes = []*BaremetalNode{{Ref: Ref{Name: "n"}, Host: Host{Profile: Some("0")}}}
	e, findings := Compile(d)
	if len(findings) != 1 || findings[0].Level != Error || !e.Nodes[0].Incomplete {
		t.Errorf("%v, incomplete %v", findings, e.Nodes[0].Incomplete)
	}
}

// One design serves many at once.
func TestCompileShared(t *testing.T) {
	d := twoNodes()
	d.HardwareProfiles = []*HardwareProfile{{Ref: Ref{Name: "hw"}}}
	d.HostProfiles = []*HostProfile{{Ref: Ref{Name: "p"}, Host: Host{HardwareProfile: Some("hw"), Interfaces: []Interface{{Name: "i", Slaves: []string{"s"}}}}}}
	for _, n := range d.Nodes {
		n.Profile = Some("p")
	}
	want, _ := Compile(d)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			e, findings := Compile(d)
			if len(findings) != 0 || !reflect.DeepEqual(e.Nodes, want.Nodes) {
				t.Error(findings)
			}
			if names, err := want.Select(one(Union, Filter{RackLabels: labels("hot", "yes")})); err != nil || len(names) != 1 {
				t.Error(names, err)
			}
		})
	}
	wg.Wait()
	if d.HostProfiles[0].Interfaces[0].Selectors != nil {
		t.Error("the designed model was changed")
	}
}

func TestKernelCommandLine(t *testing.T) {
	for _, c := range []struct {
		params Attrs
		want   string
		ok     bool
	}{
		{nil, "", true},
		{labels("quiet", "True", "x", "False"), " quiet x=False", true},
		{labels("a", "b", "hugepages", "3", "hugepagesz", "1G"), "hugepagesz=1G hugepages=3 a=b", true},
		{labels("hugepages", "3"), " hugepages=3", true},
		{labels("hugepagesz", "1G"), "", false},
	} {
		n := BaremetalNode{Host: Host{KernelParams: c.params}}
		if got, ok := n.KernelCommandLine(); got != c.want || ok != c.ok {
			t.Errorf("%v: %q, %v", c.params, got, ok)
		}
	}
}
