package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"drydock/site"
)

type (
	design = site.Design
	node   = site.BaremetalNode
)

var some = site.Some[string]

func mounted(at string) *site.Filesystem { return &site.Filesystem{Mountpoint: some(at)} }

// good is a design that no rule finds anything wrong with, but for the platform, which cannot be looked at.
func good() *design {
	ref := func(kind, name string) site.Ref { return site.Ref{Schema: "drydock/" + kind + "/v1", Name: name} }
	host := func() site.Host {
		return site.Host{
			OOBType: some("ipmi"), OOB: site.Attrs{{Key: "account", Value: "a"}, {Key: "credential", Value: "c"}, {Key: "network", Value: "oob"}},
			PrimaryNetwork: some("mgmt"), KernelParams: site.Attrs{{Key: "hugepages", Value: "2"}, {Key: "hugepagesz", Value: "1G"}},
			Devices: []site.Device{
				{Name: "sda", Partitions: []site.Partition{
					{Name: "boot", Size: some("1g"), FS: mounted("/boot")}, {Name: "root", Size: some(">20g"), FS: mounted("/")}, {Name: "pv", Size: some("39%"), VolumeGroup: some("vg2")},
				}},
				{Name: "sdb", VolumeGroup: some("vg")},
				{Name: "sdc", VolumeGroup: some("vg")},
			},
			Groups: []site.VolumeGroup{
				{Name: "vg", Volumes: []site.Volume{{Name: "a", Size: some("60%"), FS: mounted("/a")}, {Name: "b", Size: some("39%"), FS: mounted("none")}}},
				{Name: "vg2", Volumes: []site.Volume{{Name: "c", Size: some("5mib"), FS: mounted("none")}}},
			},
			Interfaces: []site.Interface{{Name: "p1", Link: some("bond"), Networks: []string{"mgmt"}}, {Name: "p2", Link: some("nowhere")}},
		}
	}
	address := func(i int) []site.Address {
		return []site.Address{{Network: "oob", IP: some(fmt.Sprintf("10.0.0.%d", i))}, {Network: "mgmt", IP: some(fmt.Sprintf("fd00::%d", i))}, {Network: "pxe"}}
	}
	return &design{
		Links: []*site.NetworkLink{
			{Ref: ref("NetworkLink", "oob"), MTU: 1500, Trunking: "disabled", NativeNetwork: some("oob"), AllowedNetworks: []string{"oob"}, Bonding: site.Bonding{Mode: "disabled"}},
			{
				Ref: ref("NetworkLink", "bond"), MTU: 9000, Trunking: "802.1q", NativeNetwork: some("mgmt"), AllowedNetworks: []string{"mgmt", "tagged"},
				Bonding: site.Bonding{Mode: "802.3ad", MonRate: site.Some(100), UpDelay: site.Some(100), DownDelay: site.Some(200)},
			},
		},
		Networks: []*site.Network{
			{Ref: ref("Network", "oob"), CIDR: "10.0.0.0/24", DNSDomain: "local", Routes: []site.Route{{Subnet: some("0.0.0.0/0"), Gateway: some("10.0.0.1")}}},
			{Ref: ref("Network", "mgmt"), CIDR: "fd00::/64", MTU: site.Some(9000), DNSDomain: "mgmt.example.com", VLAN: some("5")},
			{Ref: ref("Network", "tagged"), CIDR: "10.2.0.0/255.255.255.0", MTU: site.Some(1280)},
		},
		Nodes: []*node{
			{Ref: ref("BaremetalNode", "n1"), Host: host(), Addressing: address(11)}, {Ref: ref("BaremetalNode", "n2"), Host: host(), Addressing: address(12)},
		},
		BootActions: []*site.BootAction{{
			Ref: ref("BootAction", "b"), Targets: []string{"n1", "n2"},
			Assets: []site.Asset{
				{Type: "pkg_list", Packages: site.Attrs{{Key: "vim", Value: "2:8.1-1~x"}, {Key: "curl", Null: true}, {Key: "native", Value: "1.0"}}},
				{Type: "file", Path: some("/a"), Data: some(""), Permissions: site.Some(0o755)},
				{Type: "unit", Path: some("/b"), Location: some("http://x/"), DataPipeline: []string{"base64_decode", "utf8_decode", "template", "utf8_encode", "base64_encode"}},
			},
		}},
	}
}

// bad is a change that makes one rule complain, and what it says then, as level, names of documents and a part of the text.
type bad struct {
	change func(d *design)
	want   []string
}

func sizes(size string, of ...string) func(*design) {
	return func(d *design) {
		for i := range d.Nodes[0].Devices[0].Partitions {
			if p := &d.Nodes[0].Devices[0].Partitions[i]; slices.Contains(of, p.Name) {
				p.Size = site.Opt[string]{V: size, Set: size != ""}
			}
		}
	}
}

func oob(kind string, attrs ...site.Attr) func(*design) {
	return func(d *design) { d.Nodes[0].OOBType, d.Nodes[0].OOB = some(kind), attrs }
}

func version1(v string) func(*design) {
	return func(d *design) { d.BootActions[0].Assets[0].Packages[0].Value = v }
}

func ranges(list ...site.Range) func(*design) { return func(d *design) { d.Networks[0].Ranges = list } }

// asset changes the file of the boot action.
func asset(change func(a *site.Asset)) func(*design) {
	return func(d *design) { change(&d.BootActions[0].Assets[1]) }
}

func cidrOf(text string) func(*design) { return func(d *design) { d.Networks[0].CIDR = text } }

var storageCases = map[string][]bad{
	"Rational Boot Storage": {
		{sizes("19999m", "root"), []string{"Error n1 at least 20 GB"}},
		{sizes("18GiB", "root"), []string{"Error n1 18GiB"}},
		{sizes("999m", "boot"), []string{"Error n1 at least 1 GB"}},
		{sizes("20Gb", "root"), []string{"Error n1 cannot be read", "Error n1 no usable root"}},
		{sizes("", "root"), []string{"Error n1 cannot be read", "Error n1 no usable root"}},
		{sizes("50%", "root"), []string{"Warning n1 not compared"}},
		{func(d *design) { d.Nodes[1].Devices = nil }, []string{"Error n2 no usable root"}},
		{func(d *design) {
			d.Nodes[0].Devices[0].Partitions[1] = site.Partition{Name: "x", Size: some("1g")}
			d.Nodes[0].Groups[0].Volumes[0] = site.Volume{Name: "sys", Size: some("5g"), FS: mounted("/")}
		}, []string{"Error n1 volume sys"}},
	},
	"Hugepages": {
		{func(d *design) { d.Nodes[1].KernelParams = d.Nodes[1].KernelParams[:1] }, []string{"Error n2 without the other"}},
	},
	"Storage Partitioning": {
		{func(d *design) { d.Nodes[0].Devices[0].VolumeGroup = some("vg") }, []string{"Error n1 partitions and a volume group"}},
		{func(d *design) { d.Nodes[1].Devices = append(d.Nodes[1].Devices, site.Device{Name: "sdd"}) }, []string{"Error n2 neither partitions nor"}},
		{func(d *design) {
			d.Nodes[1].Devices[1].VolumeGroup = some("x")
			d.Nodes[1].Devices[2].VolumeGroup = some("x")
		}, []string{"Error n2 group vg of"}},
		{func(d *design) { d.Nodes[0].Devices[0].Partitions[2].FS = mounted("/x") }, []string{"Error n1 file system and a volume group"}},
	},
	"Storage Sizing": {
		{sizes("100%", "pv"), []string{"Error n1 are 100% together"}},
		{sizes("-5%", "pv"), []string{"Error n1 negative"}},
		{sizes("-5g", "pv"), []string{"Error n1 negative"}},
		{sizes("12.5%", "pv"), []string{"Error n1 cannot be read"}},
		{sizes("", "pv"), []string{"Error n1 has no size"}},
		{func(d *design) { d.Nodes[1].Groups[0].Volumes[0].Size = some("61%") }, []string{"Error n2 volume group vg"}},
	},
	"Storage Mountpoint": {
		{func(d *design) {
			for _, n := range d.Nodes {
				n.Groups[1].Volumes[0].FS = mounted("/a")
			}
		}, []string{"Error n1 \"/a\" of volume c", "Error n2 \"/a\" of volume c"}},
	},
}

var networkCases = map[string][]bad{
	"CIDR Validity": {
		{func(d *design) { d.Networks = nil }, []string{"Warning  no networks"}},
		{cidrOf("10.0.0.7/24"), []string{"Error oob host bits"}},
		{cidrOf("10.0.300.0/24"), []string{"Error oob cannot be read"}},
		{cidrOf("10.0.0.0/33"), []string{"Error oob length"}},
		{cidrOf("10.0.0.0/255.0.255.0"), []string{"Error oob length"}},
		{cidrOf(""), []string{"Error oob cannot be read"}},
	},
	"IP Locality Check": {
		{func(d *design) { d.Networks = nil }, []string{"Warning  no networks", "Error n1 \"oob\"", "Error n1 \"mgmt\"", "Error n2 \"oob\"", "Error n2 \"mgmt\""}},
		{func(d *design) { d.Nodes = nil }, []string{"Warning  no nodes"}},
		{func(d *design) { d.Networks[0].Routes[0].Gateway = some("10.0.1.1") }, []string{"Error oob outside"}},
		{func(d *design) { d.Networks[0].Routes[0].Gateway = some("gw") }, []string{"Error oob cannot be read"}},
		{func(d *design) { d.Networks[0].Routes[0].Gateway = site.Opt[string]{} }, []string{"Error oob no gateway"}},
		{func(d *design) { d.Nodes[0].Addressing[0].IP = some("10.0.1.1") }, []string{"Error n1 outside"}},
		{func(d *design) { d.Nodes[0].Addressing[0].IP = some("10.0.0.1 ") }, []string{"Error n1 cannot be read"}},
		{func(d *design) { d.Nodes[0].Addressing[0].IP = some("fd00::1") }, []string{"Error n1 outside"}},
		{ranges(site.Range{Type: some("dhcp"), Start: some("10.0.0.12"), End: some("10.0.0.20")}), []string{"Warning n2 DHCP range 10.0.0.12"}},
		{ranges(site.Range{Start: some("10.0.0.9"), End: some("10.0.0.8")}), []string{"Warning oob ends before"}},
		{ranges(site.Range{Start: some("10.0.0.9")}), []string{"Warning oob cannot be read"}},
		{ranges(site.Range{Start: some("10.0.0.9"), End: some("10.0.1.9")}), []string{"Warning oob outside"}},
		{
			ranges(site.Range{Start: some("10.0.0.20"), End: some("10.0.0.30")}, site.Range{Start: some("10.0.0.9"), End: some("10.0.0.20")}),
			[]string{"Warning oob overlap"},
		},
		{func(d *design) { d.Networks[0].Routes[0].Subnet = some("default") }, []string{"Warning oob subnet \"default\""}},
	},
	"MTU Rationality": {
		{func(d *design) { d.Links[0].MTU = 1279 }, []string{"Error oob 1279"}},
		{func(d *design) { d.Networks[2].MTU = site.Some(65537) }, []string{"Error tagged 65537", "Error tagged has 9000"}},
		{func(d *design) { d.Networks[1].MTU = site.Some(9001) }, []string{"Error mgmt 9001"}},
		{func(d *design) { d.Links, d.Networks[1].MTU = nil, site.Some(1) }, []string{"Error mgmt MTU"}},
	},
	"Network Trunking Rationalty": {
		{func(d *design) { d.Links[0].AllowedNetworks = []string{"oob", "mgmt"} }, []string{"Error oob 2 networks"}},
		{func(d *design) { d.Links[0].NativeNetwork = site.Opt[string]{} }, []string{"Error oob needs a default"}},
		{func(d *design) { d.Links[0].NativeNetwork = some("ghost") }, []string{"Error oob ghost"}},
		{func(d *design) { d.Networks[0].VLAN = some("7") }, []string{"Error oob,oob VLAN 7"}},
		{func(d *design) { d.Links[1].AllowedNetworks = []string{"mgmt", "ghost", "ghost"} }, []string{"Warning bond \"ghost\""}},
		{func(d *design) { d.Networks[2].VLAN = some("5") }, []string{"Warning tagged,mgmt,bond same VLAN 5"}},
		{func(d *design) { d.Networks[2].VLAN = some("4095") }, []string{"Warning tagged \"4095\""}},
		{func(d *design) { d.Links[1].AllowedNetworks = []string{"tagged"} }, []string{"Warning bond not one that the link allows"}},
		{func(d *design) { d.Links[1].NativeNetwork = some("ghost") }, []string{"Warning bond \"ghost\""}},
	},
	"Duplicated IP Check": {
		{func(d *design) { d.Nodes = nil }, []string{"Warning  no nodes"}},
		{func(d *design) { d.Nodes[1].Addressing[0].IP = some("10.0.0.11") }, []string{"Error n2,n1 10.0.0.11"}},
		{func(d *design) { d.Nodes[1].Addressing[1].IP = some("FD00:0::11") }, []string{"Error n2,n1 FD00"}},
	},
	"Network Bond Rationality": {
		{func(d *design) { d.Links[1].Bonding.MonRate = site.Some(201) }, []string{"Error bond up_delay", "Error bond down_delay"}},
		{func(d *design) {
			d.Links[1].Bonding = site.Bonding{Mode: "active-backup", MonRate: site.Some(2), UpDelay: site.Some(1)}
		}, []string{"Error bond up_delay"}},
	},
	"Allowed Network Check": {
		{func(d *design) { d.Links[0].AllowedNetworks = []string{"mgmt", "oob", "tagged"} }, []string{"Error oob,bond mgmt", "Error oob,bond tagged"}},
		{func(d *design) { d.Nodes[0].Interfaces[1].Networks = []string{"x", "y"} }, []string{"Error n1 nowhere", "Error n1 nowhere"}},
		{func(d *design) { d.Nodes[1].Interfaces[0].Networks = []string{"oob"} }, []string{"Error n2 does not allow"}},
	},
}

var nodeCases = map[string][]bad{
	"Platform Selection": {{func(*design) {}, []string{"Warning  not checked"}}},
	"Hostname Validity": {
		{func(d *design) { d.Nodes[0].Name = "bad_name" }, []string{"Error bad_name \"bad_name\""}},
		{func(d *design) { d.Nodes[0].Name = "-x" }, []string{"Error -x \"-x\""}},
		{func(d *design) { d.Nodes[0].Name = strings.Repeat("a", 64) }, []string{"Error aa"}},
		{func(d *design) { d.Nodes[0].Name = "x." }, []string{"Error x. \"\""}},
		{func(d *design) { d.Networks[1].DNSDomain = strings.Repeat("a.", 130) + "a" }, []string{"Error n1 at most 255", "Error n2 at most 255"}},
	},
	"Valid IPMI Configuration": {
		{oob("ipmi"), []string{"Error n1 account", "Error n1 credential", "Error n1 network"}},
		{func(d *design) { d.Nodes[1].Addressing[0].IP = site.Opt[string]{} }, []string{"Error n2 static address"}},
		{oob("ipmii"), []string{"Warning n1 \"ipmii\""}},
	},
	"Valid Libvirt Configuration": {
		{oob("libvirt"), []string{"Error n1 libvirt_uri", "Error n1 boot_mac"}},
		{oob("libvirt", site.Attr{Key: "libvirt_uri", Value: "qemu+sshx://h"}), []string{"Error n1 begin with", "Error n1 boot_mac"}},
		{func(d *design) {
			oob("libvirt", site.Attr{Key: "libvirt_uri", Value: "qemu+ssh://h/system"})(d)
			d.Nodes[0].BootMAC = some("52:54:00:12:34")
		}, []string{"Error n1 no MAC"}},
	},
	"Bootaction Definition": {
		{func(d *design) { d.BootActions[0].Targets = []string{"n1"} }, []string{"Warning n2 no boot action"}},
		{asset(func(a *site.Asset) { a.Path = site.Opt[string]{} }), []string{"Error b without a path"}},
		{asset(func(a *site.Asset) { a.Data = site.Opt[string]{} }), []string{"Error b without content"}},
		{asset(func(a *site.Asset) { a.Location = some("http://x/") }), []string{"Warning b data and a location"}},
		{asset(func(a *site.Asset) { a.Permissions = site.Some(0o4755) }), []string{"Warning b permissions 4755"}},
		{asset(func(a *site.Asset) { a.Permissions = site.Some(0o10000) }), []string{"Error b permissions 10000"}},
		{asset(func(a *site.Asset) { a.DataPipeline = []string{"template"} }), []string{"Error b template, segment 1, needs text"}},
		{asset(func(a *site.Asset) { a.DataPipeline = []string{"utf8_decode", "base64_encode"} }), []string{"Error b needs bytes"}},
		{asset(func(a *site.Asset) { a.DataPipeline = []string{"rot13"} }), []string{"Error b rot13"}},
	},
	"Bootaction pkg_list Validation": {
		{version1(":)"), []string{"Error b vim"}},
		{version1("1.*"), []string{"Error b vim"}},
		{version1(">=1"), []string{"Error b vim"}},
		{func(d *design) { d.BootActions[0].Assets[0].Packages = nil }, []string{"Error b without packages"}},
	},
}

// said writes the findings of a rule, apart from its Info, as the cases do.
func said(findings []site.Finding) []string {
	var list []string
	for _, f := range findings {
		var docs []string
		for _, d := range f.Docs {
			docs = append(docs, d.Name)
		}
		if f.Level != site.Info {
			list = append(list, string(f.Level)+" "+strings.Join(docs, ",")+" "+f.Text)
		}
	}
	return list
}

func TestRules(t *testing.T) {
	for _, rule := range All() {
		t.Run(rule.Name, func(t *testing.T) {
			cases := slices.Concat(storageCases[rule.Name], networkCases[rule.Name], nodeCases[rule.Name])
			if len(cases) == 0 {
				t.Fatal("the rule has no bad design")
			}
			found := run(rule, good())
			last := found[len(found)-1]
			if last.Level != site.Info || last.Code != rule.Code || last.Rule != rule.Name || !strings.HasPrefix(last.Text, rule.Name+": ") || len(found) > 1 && rule.Code != "DD3001" {
				t.Errorf("a good design: %v", found)
			}
			for i, c := range cases {
				d := good()
				c.change(d)
				got := said(run(rule, d))
				ok := len(got) == len(c.want)
				for j := range min(len(got), len(c.want)) {
					level, rest, _ := strings.Cut(c.want[j], " ")
					docs, text, _ := strings.Cut(rest, " ")
					ok = ok && strings.HasPrefix(got[j], level+" "+docs) && strings.Contains(got[j], text)
				}
				if !ok {
					t.Errorf("case %d: %q\nwant %q", i, got, c.want)
				}
			}
		})
	}
}

// All rules run on designs with nothing in them, and one that fails does not keep the others from running.
func TestCheck(t *testing.T) {
	for _, d := range []*design{{}, good(), {Nodes: []*node{{}}, Networks: []*site.Network{{}}, Links: []*site.NetworkLink{{}}, BootActions: []*site.BootAction{{}}}} {
		found := Check(d)
		if n := len(found); n < len(All()) {
			t.Errorf("%d findings: %v", n, found)
		}
	}
	broken := run(Rule{"X", "Broken", func(_ *design, r *Report) { r.Warnf(Place{}, "", "first"); panic("oops") }}, good())
	if len(broken) != 2 || broken[1].Level != site.Error || !strings.Contains(broken[1].Text, "oops") {
		t.Error(broken)
	}
}

// A node that lacks what it should inherit is not blamed for it.
func TestCheckIncomplete(t *testing.T) {
	d := good()
	d.Nodes[0] = &node{Ref: d.Nodes[0].Ref, Incomplete: true, Addressing: d.Nodes[0].Addressing}
	for _, f := range Check(d) {
		if f.Level == site.Error {
			t.Error(f)
		}
	}
}

// What is listed is bounded, and what is not listed is counted.
func TestCheckBounded(t *testing.T) {
	d := &design{}
	for i := range 5000 {
		d.Links = append(d.Links, &site.NetworkLink{Ref: site.Ref{Name: fmt.Sprint(i)}, AllowedNetworks: []string{"n"}, Trunking: "802.1q", MTU: 1})
	}
	for _, rule := range All() {
		if n := len(run(rule, d)); n > maxListed+2 {
			t.Errorf("%s: %d findings", rule.Name, n)
		}
	}
	mtus := run(Rule{"DD2003", "MTU", mtu}, d)
	if last := mtus[len(mtus)-1]; last.Level != site.Error || !strings.Contains(last.Text, "4000 more") {
		t.Error(last)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]float64{
		"1m": 1e6, "1M": 1e6, "1mb": 1e6, "1MB": 1e6, "1mi": 1 << 20, "1Mi": 1 << 20, "1mib": 1 << 20, "1MiB": 1 << 20, "2g": 2e9, "2GiB": 2 << 30, ">3t": 3e12,
		"1ti": 1 << 40, "": -1, "1": -1, "1b": -1, "1Mb": -1, "1mB": -1, "1gg": -1, "1.5g": -1, " 1g": -1, "1g ": -1, "g": -1, ">": -1, "1%%": -1, "+1g": -1, "1 g": -1,
	} {
		z, ok := parseSize(text)
		if ok != (want >= 0) || ok && z.bytes != want {
			t.Errorf("%q: %v, %v", text, z, ok)
		}
	}
	if z, ok := parseSize("50%"); !ok || !z.percent || z.number != 50 {
		t.Error(z, ok)
	}
}
