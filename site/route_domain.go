package site

import (
	"cmp"
	"fmt"
	"slices"
)

// routes returns the networks with the routes that their route domains stand for: wherever a network has a route for a domain, with gateway
// and metric, it gets one to each other network of that domain.
func (c *compiler) routes(networks []*Network) []*Network {
	order := map[string]int{} // of domains, as they appear
	var members [][]string    // CIDRs of each
	for _, n := range networks {
		if !n.RouteDomain.Set {
			continue
		}
		i, ok := order[n.RouteDomain.V]
		if !ok {
			i = len(members)
			order[n.RouteDomain.V] = i
			members = append(members, nil)
		}
		members[i] = append(members[i], n.CIDR)
	}
	if len(members) == 0 {
		return networks
	}
	left := maxRendered
	list := slices.Clone(networks)
	for i, n := range networks {
		var more []Route
		for _, via := range domainRoutes(n, order) {
			if left -= len(members[order[via.RouteDomain.V]]); left < 0 {
				c.add(Error, n.Ref, "/data/routedomain", "divide the domain", fmt.Sprintf("the route domains need more than %d routes; the rest was not made", maxRendered))
				return list
			}
			for _, cidr := range members[order[via.RouteDomain.V]] {
				if cidr != n.CIDR {
					more = append(more, Route{Subnet: Some(cidr), Gateway: via.Gateway, Metric: via.Metric, Rendered: true})
				}
			}
		}
		if len(more) > 0 {
			routed := *n
			routed.Routes = slices.Concat(n.Routes, more)
			list[i] = &routed
		}
	}
	return list
}

// domainRoutes returns the first route of a network for each known domain, those without gateway or metric left out, in the order of the domains.
func domainRoutes(n *Network, order map[string]int) []Route {
	var list []Route
	seen := map[string]bool{}
	for _, r := range n.Routes {
		if _, known := order[r.RouteDomain.V]; !known || !r.RouteDomain.Set || seen[r.RouteDomain.V] {
			continue
		}
		seen[r.RouteDomain.V] = true
		if r.Gateway.Set && r.Metric.Set {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Route) int { return cmp.Compare(order[a.RouteDomain.V], order[b.RouteDomain.V]) })
	return list
}
