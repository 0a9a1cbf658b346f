package rules

import "drydock/site"

// duplicateAddress checks that no address is given twice, however it is written.
func duplicateAddress(d *site.Design, r *Report) {
	if len(d.Nodes) == 0 {
		r.Warnf(Place{}, "is the design complete?", "there are no nodes")
		return
	}
	first := map[string]*site.BaremetalNode{}
	for _, n := range d.Nodes {
		for i := range n.Addressing {
			ip := n.Addressing[i].IP
			if !ip.Set {
				continue
			}
			key := ip.V
			if a, err := parseAddress(key); err == nil {
				key = a.String()
			}
			if holder, again := first[key]; again {
				r.Errorf(in(n.Ref, "addressing").and(holder.Ref), "give each node addresses of its own", "node %s has the address %s, which node %s has already", n.Name, ip.V, holder.Name)
				continue
			}
			first[key] = n
		}
	}
}
