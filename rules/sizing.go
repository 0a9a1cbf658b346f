package rules

import "drydock/site"

// maxPercent is how much of a device or group percentages may take together.
const maxPercent = 99

// sizing checks that sizes can be read, that none is negative and that percentages of one device or group leave something over.
func sizing(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		for i := range n.Devices {
			dev := &n.Devices[i]
			s := sum{r: r, node: n, what: "partition", of: "device " + dev.Name, at: in(n.Ref, "storage", "physical_devices", dev.Name, "partitions")}
			for j := range dev.Partitions {
				p := &dev.Partitions[j]
				s.add(p.Name, p.Size, isBootPart(p))
			}
			s.check()
		}
		for i := range n.Groups {
			g := &n.Groups[i]
			s := sum{r: r, node: n, what: "logical volume", of: "volume group " + g.Name, at: in(n.Ref, "storage", "volume_groups", g.Name, "logical_volumes")}
			for j := range g.Volumes {
				v := &g.Volumes[j]
				s.add(v.Name, v.Size, v.FS.Mount() == site.Some("/") || v.FS.Mount() == site.Some("/boot"))
			}
			s.check()
		}
	})
}

// isBootPart reports whether another rule reads the size of p.
func isBootPart(p *site.Partition) bool {
	return p.Name == "root" || p.Name == "boot" || p.FS.Mount() == site.Some("/") || p.FS.Mount() == site.Some("/boot")
}

// sum adds up the percentages of one device or group.
type sum struct {
	r        *Report
	node     *site.BaremetalNode
	what, of string
	at       Place
	total    float64
}

// add looks at one size. A size that cannot be read is reported unless another rule does.
func (s *sum) add(name string, text site.Opt[string], reported bool) {
	z, ok := parseSize(text.V)
	switch {
	case !ok && reported:
	case !ok && text.V == "":
		s.r.Errorf(s.at, sizeHelp, "the %s %s in %s of node %s has no size", s.what, name, s.of, s.node.Name)
	case !ok:
		s.r.Errorf(s.at, sizeHelp, "the size %q of the %s %s in %s of node %s cannot be read", text.V, s.what, name, s.of, s.node.Name)
	case z.negative:
		s.r.Errorf(s.at, sizeHelp, "the size %s of the %s %s in %s of node %s is negative", text.V, s.what, name, s.of, s.node.Name)
	case z.percent:
		s.total += z.number
	}
}

func (s *sum) check() {
	if s.total > maxPercent {
		s.r.Errorf(s.at, "percentages of one device or group must not exceed 99% together",
			"the percentages of each %s in %s of node %s are %.0f%% together", s.what, s.of, s.node.Name, s.total)
	}
}
