package design

import (
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

func (b *builder) hardwareProfile(n *yaml.Node) *site.HardwareProfile {
	h := &site.HardwareProfile{
		Ref: b.d.ref, Vendor: b.text(n, "vendor"), Generation: b.text(n, "generation"), HWVersion: b.text(n, "hw_version"),
		BIOSVersion: b.text(n, "bios_version"), BootMode: b.text(n, "boot_mode"), BootstrapProtocol: b.text(n, "bootstrap_protocol"),
		PXEInterface: b.text(n, "pxe_interface"), CPUSets: b.attrs(b.member(n, "cpu_sets")),
	}
	for _, e := range b.entries(b.member(n, "device_aliases")) {
		h.Aliases = append(h.Aliases, site.DeviceAlias{
			Alias: e.key, Address: b.text(e.value, "address").V, BusType: b.text(e.value, "bus_type").V, DevType: b.text(e.value, "dev_type"),
		})
	}
	for _, e := range b.entries(b.member(n, "hugepages")) {
		h.Hugepages = append(h.Hugepages, site.Hugepages{Name: e.key, Size: b.text(e.value, "size").V, Count: b.integer(e.value, "count").V})
	}
	return h
}

func (b *builder) host(n *yaml.Node) site.Host {
	oob, platform, metadata := b.member(n, "oob"), b.member(n, "platform"), b.member(n, "metadata")
	h := site.Host{
		Profile: b.text(n, "host_profile"), HardwareProfile: b.text(n, "hardware_profile"), PrimaryNetwork: b.text(n, "primary_network"),
		Rack: b.text(metadata, "rack"), Image: b.text(platform, "image"), Kernel: b.text(platform, "kernel"), OOBType: b.text(oob, "type"),
		Tags: b.texts(b.member(metadata, "tags")), OwnerData: b.attrs(b.member(metadata, "owner_data")),
		KernelParams: b.attrs(b.member(platform, "kernel_params")),
	}
	for _, a := range b.attrs(oob) {
		if a.Key != "type" {
			h.OOB = append(h.OOB, a)
		}
	}
	storage := b.member(n, "storage")
	for _, e := range b.entries(b.member(storage, "physical_devices")) {
		h.Devices = append(h.Devices, b.device(e))
	}
	for _, e := range b.entries(b.member(storage, "volume_groups")) {
		h.Groups = append(h.Groups, b.volumeGroup(e))
	}
	for _, e := range b.entries(b.member(n, "interfaces")) {
		h.Interfaces = append(h.Interfaces, b.netInterface(e))
	}
	return h
}

func (b *builder) netInterface(e entry) site.Interface {
	i := site.Interface{
		Name: e.key, Link: b.text(e.value, "device_link"), Slaves: b.texts(b.member(e.value, "slaves")), Networks: b.texts(b.member(e.value, "networks")),
	}
	if sriov := b.member(e.value, "sriov"); sriov != nil {
		i.SRIOV = &site.SRIOV{VFs: b.integer(sriov, "vf_count").V, Trusted: b.truth(sriov, "trustedmode").Or(b.truth(sriov, "trustmode")).V}
	}
	return i
}

func (b *builder) device(e entry) site.Device {
	d := site.Device{Name: e.key, VolumeGroup: b.text(e.value, "volume_group"), Labels: b.attrs(b.member(e.value, "labels"))}
	for _, p := range b.items(b.member(e.value, "partitions")) {
		d.Partitions = append(d.Partitions, site.Partition{
			Name: b.text(p, "name").V, Bootable: b.truth(p, "bootable"), Size: b.text(p, "size"), UUID: b.text(p, "part_uuid"),
			VolumeGroup: b.text(p, "volume_group"), Labels: b.attrs(b.member(p, "labels")), FS: b.filesystem(p),
		})
	}
	return d
}

func (b *builder) volumeGroup(e entry) site.VolumeGroup {
	g := site.VolumeGroup{Name: e.key, UUID: b.text(e.value, "vg_uuid")}
	for _, v := range b.items(b.member(e.value, "logical_volumes")) {
		g.Volumes = append(g.Volumes, site.Volume{Name: b.text(v, "name").V, Size: b.text(v, "size"), UUID: b.text(v, "lv_uuid"), FS: b.filesystem(v)})
	}
	return g
}

func (b *builder) filesystem(n *yaml.Node) *site.Filesystem {
	fs := b.member(n, "filesystem")
	if fs == nil {
		return nil
	}
	return &site.Filesystem{
		Mountpoint: b.text(fs, "mountpoint"), Type: b.text(fs, "fstype"), Options: b.text(fs, "mount_options"),
		UUID: b.text(fs, "fs_uuid"), Label: b.text(fs, "fs_label"),
	}
}

func (b *builder) node(n *yaml.Node) *site.BaremetalNode {
	node := &site.BaremetalNode{Ref: b.d.ref, Host: b.host(n), BootMAC: b.text(b.member(n, "metadata"), "boot_mac")}
	for _, a := range b.items(b.member(n, "addressing")) {
		address := site.Address{Network: b.text(a, "network").V, IP: b.text(a, "address")}
		if address.IP.V == "dhcp" {
			address.IP = site.Opt[string]{}
		}
		node.Addressing = append(node.Addressing, address)
	}
	return node
}
