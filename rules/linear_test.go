package rules

import (
	"fmt"
	"testing"
	"time"

	"drydock/site"
)

// many is how many there are of something in these designs. What takes time in proportion to it is done within a second; what takes time in proportion
// to its square needs ten thousand million steps or more, which is minutes.
const (
	many    = 200_000
	patient = 40 * time.Second
)

func each(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}

// No rule takes time that grows with the square of nodes, networks, links, addresses or parts of a node.
func TestLinear(t *testing.T) {
	ip := func(i int) site.Opt[string] { return some(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)) }
	name := func(what string, i int) site.Ref {
		return site.Ref{Schema: "drydock/" + what + "/v1", Name: fmt.Sprint(what, i)}
	}
	ten := &site.Network{Ref: name("Network", 0), CIDR: "10.0.0.0/8"}
	for what, fill := range map[string]func(d *design){
		"nodes": func(d *design) {
			d.Networks = []*site.Network{ten}
			each(many, func(i int) {
				d.Nodes = append(d.Nodes, &node{Ref: name("BaremetalNode", i), Addressing: []site.Address{{Network: ten.Name, IP: ip(i)}}})
			})
		},
		"networks and links": func(d *design) {
			each(many, func(i int) {
				n := name("Network", i)
				d.Networks = append(d.Networks, &site.Network{Ref: n, CIDR: "10.0.0.0/8", VLAN: some("5")})
				d.Links = append(d.Links, &site.NetworkLink{Ref: name("NetworkLink", i), MTU: 1500, AllowedNetworks: []string{n.Name, "common"}, NativeNetwork: some(n.Name)})
			})
		},
		"networks of a link": func(d *design) {
			l := &site.NetworkLink{Ref: name("NetworkLink", 0), Trunking: "802.1q", NativeNetwork: some("none")}
			each(many, func(i int) {
				n := name("Network", i)
				d.Networks = append(d.Networks, &site.Network{Ref: n, CIDR: "x", VLAN: some(fmt.Sprint(i))})
				l.AllowedNetworks = append(l.AllowedNetworks, n.Name, "ghost", n.Name)
			})
			d.Links = []*site.NetworkLink{l, l}
		},
		"addresses of a node": func(d *design) {
			n := &node{Ref: name("BaremetalNode", 0)}
			each(many, func(i int) { n.Addressing = append(n.Addressing, site.Address{Network: ten.Name, IP: ip(i / 2)}) })
			d.Networks, d.Nodes = []*site.Network{ten}, []*node{n}
		},
		"ranges and routes": func(d *design) {
			n := &site.Network{Ref: ten.Ref, CIDR: ten.CIDR}
			each(many, func(i int) {
				n.Ranges = append(n.Ranges, site.Range{Type: some("dhcp"), Start: ip(many - i), End: ip(2 * many)})
				n.Routes = append(n.Routes, site.Route{Subnet: some("10.0.0.0/8"), Gateway: ip(i)})
				d.Nodes = append(d.Nodes, &node{Ref: name("BaremetalNode", i), Addressing: []site.Address{{Network: n.Name, IP: ip(i)}}})
			})
			d.Networks = []*site.Network{n}
		},
		"parts of a node": func(d *design) {
			n := &node{Ref: name("BaremetalNode", 0)}
			each(many, func(i int) {
				part := fmt.Sprint(i)
				n.Devices = append(n.Devices, site.Device{Name: part, VolumeGroup: some(part), Partitions: []site.Partition{{Name: part, Size: some("1g"), FS: mounted("/" + part)}}})
				n.Groups = append(n.Groups, site.VolumeGroup{Name: part, Volumes: []site.Volume{{Name: part, Size: some("1%"), FS: mounted("/" + part)}}})
				n.Interfaces = append(n.Interfaces, site.Interface{Name: part, Link: some("l"), Networks: []string{part}, Slaves: []string{part}})
				n.KernelParams = append(n.KernelParams, site.Attr{Key: part})
				n.OOB = append(n.OOB, site.Attr{Key: part})
			})
			n.OOBType = some("ipmi")
			d.Nodes = []*node{n}
		},
		"boot actions": func(d *design) {
			b := &site.BootAction{Ref: name("BootAction", 0)}
			each(many, func(i int) {
				b.Assets = append(b.Assets, site.Asset{Type: "pkg_list", Packages: site.Attrs{{Key: "a", Value: "*"}}}, site.Asset{Type: "file", DataPipeline: []string{"template"}})
				b.Targets = append(b.Targets, fmt.Sprint(i))
				d.Nodes = append(d.Nodes, &node{Ref: name("BaremetalNode", i)})
			})
			d.BootActions = []*site.BootAction{b, b}
		},
	} {
		t.Run(what, func(t *testing.T) {
			d := &design{}
			fill(d)
			start := time.Now()
			if found := Check(d); len(found) < len(All()) || len(found) > len(All())*(maxListed+2) {
				t.Errorf("%d findings", len(found))
			}
			if took := time.Since(start); took > patient {
				t.Errorf("it took %v", took)
			}
		})
	}
}
