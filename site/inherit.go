package site

import (
	"fmt"
	"slices"
	"strings"
)

// profile returns a host profile with what it inherits.
func (c *compiler) profile(p *HostProfile) *lineage {
	if known, ok := c.profiles[p.Name]; ok {
		return known
	}
	var path []*HostProfile // from p upwards, to one that is known or the last
	on := map[string]int{}
	parent := &lineage{}
	for at := p; ; {
		if known, ok := c.profiles[at.Name]; ok {
			parent = known
			break
		}
		if from, again := on[at.Name]; again {
			c.cycle(path[from:])
			parent = &lineage{broken: true}
			break
		}
		on[at.Name] = len(path)
		path = append(path, at)
		next, ok := c.parent(at.Ref, &at.Host)
		if next == nil {
			parent = &lineage{broken: !ok}
			break
		}
		at = next
	}
	for _, at := range slices.Backward(path) {
		parent = c.merge(at.Ref, &at.Host, parent)
		c.profiles[at.Name] = parent
	}
	return parent
}

// inherit returns a node's own part with what it inherits.
func (c *compiler) inherit(ref Ref, own *Host) *lineage {
	parent, ok := c.parent(ref, own)
	if parent == nil {
		return c.merge(ref, own, &lineage{broken: !ok})
	}
	return c.merge(ref, own, c.profile(parent))
}

// merge returns a host with what it inherits, as long as that is not too much altogether.
func (c *compiler) merge(ref Ref, own *Host, from *lineage) *lineage {
	over := c.parts < 0
	if c.parts -= from.size; c.parts < 0 {
		if !over {
			c.add(Error, ref, "/data/host_profile", "divide the profiles: not every host needs everything",
				fmt.Sprintf("the hosts inherit more than %d parts together; from here on nothing is inherited", maxInherited))
		}
		from = &lineage{broken: true}
	}
	if !from.broken {
		c.idle(ref, own, &from.host)
	}
	merged := &lineage{host: mergeHost(own, &from.host), broken: from.broken}
	merged.size = merged.host.parts()
	return merged
}

// parts counts what a host consists of.
func (h *Host) parts() int {
	n := len(h.OOB) + len(h.OwnerData) + len(h.KernelParams) + len(h.Tags)
	for i := range h.Interfaces {
		n += 1 + len(h.Interfaces[i].Slaves) + len(h.Interfaces[i].Networks)
	}
	for i := range h.Devices {
		n += 1 + len(h.Devices[i].Labels)
		for j := range h.Devices[i].Partitions {
			n += 1 + len(h.Devices[i].Partitions[j].Labels)
		}
	}
	for i := range h.Groups {
		n += 1 + len(h.Groups[i].Volumes)
	}
	return n
}

// parent returns the profile that h names, nil if it names none. ok is false if it is not there, which is reported.
func (c *compiler) parent(ref Ref, h *Host) (p *HostProfile, ok bool) {
	if !h.Profile.Set {
		return nil, true
	}
	if p = c.designed.HostProfile(h.Profile.V); p == nil {
		c.add(c.level(), ref, "/data/host_profile", "define the profile or correct the name", fmt.Sprintf("the host profile %q is not in the design", h.Profile.V))
	}
	return p, p != nil
}

// level is how bad a broken profile is: it does no harm while no node uses it.
func (c *compiler) level() Level {
	if c.unused {
		return Warning
	}
	return Error
}

func (c *compiler) cycle(members []*HostProfile) {
	const shown = 20
	var names []string
	var docs []Ref
	for _, m := range members[:min(len(members), shown)] {
		names, docs = append(names, m.Name), append(docs, m.Ref)
	}
	if len(members) > shown {
		names = append(names, "…")
	}
	c.add(c.level(), members[0].Ref, "/data/host_profile", "one of the profiles must not name a parent",
		"host profiles inherit from each other in a circle: "+strings.Join(append(names, members[0].Name), " → "))
	if n := len(c.findings); n <= maxCompileFindings {
		c.findings[n-1].Docs = docs
	}
}

// marker begins a name that takes something away from what is inherited; alone it takes a value away.
const marker = "!"

func isMarker(s string) bool { return strings.HasPrefix(s, marker) }

func mergeHost(child, parent *Host) Host {
	return Host{
		Profile:         child.Profile,
		HardwareProfile: mergeText(child.HardwareProfile, parent.HardwareProfile),
		PrimaryNetwork:  mergeText(child.PrimaryNetwork, parent.PrimaryNetwork),
		Rack:            mergeText(child.Rack, parent.Rack),
		Image:           mergeText(child.Image, parent.Image),
		Kernel:          mergeText(child.Kernel, parent.Kernel),
		OOBType:         mergeText(child.OOBType, parent.OOBType),
		OOB:             mergeAttrs(child.OOB, parent.OOB),
		OwnerData:       mergeAttrs(child.OwnerData, parent.OwnerData),
		KernelParams:    mergeAttrs(child.KernelParams, parent.KernelParams),
		Tags:            mergeTexts(child.Tags, parent.Tags),
		Interfaces:      mergeParts(child.Interfaces, parent.Interfaces, func(i *Interface) string { return i.Name }, mergeInterface),
		Devices:         mergeParts(child.Devices, parent.Devices, func(d *Device) string { return d.Name }, mergeDevice),
		Groups:          mergeParts(child.Groups, parent.Groups, func(g *VolumeGroup) string { return g.Name }, mergeGroup),
	}
}

func mergeText(child, parent Opt[string]) Opt[string] {
	if child.Set && child.V == marker {
		return Opt[string]{}
	}
	return child.Or(parent)
}

// mergeTexts returns the child's elements, then those of the parent that it neither has nor takes away. What needs no change is shared.
func mergeTexts(child, parent []string) []string {
	if len(child) == 0 {
		return parent
	}
	if len(parent) == 0 && !slices.ContainsFunc(child, isMarker) {
		return child
	}
	said := make(map[string]bool, len(child))
	var list []string
	for _, e := range child {
		said[e] = true
		if !isMarker(e) {
			list = append(list, e)
		}
	}
	for _, e := range parent {
		if !said[e] && !said[marker+e] {
			list = append(list, e)
		}
	}
	return list
}

// mergeAttrs returns the parent's entries that the child does not take away, with the child's values, then what only the child has.
func mergeAttrs(child, parent Attrs) Attrs {
	if len(child) == 0 {
		return parent
	}
	if len(parent) == 0 && !slices.ContainsFunc(child, func(a Attr) bool { return isMarker(a.Key) }) {
		return child
	}
	own := make(map[string]int, len(child))
	for i := range child {
		own[child[i].Key] = i
	}
	list := make(Attrs, 0, len(parent)+len(child))
	placed := make([]bool, len(child))
	for _, a := range parent {
		if _, removed := own[marker+a.Key]; removed {
			continue
		}
		if i, overrides := own[a.Key]; overrides {
			a, placed[i] = child[i], true
		}
		list = append(list, a)
	}
	for i, a := range child {
		if !placed[i] && !isMarker(a.Key) {
			list = append(list, a)
		}
	}
	return list
}

// mergeParts merges parts with names: those of the parent that the child does not take away, each merged with the child's of the same name,
// then those that only the child has. Nothing of either side is lost, and inside of each the same rules hold.
func mergeParts[T any](child, parent []T, name func(*T) string, merge func(child, parent *T) T) []T {
	if len(child) == 0 {
		return parent
	}
	own := make(map[string]int, len(child))
	for i := range child {
		if _, again := own[name(&child[i])]; !again {
			own[name(&child[i])] = i
		}
	}
	list := make([]T, 0, len(parent)+len(child))
	placed := make([]bool, len(child))
	for i := range parent {
		p := &parent[i]
		if _, removed := own[marker+name(p)]; removed {
			continue
		}
		if j, both := own[name(p)]; both {
			placed[j] = true
			list = append(list, merge(&child[j], p))
			continue
		}
		list = append(list, *p)
	}
	var none T
	for i := range child {
		if !placed[i] && !isMarker(name(&child[i])) {
			list = append(list, merge(&child[i], &none))
		}
	}
	return list
}

func mergeInterface(child, parent *Interface) Interface {
	sriov := child.SRIOV
	if sriov == nil {
		sriov = parent.SRIOV
	}
	return Interface{
		Name: child.Name, Link: mergeText(child.Link, parent.Link), Slaves: mergeTexts(child.Slaves, parent.Slaves),
		Networks: mergeTexts(child.Networks, parent.Networks), SRIOV: sriov,
	}
}

func mergeDevice(child, parent *Device) Device {
	return Device{
		Name: child.Name, VolumeGroup: mergeText(child.VolumeGroup, parent.VolumeGroup), Labels: mergeAttrs(child.Labels, parent.Labels),
		Partitions: mergeParts(child.Partitions, parent.Partitions, func(p *Partition) string { return p.Name }, mergePartition),
	}
}

func mergePartition(child, parent *Partition) Partition {
	return Partition{
		Name: child.Name, Bootable: child.Bootable.Or(parent.Bootable), Size: mergeText(child.Size, parent.Size), UUID: mergeText(child.UUID, parent.UUID),
		VolumeGroup: mergeText(child.VolumeGroup, parent.VolumeGroup), Labels: mergeAttrs(child.Labels, parent.Labels), FS: mergeFilesystem(child.FS, parent.FS),
	}
}

func mergeGroup(child, parent *VolumeGroup) VolumeGroup {
	return VolumeGroup{
		Name: child.Name, UUID: mergeText(child.UUID, parent.UUID),
		Volumes: mergeParts(child.Volumes, parent.Volumes, func(v *Volume) string { return v.Name }, mergeVolume),
	}
}

func mergeVolume(child, parent *Volume) Volume {
	return Volume{
		Name: child.Name, Size: mergeText(child.Size, parent.Size), UUID: mergeText(child.UUID, parent.UUID), FS: mergeFilesystem(child.FS, parent.FS),
	}
}

func mergeFilesystem(child, parent *Filesystem) *Filesystem {
	if child == nil {
		return parent
	}
	if parent == nil {
		parent = &Filesystem{}
	}
	return &Filesystem{
		Mountpoint: mergeText(child.Mountpoint, parent.Mountpoint), Type: mergeText(child.Type, parent.Type),
		Options: mergeText(child.Options, parent.Options), UUID: mergeText(child.UUID, parent.UUID), Label: mergeText(child.Label, parent.Label),
	}
}
