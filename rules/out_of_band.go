package rules

import (
	"strings"

	"drydock/site"
)

// ipmi checks that nodes that are managed by IPMI say how.
func ipmi(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		if n.OOBType.V != "ipmi" {
			return
		}
		for _, key := range []string{"account", "credential", "network"} {
			if v, _ := n.OOB.Get(key); v == "" {
				r.Errorf(in(n.Ref, "oob"), "set oob."+key, "node %s is managed by IPMI, but its %s is not set", n.Name, key)
			}
		}
		network, _ := n.OOB.Get("network")
		if network == "" {
			return
		}
		for i := range n.Addressing {
			if n.Addressing[i].Network == network && n.Addressing[i].IP.Set {
				return
			}
		}
		r.Errorf(in(n.Ref, "addressing"), "give the node a static address on this network", "node %s is managed by IPMI, but has no static address on its out-of-band network %s", n.Name, network)
	})
}

const libvirtScheme = "qemu+ssh://"

// libvirt checks that nodes that are virtual machines say which.
func libvirt(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		if n.OOBType.V != "libvirt" {
			return
		}
		at := in(n.Ref, "oob", "libvirt_uri")
		switch uri, _ := n.OOB.Get("libvirt_uri"); {
		case uri == "":
			r.Errorf(at, "set oob.libvirt_uri", "node %s is managed by libvirt, but its libvirt_uri is not set", n.Name)
		case !strings.HasPrefix(uri, libvirtScheme):
			r.Errorf(at, "only "+libvirtScheme+" is supported", "the libvirt_uri of node %s does not begin with %s", n.Name, libvirtScheme)
		}
		if n.BootMAC.V == "" {
			r.Errorf(in(n.Ref, "metadata", "boot_mac"), "set metadata.boot_mac", "node %s is managed by libvirt, but its boot_mac is not set", n.Name)
		}
	})
}
