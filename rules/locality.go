package rules

import (
	"net/netip"

	"drydock/site"
)

// locality checks that gateways and the static addresses of nodes are inside of their networks. A CIDR that cannot be read is the matter of
// another rule.
func locality(d *site.Design, r *Report) {
	if len(d.Networks) == 0 {
		r.Warnf(Place{}, "is the design complete?", "there are no networks")
	}
	spaces := make(map[string]space, len(d.Networks))
	for _, n := range d.Networks {
		p, _ := parseCIDR(n.CIDR)
		for i := range n.Routes {
			checkGateway(r, n, p, &n.Routes[i])
		}
		spaces[n.Name] = space{p, addressRanges(r, n, p)}
	}
	if len(d.Nodes) == 0 {
		r.Warnf(Place{}, "is the design complete?", "there are no nodes")
	}
	for _, n := range d.Nodes {
		for i := range n.Addressing {
			if n.Addressing[i].IP.Set {
				checkLocal(r, n, &n.Addressing[i], spaces)
			}
		}
	}
}

func checkGateway(r *Report, n *site.Network, p netip.Prefix, route *site.Route) {
	at := in(n.Ref, "routes")
	if route.Gateway.V == "" {
		r.Errorf(at, "give the route a gateway", "the route of network %s to %q has no gateway", n.Name, route.Subnet.V)
		return
	}
	a, err := parseAddress(route.Gateway.V)
	switch {
	case err != nil:
		r.Errorf(at, "correct the gateway", "the gateway %q of network %s cannot be read: %v", route.Gateway.V, n.Name, err)
	case p.IsValid() && !p.Contains(a):
		r.Errorf(at, "a gateway must be on the network itself", "the gateway %s is outside of %s, the CIDR of network %s", a, n.CIDR, n.Name)
	}
}

// space is what is known about the addresses of a network.
type space struct {
	cidr netip.Prefix // invalid: cannot be read
	dhcp []addressRange
}

func checkLocal(r *Report, n *site.BaremetalNode, given *site.Address, spaces map[string]space) {
	at := in(n.Ref, "addressing")
	net, known := spaces[given.Network]
	if !known {
		r.Errorf(at, "define the network or correct its name", "node %s has an address on network %q, which is not in the design", n.Name, given.Network)
		return
	}
	a, err := parseAddress(given.IP.V)
	switch {
	case err != nil:
		r.Errorf(at, "correct the address, or write dhcp", "the address %q of node %s on network %s cannot be read: %v", given.IP.V, n.Name, given.Network, err)
	case net.cidr.IsValid() && !net.cidr.Contains(a):
		r.Errorf(at, "give the node an address of this network", "the address %s of node %s is outside of %s, the CIDR of network %s", a, n.Name, net.cidr, given.Network)
	default:
		if lent, ok := within(net.dhcp, a); ok {
			r.Warnf(at, "give the node an address that DHCP does not give to others", "the address %s of node %s is in the DHCP range %s to %s of network %s",
				a, n.Name, lent.from, lent.to, given.Network)
		}
	}
}
