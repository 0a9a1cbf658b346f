package rules

import "drydock/site"

// partitioning checks that a device is divided or belongs to a volume group, that the same holds for a partition with a file system, and that
// every volume group of a node has something to be on.
func partitioning(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		used := map[string]bool{}
		for i := range n.Devices {
			checkDevice(r, n, &n.Devices[i], used)
		}
		for i := range n.Groups {
			if g := n.Groups[i].Name; !used[g] {
				r.Errorf(in(n.Ref, "storage", "volume_groups", g), "name the group as volume_group of a device or a partition",
					"the volume group %s of node %s has no device or partition", g, n.Name)
			}
		}
	})
}

func checkDevice(r *Report, n *site.BaremetalNode, d *site.Device, used map[string]bool) {
	at := in(n.Ref, "storage", "physical_devices", d.Name)
	if divided := len(d.Partitions) > 0; divided == d.VolumeGroup.Set {
		what := "neither partitions nor a volume group"
		if divided {
			what = "partitions and a volume group"
		}
		r.Errorf(at, "give it one of partitions and volume_group", "the device %s of node %s has %s", d.Name, n.Name, what)
	}
	if d.VolumeGroup.Set {
		used[d.VolumeGroup.V] = true
	}
	for i := range d.Partitions {
		p := &d.Partitions[i]
		if !p.VolumeGroup.Set {
			continue
		}
		used[p.VolumeGroup.V] = true
		if p.FS != nil {
			r.Errorf(at, "give it one of filesystem and volume_group", "the partition %s on device %s of node %s has a file system and a volume group", p.Name, d.Name, n.Name)
		}
	}
}
