package site

import "strconv"

// A part of a design as plain values: text, int, bool, nil, Fields and Items. Members have the names that documents give them and stand in a
// fixed order; what is left out is not there. It is what people are shown and what designs are compared by.

// Field is a member of a mapping.
type Field struct {
	Name  string
	Value any
}

// Fields is a mapping in a fixed order. Names are unique.
type Fields []Field

// Item is an element of a list. Key tells it from the others: its name where it has one; empty if only its place does.
type Item struct {
	Key   string
	Value any
}

// Items is a list.
type Items []Item

// Get returns the value of a member.
func (f Fields) Get(name string) (any, bool) {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value, true
		}
	}
	return nil, false
}

// Leaves calls each for every value that is neither Fields nor Items below v, with its JSON pointer behind path. Elements of lists go by their
// keys, or by their places if those are not unique.
func Leaves(path string, v any, each func(path string, value any)) {
	switch v := v.(type) {
	case Fields:
		for i := range v {
			Leaves(path+"/"+pointerToken(v[i].Name), v[i].Value, each)
		}
	case Items:
		for i, key := range v.Keys() {
			Leaves(path+"/"+pointerToken(key), v[i].Value, each)
		}
	default:
		each(path, v)
	}
}

// Keys returns what tells the elements apart: their keys if all have one of their own, otherwise their places from 0.
func (l Items) Keys() []string {
	keys, seen := make([]string, len(l)), make(map[string]bool, len(l))
	for i := range l {
		keys[i] = l[i].Key
		if keys[i] == "" || seen[keys[i]] {
			for j := range l {
				keys[j] = strconv.Itoa(j)
			}
			return keys
		}
		seen[keys[i]] = true
	}
	return keys
}

// add appends a member unless it is empty: no text that is set, no list or mapping with anything in it.
func (f *Fields) add(name string, value any) {
	switch v := value.(type) {
	case Opt[string]:
		if v.Set {
			*f = append(*f, Field{name, v.V})
		}
	case Opt[int]:
		if v.Set {
			*f = append(*f, Field{name, v.V})
		}
	case Opt[bool]:
		if v.Set {
			*f = append(*f, Field{name, v.V})
		}
	case Fields:
		if len(v) > 0 {
			*f = append(*f, Field{name, v})
		}
	case Items:
		if len(v) > 0 {
			*f = append(*f, Field{name, v})
		}
	case []string:
		if len(v) > 0 {
			*f = append(*f, Field{name, plainTexts(v)})
		}
	case Attrs:
		if len(v) > 0 {
			*f = append(*f, Field{name, v.plain()})
		}
	default:
		*f = append(*f, Field{name, v})
	}
}

// plainTexts is a list of texts, each its own key.
func plainTexts(list []string) Items {
	items := make(Items, len(list))
	for i, s := range list {
		items[i] = Item{s, s}
	}
	return items
}

func (a Attrs) plain() Fields {
	fields := make(Fields, len(a))
	for i := range a {
		fields[i] = Field{a[i].Key, a[i].Value}
		if a[i].Null {
			fields[i].Value = nil
		}
	}
	return fields
}

// Plain returns what the node says, or after Compile is, as plain values.
func (n *BaremetalNode) Plain() Fields {
	f := n.plain(n.BootMAC)
	var addressing Items
	for _, a := range n.Addressing {
		addressing = append(addressing, Item{a.Network, Fields{{"network", a.Network}, {"address", a.IP.Or(Some("dhcp")).V}}})
	}
	f.add("addressing", addressing)
	return f
}

// Plain returns the profile as plain values.
func (p *HostProfile) Plain() Fields { return p.plain(Opt[string]{}) }

func (h *Host) plain(bootMAC Opt[string]) Fields {
	var f, oob, storage, platform, metadata Fields
	f.add("host_profile", h.Profile)
	f.add("hardware_profile", h.HardwareProfile)
	f.add("primary_network", h.PrimaryNetwork)
	oob.add("type", h.OOBType)
	f.add("oob", append(oob, h.OOB.plain()...))
	storage.add("physical_devices", plainDevices(h.Devices))
	storage.add("volume_groups", plainGroups(h.Groups))
	f.add("storage", storage)
	f.add("interfaces", plainInterfaces(h.Interfaces))
	platform.add("image", h.Image)
	platform.add("kernel", h.Kernel)
	platform.add("kernel_params", h.KernelParams)
	f.add("platform", platform)
	metadata.add("rack", h.Rack)
	metadata.add("boot_mac", bootMAC)
	metadata.add("tags", h.Tags)
	metadata.add("owner_data", h.OwnerData)
	f.add("metadata", metadata)
	return f
}

func plainDevices(list []Device) Fields {
	var fields Fields
	for i := range list {
		d := Fields{}
		var parts Items
		d.add("volume_group", list[i].VolumeGroup)
		d.add("labels", list[i].Labels)
		for _, p := range list[i].Partitions {
			f := Fields{{"name", p.Name}}
			f.add("bootable", p.Bootable)
			f.add("size", p.Size)
			f.add("part_uuid", p.UUID)
			f.add("volume_group", p.VolumeGroup)
			f.add("labels", p.Labels)
			f.add("filesystem", p.FS.plain())
			parts = append(parts, Item{p.Name, f})
		}
		d.add("partitions", parts)
		fields = append(fields, Field{list[i].Name, d})
	}
	return fields
}

func plainGroups(list []VolumeGroup) Fields {
	var fields Fields
	for i := range list {
		g := Fields{}
		var volumes Items
		g.add("vg_uuid", list[i].UUID)
		for _, v := range list[i].Volumes {
			f := Fields{{"name", v.Name}}
			f.add("size", v.Size)
			f.add("lv_uuid", v.UUID)
			f.add("filesystem", v.FS.plain())
			volumes = append(volumes, Item{v.Name, f})
		}
		g.add("logical_volumes", volumes)
		fields = append(fields, Field{list[i].Name, g})
	}
	return fields
}

func (f *Filesystem) plain() Fields {
	var fields Fields
	if f != nil {
		fields.add("mountpoint", f.Mountpoint)
		fields.add("fstype", f.Type)
		fields.add("mount_options", f.Options)
		fields.add("fs_uuid", f.UUID)
		fields.add("fs_label", f.Label)
	}
	return fields
}

func plainInterfaces(list []Interface) Fields {
	var fields Fields
	for i := range list {
		n := &list[i]
		f := Fields{}
		f.add("device_link", n.Link)
		f.add("slaves", n.Slaves)
		var selectors Items
		for _, s := range n.Selectors {
			chosen := Fields{{"type", s.Type}, {"address", s.Address}}
			chosen.add("dev_type", s.DevType)
			selectors = append(selectors, Item{Value: chosen})
		}
		f.add("selectors", selectors)
		f.add("networks", n.Networks)
		if n.SRIOV != nil {
			f.add("sriov", Fields{{"vf_count", n.SRIOV.VFs}, {"trustedmode", n.SRIOV.Trusted}})
		}
		fields = append(fields, Field{n.Name, f})
	}
	return fields
}
