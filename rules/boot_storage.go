package rules

import "drydock/site"

// What a node needs to boot and to hold its system.
const (
	minRoot = 20e9
	minBoot = 1e9
)

// bootPart is a partition or volume that holds the system.
type bootPart struct {
	name string
	size site.Opt[string]
	at   Place
}

// bootStorage checks that every node has a root file system that is large enough, and a boot file system that is if it has one of its own.
// They are known by their mount points; a partition called root or boot that says nothing else counts as well.
func bootStorage(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		seen := false
		for _, p := range bootParts(n, "/", "root") {
			seen = checkBootPart(r, n, p, "root", minRoot) || seen
		}
		if !seen {
			r.Errorf(in(n.Ref, "storage"), "every node needs a root file system of 20 GB or more", "no usable root volume of at least 20 GB is defined for node %s", n.Name)
		}
		for _, p := range bootParts(n, "/boot", "boot") {
			checkBootPart(r, n, p, "boot", minBoot)
		}
	})
}

// bootParts returns what is mounted at mount, and the partitions of that name.
func bootParts(n *site.BaremetalNode, mount, name string) []bootPart {
	var list []bootPart
	for i := range n.Devices {
		for j := range n.Devices[i].Partitions {
			if p := &n.Devices[i].Partitions[j]; p.FS.Mount() == site.Some(mount) || p.Name == name {
				list = append(list, bootPart{p.Name, p.Size, in(n.Ref, "storage", "physical_devices", n.Devices[i].Name, "partitions")})
			}
		}
	}
	for i := range n.Groups {
		for j := range n.Groups[i].Volumes {
			if v := &n.Groups[i].Volumes[j]; v.FS.Mount() == site.Some(mount) {
				list = append(list, bootPart{v.Name, v.Size, in(n.Ref, "storage", "volume_groups", n.Groups[i].Name, "logical_volumes")})
			}
		}
	}
	return list
}

// checkBootPart reports whether p can be read.
func checkBootPart(r *Report, n *site.BaremetalNode, p bootPart, what string, least float64) bool {
	z, ok := parseSize(p.size.V)
	switch {
	case !ok || z.negative:
		r.Errorf(p.at, sizeHelp, "the size %q of the %s volume %s of node %s cannot be read", p.size.V, what, p.name, n.Name)
		return false
	case z.percent && least == minBoot: // a small part of a disk that is known to be large
	case z.percent:
		r.Warnf(p.at, "give an absolute size to have it checked", "the size %s of the %s volume %s of node %s was not compared with %.0f GB: the size of the disk is not known",
			p.size.V, what, p.name, n.Name, least/1e9)
	case z.bytes < least:
		r.Errorf(p.at, "make it larger", "the %s volume %s of node %s has %s; it needs at least %.0f GB", what, p.name, n.Name, p.size.V, least/1e9)
	}
	return true
}
