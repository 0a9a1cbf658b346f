package site

import (
	"fmt"
	"slices"
)

// idle reports what a host takes away although it does not inherit it: nearly always a name that is misspelt, or a profile that has changed. It
// looks at markers only, so that hosts without any cost nothing.
func (c *compiler) idle(ref Ref, child, parent *Host) {
	if !child.hasMarker() {
		return
	}
	i := idler{c: c, ref: ref}
	i.text("/data/hardware_profile", child.HardwareProfile, parent.HardwareProfile)
	i.text("/data/primary_network", child.PrimaryNetwork, parent.PrimaryNetwork)
	i.text("/data/metadata/rack", child.Rack, parent.Rack)
	i.text("/data/platform/image", child.Image, parent.Image)
	i.text("/data/platform/kernel", child.Kernel, parent.Kernel)
	i.text("/data/oob/type", child.OOBType, parent.OOBType)
	i.attrs("/data/oob", child.OOB, parent.OOB)
	i.attrs("/data/metadata/owner_data", child.OwnerData, parent.OwnerData)
	i.attrs("/data/platform/kernel_params", child.KernelParams, parent.KernelParams)
	i.list("/data/metadata/tags", child.Tags, parent.Tags)
	idleParts(&i, "/data/interfaces", true, child.Interfaces, parent.Interfaces, func(n *Interface) string { return n.Name }, idleInterface)
	idleParts(&i, "/data/storage/physical_devices", true, child.Devices, parent.Devices, func(d *Device) string { return d.Name }, idleDevice)
	idleParts(&i, "/data/storage/volume_groups", true, child.Groups, parent.Groups, func(g *VolumeGroup) string { return g.Name }, idleGroup)
}

// idler looks at one host.
type idler struct {
	c   *compiler
	ref Ref
}

func (i *idler) add(path, what string) {
	if len(i.c.findings) > maxCompileFindings {
		return // nothing more is listed, so nothing more is put into words
	}
	i.c.add(Warning, i.ref, path, "correct the name, or remove the entry", fmt.Sprintf("%s takes something away that is not inherited", what))
}

func (i *idler) text(path string, child, parent Opt[string]) {
	if child.Set && child.V == marker && !parent.Set {
		i.c.add(Warning, i.ref, path, "remove the entry", fmt.Sprintf("%q takes a value away, but none is inherited", marker))
	}
}

func (i *idler) attrs(path string, child, parent Attrs) {
	var inherited map[string]string
	for n := range child {
		key := child[n].Key
		if !isMarker(key) {
			continue
		}
		if inherited == nil {
			inherited = parent.values()
		}
		if _, ok := inherited[key[len(marker):]]; !ok {
			i.add(path+"/"+pointerToken(key), quoted(key))
		}
	}
}

func (i *idler) list(path string, child, parent []string) {
	var inherited map[string]bool
	for _, name := range child {
		if !isMarker(name) {
			continue
		}
		if inherited == nil {
			inherited = set(parent)
		}
		if !inherited[name[len(marker):]] {
			i.add(path, quoted(name))
		}
	}
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// idleParts looks at parts with names, and inside of those that both have. keyed: they stand in a mapping, so that a path can name one.
func idleParts[T any](i *idler, path string, keyed bool, child, parent []T, name func(*T) string, inside func(i *idler, path string, child, parent *T)) {
	if len(child) == 0 {
		return
	}
	inherited := make(map[string]*T, len(parent))
	for n := range parent {
		inherited[name(&parent[n])] = &parent[n]
	}
	var none T
	for n := range child {
		own := name(&child[n])
		at := path
		if keyed {
			at += "/" + pointerToken(own)
		}
		switch from := inherited[own]; {
		case isMarker(own):
			if inherited[own[len(marker):]] == nil {
				i.add(at, quoted(own))
			}
		case from != nil:
			inside(i, at, &child[n], from)
		default:
			inside(i, at, &child[n], &none)
		}
	}
}

func idleInterface(i *idler, path string, child, parent *Interface) {
	i.text(path+"/device_link", child.Link, parent.Link)
	i.list(path+"/slaves", child.Slaves, parent.Slaves)
	i.list(path+"/networks", child.Networks, parent.Networks)
}

func idleDevice(i *idler, path string, child, parent *Device) {
	i.text(path+"/volume_group", child.VolumeGroup, parent.VolumeGroup)
	i.attrs(path+"/labels", child.Labels, parent.Labels)
	inside := func(i *idler, path string, child, parent *Partition) {
		i.text(path, child.VolumeGroup, parent.VolumeGroup)
		i.text(path, child.Size, parent.Size)
		i.attrs(path, child.Labels, parent.Labels)
	}
	idleParts(i, path+"/partitions", false, child.Partitions, parent.Partitions, func(p *Partition) string { return p.Name }, inside)
}

func idleGroup(i *idler, path string, child, parent *VolumeGroup) {
	i.text(path+"/vg_uuid", child.UUID, parent.UUID)
	inside := func(i *idler, path string, child, parent *Volume) { i.text(path, child.Size, parent.Size) }
	idleParts(i, path+"/logical_volumes", false, child.Volumes, parent.Volumes, func(v *Volume) string { return v.Name }, inside)
}

// hasMarker reports whether a host takes anything away.
func (h *Host) hasMarker() bool {
	for _, v := range []Opt[string]{h.HardwareProfile, h.PrimaryNetwork, h.Rack, h.Image, h.Kernel, h.OOBType} {
		if v.Set && isMarker(v.V) {
			return true
		}
	}
	return h.OOB.hasMarker() || h.OwnerData.hasMarker() || h.KernelParams.hasMarker() || slices.ContainsFunc(h.Tags, isMarker) ||
		slices.ContainsFunc(h.Interfaces, func(n Interface) bool {
			return isMarker(n.Name) || isMarker(n.Link.V) || slices.ContainsFunc(n.Slaves, isMarker) || slices.ContainsFunc(n.Networks, isMarker)
		}) || h.storageHasMarker()
}

func (h *Host) storageHasMarker() bool {
	for i := range h.Devices {
		d := &h.Devices[i]
		if isMarker(d.Name) || isMarker(d.VolumeGroup.V) || d.Labels.hasMarker() || slices.ContainsFunc(d.Partitions, func(p Partition) bool {
			return isMarker(p.Name) || isMarker(p.Size.V) || isMarker(p.VolumeGroup.V) || p.Labels.hasMarker()
		}) {
			return true
		}
	}
	return slices.ContainsFunc(h.Groups, func(g VolumeGroup) bool {
		return isMarker(g.Name) || isMarker(g.UUID.V) || slices.ContainsFunc(g.Volumes, func(v Volume) bool { return isMarker(v.Name) || isMarker(v.Size.V) })
	})
}

func (a Attrs) hasMarker() bool {
	return slices.ContainsFunc(a, func(e Attr) bool { return isMarker(e.Key) })
}
