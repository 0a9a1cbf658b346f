package rules

import (
	"net/netip"
	"slices"
	"strconv"

	"drydock/site"
)

// addressRange is a part of a network's addresses that can be read.
type addressRange struct {
	from, to netip.Addr
	kind     string
	n        int // its place in the document
}

// addressRanges looks at what a network says about its own addresses: ranges, subnets of routes and the DHCP relay. These are warnings: upstream
// hands them on unread, and designs with leftovers in them have always been accepted. It returns the ranges that are given out by DHCP, in the order of
// their first address; those that overlap are one.
func addressRanges(r *Report, n *site.Network, p netip.Prefix) []addressRange {
	var list []addressRange
	for i := range n.Ranges {
		if got, ok := checkRange(r, n, i, p); ok {
			list = append(list, got)
		}
	}
	slices.SortStableFunc(list, func(a, b addressRange) int { return a.from.Compare(b.from) })
	var dhcp []addressRange
	longest := 0 // of those before, the one that ends last
	for i, a := range list {
		if other := list[longest]; i > 0 && other.to.Compare(a.from) >= 0 {
			r.Warnf(in(n.Ref, "ranges", strconv.Itoa(a.n)), "an address has one use: divide them", "the ranges %s to %s and %s to %s of network %s overlap",
				other.from, other.to, a.from, a.to, n.Name)
		}
		if a.to.Compare(list[longest].to) > 0 {
			longest = i
		}
		if last := len(dhcp) - 1; a.kind == "dhcp" && last >= 0 && dhcp[last].to.Compare(a.from) >= 0 {
			if a.to.Compare(dhcp[last].to) > 0 {
				dhcp[last].to = a.to
			}
		} else if a.kind == "dhcp" {
			dhcp = append(dhcp, a)
		}
	}
	for i := range n.Routes {
		if s := n.Routes[i].Subnet; s.Set && !n.Routes[i].Rendered {
			if _, err := parseCIDR(s.V); err != nil {
				r.Warnf(in(n.Ref, "routes", strconv.Itoa(i)), "write it as address/length, such as 10.0.0.0/24", "the subnet %q of a route of network %s cannot be read: %v", s.V, n.Name, err)
			}
		}
	}
	return dhcp
}

func checkRange(r *Report, n *site.Network, i int, p netip.Prefix) (got addressRange, ok bool) {
	s := &n.Ranges[i]
	at := in(n.Ref, "ranges", strconv.Itoa(i))
	from, err := parseAddress(s.Start.V)
	to, err2 := parseAddress(s.End.V)
	switch {
	case err != nil || err2 != nil:
		r.Warnf(at, "give start and end as addresses", "the range %q to %q of network %s cannot be read", s.Start.V, s.End.V, n.Name)
	case from.Compare(to) > 0:
		r.Warnf(at, "exchange start and end", "the range %s to %s of network %s ends before it begins", from, to, n.Name)
	case p.IsValid() && (!p.Contains(from) || !p.Contains(to)):
		r.Warnf(at, "a range must be inside of the network", "the range %s to %s is outside of %s, the CIDR of network %s", from, to, n.CIDR, n.Name)
	default:
		return addressRange{from, to, s.Type.V, i}, true
	}
	return got, false
}

// within returns the range that an address is in; the ranges are in order.
func within(list []addressRange, a netip.Addr) (addressRange, bool) {
	i, _ := slices.BinarySearchFunc(list, a, func(e addressRange, a netip.Addr) int {
		if e.from.Compare(a) <= 0 {
			return -1
		}
		return 1
	})
	if i > 0 && list[i-1].to.Compare(a) >= 0 {
		return list[i-1], true
	}
	return addressRange{}, false
}
