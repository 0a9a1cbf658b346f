package rules

import "drydock/site"

// trunking checks that a link without trunking carries one network, untagged.
func trunking(d *site.Design, r *Report) {
	for _, l := range d.Links {
		if l.Trunking != site.TrunkDisabled {
			continue
		}
		if len(l.AllowedNetworks) > 1 {
			r.Errorf(in(l.Ref, "allowed_networks"), "set trunking.mode to 802.1q, or allow one network",
				"link %s allows %d networks, but its trunking is disabled", l.Name, len(l.AllowedNetworks))
		}
		at := in(l.Ref, "trunking", "default_network")
		if !l.NativeNetwork.Set {
			r.Errorf(at, "set trunking.default_network", "link %s has no trunking, so it needs a default network", l.Name)
			continue
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
}
