package site

import "fmt"

// names reports what names something that is not there, or is not what counts, although that keeps nobody from anything. A rack may be a name
// and no more: sites have always had nodes in racks without a document.
func (c *compiler) names(e *Design) {
	for i, r := range e.Regions {
		if last := e.Regions[len(e.Regions)-1]; i < len(e.Regions)-1 {
			c.add(Warning, r.Ref, "", "a site has one region: remove the others", fmt.Sprintf("it does not count, because the region %q stands behind it", last.Name))
		}
	}
	if len(e.Networks) == 0 {
		return // which is found elsewhere; all names of networks would be unknown
	}
	for _, n := range e.Nodes {
		if name := n.PrimaryNetwork; name.Set && e.Network(name.V) == nil {
			c.add(Warning, n.Ref, "/data/primary_network", "define the network or correct the name",
				fmt.Sprintf("the primary network %q is not in the design; the domain of the node is \"local\"", name.V))
		}
	}
}
