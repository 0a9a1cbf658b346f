package rules

import (
	"strings"

	"drydock/site"
)

// ipmi checks that nodes that are managed by IPMI say how, and that the others are managed by something that is known.
func ipmi(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		switch n.OOBType.V {
		case "ipmi":
		case "", "redfish", "manual", "libvirt":
			return
		default:
			r.Warnf(in(n.Ref, "oob", "type"), "known are ipmi, redfish, libvirt and manual", "the type of out-of-band management of node %s is %q, which is not known", n.Name, n.OOBType.V)
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
		at = in(n.Ref, "metadata", "boot_mac")
		switch {
		case n.BootMAC.V == "":
			r.Errorf(at, "set metadata.boot_mac", "node %s is managed by libvirt, but its boot_mac is not set", n.Name)
		case !isMAC(n.BootMAC.V):
			r.Errorf(at, "write it as 52:54:00:12:34:56, in quotes", "the boot_mac %q of node %s is no MAC address", n.BootMAC.V, n.Name)
		}
	})
}

// isMAC reports whether s is six pairs of hexadecimal digits with colons or hyphens between them.
func isMAC(s string) bool {
	const length = 17
	if len(s) != length {
		return false
	}
	for i := range length {
		c := s[i]
		digit := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if i%3 == 2 && c != s[2] || i%3 != 2 && !digit {
			return false
		}
	}
	return s[2] == ':' || s[2] == '-'
}
