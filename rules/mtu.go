package rules

import "drydock/site"

// The bounds of an MTU, both allowed.
const (
	minMTU = 1280
	maxMTU = 65536
)

// mtu checks the bounds of every MTU, and that no network has a larger one than the link that carries it. A network that is native to several
// links is held against the last of them, as upstream does; one that is tagged against the last that allows it.
func mtu(d *site.Design, r *Report) {
	native, tagged := map[string]*site.NetworkLink{}, map[string]*site.NetworkLink{}
	for _, l := range d.Links {
		checkMTU(r, in(l.Ref, "mtu"), "link "+l.Name, l.MTU)
		if l.NativeNetwork.Set {
			native[l.NativeNetwork.V] = l
		}
		for _, n := range l.AllowedNetworks {
			tagged[n] = l
		}
	}
	for _, n := range d.Networks {
		checkMTU(r, in(n.Ref, "mtu"), "network "+n.Name, n.MTU.V)
		link := native[n.Name]
		if link == nil {
			link = tagged[n.Name]
		}
		if link != nil && link.MTU != 0 && n.MTU.V > link.MTU {
			r.Errorf(in(n.Ref, "mtu"), "a network's MTU must not exceed that of the link that carries it",
				"network %s has the MTU %d, but its link %s has %d", n.Name, n.MTU.V, link.Name, link.MTU)
		}
	}
}

func checkMTU(r *Report, at Place, whose string, v int) {
	if v != 0 && (v < minMTU || v > maxMTU) {
		r.Errorf(at, "the usual values are 1500, and 9100 for large frames", "the MTU of %s is %d; it must be from %d to %d", whose, v, minMTU, maxMTU)
	}
}
