package rules

import "drydock/site"

// mountpoint checks that nothing is mounted where something else is.
func mountpoint(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		first := map[string]string{}
		visit := func(at Place, name string, fs *site.Filesystem) {
			m := fs.Mount()
			if !m.Set || m.V == "none" || m.V == "swap" || m.V == "" {
				return
			}
			if other, again := first[m.V]; again {
				r.Errorf(at, "give each file system a mount point of its own", "the mount point %q of %s on node %s is that of %s already", m.V, name, n.Name, other)
				return
			}
			first[m.V] = name
		}
		for i := range n.Devices {
			dev := &n.Devices[i]
			for j := range dev.Partitions {
				visit(in(n.Ref, "storage", "physical_devices", dev.Name, "partitions"), "partition "+dev.Partitions[j].Name, dev.Partitions[j].FS)
			}
		}
		for i := range n.Groups {
			g := &n.Groups[i]
			for j := range g.Volumes {
				visit(in(n.Ref, "storage", "volume_groups", g.Name, "logical_volumes"), "volume "+g.Volumes[j].Name, g.Volumes[j].FS)
			}
		}
	})
}
