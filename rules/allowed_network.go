package rules

import (
	"slices"

	"drydock/site"
)

// allowedNetwork checks that each network is allowed on one link only, and that interfaces use networks that their link allows.
func allowedNetwork(d *site.Design, r *Report) {
	duplicateNetworks(d, r)
	allowed := make(map[string]map[string]bool, len(d.Links))
	for _, l := range d.Links {
		on := make(map[string]bool, len(l.AllowedNetworks))
		for _, name := range l.AllowedNetworks {
			on[name] = true
		}
		allowed[l.Name] = on
	}
	for _, n := range d.Nodes {
		for i := range n.Interfaces {
			checkInterface(r, n, &n.Interfaces[i], allowed)
		}
	}
}

func checkInterface(r *Report, n *site.BaremetalNode, i *site.Interface, allowed map[string]map[string]bool) {
	networks, known := allowed[i.Link.V]
	at := in(n.Ref, "interfaces", i.Name)
	for _, name := range i.Networks {
		switch {
		case !known || !i.Link.Set:
			r.Errorf(at, "define the link or correct device_link", "interface %s of node %s, with network %s, is on link %q, which is not in the design", i.Name, n.Name, name, i.Link.V)
		case !networks[name]:
			r.Errorf(at, "add the network to allowed_networks of the link, or remove it from the interface",
				"interface %s of node %s has network %s, which its link %s does not allow", i.Name, n.Name, name, i.Link.V)
		}
	}
}

// duplicateNetworks reports each network once for each pair of links that allow it, in the order of the links.
func duplicateNetworks(d *site.Design, r *Report) {
	links := map[string][]int{} // by network
	for i, l := range d.Links {
		for _, name := range l.AllowedNetworks {
			if on := links[name]; len(on) == 0 || on[len(on)-1] != i {
				links[name] = append(on, i)
			}
		}
	}
	type pair struct {
		with    int
		network string
	}
	for i, l := range d.Links {
		var pairs []pair
		for _, name := range l.AllowedNetworks {
			from, _ := slices.BinarySearch(links[name], i+1)
			for _, j := range links[name][from:] {
				if len(pairs) <= maxListed { // what is more is not listed anyway
					pairs = append(pairs, pair{j, name})
				}
			}
		}
		slices.SortStableFunc(pairs, func(a, b pair) int { return a.with - b.with })
		for _, p := range pairs {
			other := d.Links[p.with]
			r.Errorf(in(l.Ref, "allowed_networks").and(other.Ref), "allow each network on one link", "network %s is allowed on link %s and on link %s", p.network, l.Name, other.Name)
		}
		if r.Full() {
			return
		}
	}
}
