package rules

import (
	"slices"
	"strconv"

	"drydock/site"
)

// trunking checks that a link without trunking carries one network, untagged, and that what a link names as its networks are some.
func trunking(d *site.Design, r *Report) {
	for _, l := range d.Links {
		if l.Trunking == site.TrunkDisabled {
			untagged(d, r, l)
		}
		if len(d.Networks) > 0 { // without any, another rule says so
			linkNetworks(d, r, l)
		}
	}
	for _, n := range d.Networks {
		if _, ok := vlanTag(n); n.VLAN.Set && !ok {
			r.Warnf(in(n.Ref, "vlan"), "a VLAN is a number from 1 to 4094, in quotes", "the VLAN %q of network %s is none", n.VLAN.V, n.Name)
		}
	}
}

// vlanTag reads the VLAN of a network; ok is false if it has none, or one that is none.
func vlanTag(n *site.Network) (tag int, ok bool) {
	const lowest, highest = 1, 4094
	tag, err := strconv.Atoi(n.VLAN.V)
	return tag, n.VLAN.Set && err == nil && tag >= lowest && tag <= highest
}

// untagged looks at a link that carries frames without tags only.
func untagged(d *site.Design, r *Report, l *site.NetworkLink) {
	if len(l.AllowedNetworks) > 1 {
		r.Errorf(in(l.Ref, "allowed_networks"), "set trunking.mode to 802.1q, or allow one network",
			"link %s allows %d networks, but its trunking is disabled", l.Name, len(l.AllowedNetworks))
	}
	at := in(l.Ref, "trunking", "default_network")
	if !l.NativeNetwork.Set {
		r.Errorf(at, "set trunking.default_network", "link %s has no trunking, so it needs a default network", l.Name)
		return
	}
	n := d.Network(l.NativeNetwork.V)
	switch {
	case n == nil:
		r.Errorf(at, "define the network or correct its name", "the default network %q of link %s is not in the design", l.NativeNetwork.V, l.Name)
	case n.VLAN.Set:
		r.Errorf(in(n.Ref, "vlan").and(l.Ref), "remove the VLAN, or set the link's trunking.mode to 802.1q",
			"network %s has the VLAN %s, but is the default network of link %s, which has no trunking", n.Name, n.VLAN.V, l.Name)
	}
}

// linkNetworks looks for names that stand for nothing, and for a default network that is not allowed. These are warnings: nodes work as long as none
// of their interfaces uses the name, and designs with such leftovers have always been accepted.
func linkNetworks(d *site.Design, r *Report, l *site.NetworkLink) {
	for i, name := range l.AllowedNetworks {
		if d.Network(name) == nil && !slices.Contains(l.AllowedNetworks[:min(i, maxLookedBack)], name) {
			r.Warnf(in(l.Ref, "allowed_networks"), "define the network, or remove it from the list", "link %s allows the network %q, which is not in the design", l.Name, name)
		}
	}
	linkVLANs(d, r, l)
	native := l.NativeNetwork
	if !native.Set {
		return
	}
	at := in(l.Ref, "trunking", "default_network")
	switch {
	case d.Network(native.V) == nil && l.Trunking == site.TrunkDisabled: // has been reported
	case d.Network(native.V) == nil:
		r.Warnf(at, "define the network or correct its name", "the default network %q of link %s is not in the design", native.V, l.Name)
	case !slices.Contains(l.AllowedNetworks, native.V):
		r.Warnf(at, "add it to allowed_networks", "the default network %q of link %s is not one that the link allows", native.V, l.Name)
	}
}

// linkVLANs looks for tags that are none, and for one that two networks of a link have.
func linkVLANs(d *site.Design, r *Report, l *site.NetworkLink) {
	first := map[int]*site.Network{}
	for _, name := range l.AllowedNetworks {
		n := d.Network(name)
		if n == nil {
			continue
		}
		tag, ok := vlanTag(n)
		if !ok {
			continue
		}
		if other := first[tag]; other != nil && other != n {
			r.Warnf(in(n.Ref, "vlan").and(other.Ref, l.Ref), "give each network of a link a VLAN of its own", "networks %s and %s of link %s have the same VLAN %d", other.Name, n.Name, l.Name, tag)
		} else {
			first[tag] = n
		}
	}
}

// maxLookedBack is how many names are looked through for one that stands twice.
const maxLookedBack = 100
