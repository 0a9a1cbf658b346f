package design

import (
	"os"
	"strings"
	"testing"

	"drydock/site"
)

// The example has nothing wrong with it but that images cannot be looked up.
func TestCheckSample(t *testing.T) {
	src, err := os.ReadFile("../examples/site/site.yaml")
	must(t, err)
	d, findings := newIngester(t).Check(src)
	if len(findings) != 19 || len(d.Nodes) != 5 {
		t.Fatalf("%d findings, %d nodes", len(findings), len(d.Nodes))
	}
	for _, f := range findings {
		if f.Level != site.Info && f.Code != "DD3001" {
			t.Errorf("%+v", f)
		}
	}
	if line, ok := d.Node("ctl-1").KernelCommandLine(); !ok || line != "hugepagesz=1G hugepages=32 console=ttyS1,115200n8 isolcpus=4-31" {
		t.Errorf("%q", line)
	}
}

// Findings of rules point at the line to mend, in the node, in a profile that it inherits from, and in the old envelope.
func TestCheckLines(t *testing.T) {
	src, err := os.ReadFile("../examples/site/site.yaml")
	must(t, err)
	for _, c := range []struct{ old, change, want string }{
		{"size: 60g", "size: 6g", "        partitions:"},
		{"address: 10.20.2.31", "address: 10.20.9.31", "  addressing:"},
		{"mtu: 9000\n  linkspeed", "mtu: 900\n  linkspeed", "  mtu: 900"},
		{"host_profile: control", "host_profile: controll", "  host_profile: controll"},
		{"cpuset.workload", "cpuset.work", "      isolcpus: hardwareprofile:cpuset.work"},
		{"name: work-2", "name: work_2", "  name: work_2"},
		{"schema: drydock/NetworkLink/v1\nmetadata:\n  schema: metadata/Document/v1\n  name: pxe\ndata:\n  bonding:\n    mode: disabled\n  mtu: 1500",
			"apiVersion: drydock/v1\nkind: NetworkLink\nmetadata:\n  name: pxe\nspec:\n  bonding:\n    mode: disabled\n  mtu: 15", "  mtu: 15"},
	} {
		text := strings.Replace(string(src), c.old, c.change, 1)
		_, findings := newIngester(t).Check([]byte(text))
		lines, found := strings.Split(text, "\n"), false
		for _, f := range findings {
			if f.Level != site.Error {
				continue
			}
			if f.Line == 0 || f.Column == 0 {
				t.Errorf("%s: %+v has no place", c.change, f)
				continue
			}
			found = found || lines[f.Line-1] == c.want
			if lines[f.Line-1] == c.want && strings.HasPrefix(c.change, "apiVersion") && f.Path != "/spec/mtu" {
				t.Errorf("path %s", f.Path)
			}
		}
		if !found {
			t.Errorf("%s: not found at %q: %+v", c.change, c.want, findings)
		}
	}
}

// Rules are not asked about a design with a broken document.
func TestCheckBroken(t *testing.T) {
	src, err := os.ReadFile("../examples/site/broken.yaml")
	must(t, err)
	in := newIngester(t)
	_, want := in.Ingest(src)
	if d, got := in.Check(src); len(got) != len(want) || d == nil {
		t.Errorf("%d findings, want %d", len(got), len(want))
	}
}
