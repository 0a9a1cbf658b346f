package site

import "fmt"

// Part is a document of a design as plain values.
type Part struct {
	Ref
	Kind  string
	Plain Fields
}

// Shared returns what the nodes of a design have in common: every part but the nodes, in the order of the kinds as a site is built up.
func (d *Design) Shared() []Part {
	var parts []Part
	add := func(kind string, ref Ref, plain Fields) { parts = append(parts, Part{ref, kind, plain}) }
	for _, r := range d.Regions {
		add("Region", r.Ref, r.Plain())
	}
	for _, r := range d.Racks {
		add("Rack", r.Ref, r.Plain())
	}
	for _, l := range d.Links {
		add("NetworkLink", l.Ref, l.Plain())
	}
	for _, n := range d.Networks {
		add("Network", n.Ref, n.Plain())
	}
	for _, h := range d.HardwareProfiles {
		add("HardwareProfile", h.Ref, h.Plain())
	}
	for _, h := range d.HostProfiles {
		add("HostProfile", h.Ref, h.Plain())
	}
	for _, b := range d.BootActions {
		add("BootAction", b.Ref, b.Plain())
	}
	return parts
}

// Plain returns the region as plain values.
func (r *Region) Plain() Fields {
	var f Fields
	var tags Items
	for _, t := range r.Tags {
		tags = append(tags, Item{t.Tag, Fields{{"tag", t.Tag}, {"definition_type", t.Type}, {"definition", t.Definition}}})
	}
	f.add("tag_definitions", tags)
	f.add("authorized_keys", r.AuthorizedKeys)
	if r.Repositories == nil {
		return f
	}
	list := Fields{{"remove_unlisted", r.Repositories.RemoveUnlisted}}
	for _, p := range r.Repositories.List {
		one := Fields{}
		one.add("url", p.URL)
		one.add("repo_type", p.Type)
		one.add("gpgkey", p.GPGKey)
		one.add("distributions", p.Distributions)
		one.add("subrepos", p.Subrepos)
		one.add("components", p.Components)
		one.add("arches", p.Arches)
		one.add("options", p.Options)
		list = append(list, Field{p.Name, one})
	}
	f.add("repositories", list)
	return f
}

// Plain returns the rack as plain values.
func (r *Rack) Plain() Fields {
	var f, switches Fields
	for _, s := range r.Switches {
		one := Fields{}
		one.add("mgmt_ip", s.MgmtIP)
		one.add("sdn_api_uri", s.SDNAPIURI)
		switches = append(switches, Field{s.Name, one})
	}
	f.add("tor_switches", switches)
	f.add("location", r.Location)
	f.add("local_networks", r.LocalNetworks)
	f.add("labels", r.Labels)
	return f
}

// Plain returns the link as plain values, its defaults included.
func (l *NetworkLink) Plain() Fields {
	var f Fields
	f.add("labels", l.Labels)
	bonding := Fields{{"mode", l.Bonding.Mode}}
	bonding.add("hash", l.Bonding.Hash)
	bonding.add("peer_rate", l.Bonding.PeerRate)
	bonding.add("mon_rate", l.Bonding.MonRate)
	bonding.add("up_delay", l.Bonding.UpDelay)
	bonding.add("down_delay", l.Bonding.DownDelay)
	f.add("bonding", bonding)
	f.add("mtu", l.MTU)
	f.add("linkspeed", l.Speed)
	trunking := Fields{{"mode", l.Trunking}}
	trunking.add("default_network", l.NativeNetwork)
	f.add("trunking", trunking)
	f.add("allowed_networks", l.AllowedNetworks)
	return f
}

// Plain returns the network as plain values, after Compile with the routes of its route domains.
func (n *Network) Plain() Fields {
	var f, relay Fields
	var ranges, routes Items
	f.add("labels", n.Labels)
	f.add("cidr", n.CIDR)
	f.add("vlan", n.VLAN)
	f.add("routedomain", n.RouteDomain)
	f.add("mtu", n.MTU)
	dns := Fields{{"domain", n.DNSDomain}}
	dns.add("servers", n.DNSServers)
	f.add("dns", dns)
	for _, r := range n.Ranges {
		one := Fields{}
		one.add("type", r.Type)
		one.add("start", r.Start)
		one.add("end", r.End)
		ranges = append(ranges, Item{Value: one})
	}
	f.add("ranges", ranges)
	for _, r := range n.Routes {
		one := Fields{}
		one.add("subnet", r.Subnet)
		one.add("gateway", r.Gateway)
		one.add("metric", r.Metric)
		one.add("routedomain", r.RouteDomain)
		routes = append(routes, Item{r.Subnet.V, one})
	}
	f.add("routes", routes)
	relay.add("self_ip", n.RelaySelfIP)
	relay.add("upstream_target", n.RelayFor)
	f.add("dhcp_relay", relay)
	return f
}

// Plain returns the profile as plain values.
func (h *HardwareProfile) Plain() Fields {
	var f, aliases, pages Fields
	f.add("vendor", h.Vendor)
	f.add("generation", h.Generation)
	f.add("hw_version", h.HWVersion)
	f.add("bios_version", h.BIOSVersion)
	f.add("boot_mode", h.BootMode)
	f.add("bootstrap_protocol", h.BootstrapProtocol)
	f.add("pxe_interface", h.PXEInterface)
	for _, a := range h.Aliases {
		one := Fields{{"address", a.Address}, {"bus_type", a.BusType}}
		one.add("dev_type", a.DevType)
		aliases = append(aliases, Field{a.Alias, one})
	}
	f.add("device_aliases", aliases)
	f.add("cpu_sets", h.CPUSets)
	for _, p := range h.Hugepages {
		pages = append(pages, Field{p.Name, Fields{{"size", p.Size}, {"count", p.Count}}})
	}
	f.add("hugepages", pages)
	return f
}

// Plain returns the boot action as plain values. Targets are not among them: they follow from the filter and the nodes.
func (b *BootAction) Plain() Fields {
	f := Fields{{"signaling", b.Signaling}}
	var assets Items
	for i := range b.Assets {
		a := &b.Assets[i]
		one := Fields{{"type", a.Type}}
		one.add("path", a.Path)
		one.add("location", a.Location)
		one.add("data", a.Data)
		one.add("data", a.Packages) // an asset has the one or the other
		one.add("location_pipeline", a.LocationPipeline)
		one.add("data_pipeline", a.DataPipeline)
		if a.Permissions.Set {
			one.add("permissions", fmt.Sprintf("%04o", a.Permissions.V))
		}
		assets = append(assets, Item{a.Path.V, one})
	}
	f.add("assets", assets)
	if b.Filter != nil {
		f.add("node_filter", b.Filter.Plain())
	}
	return f
}

// Plain returns the filter as plain values.
func (f *NodeFilter) Plain() Fields {
	var set Items
	for i := range f.Filters {
		c := &f.Filters[i]
		one := Fields{{"filter_type", c.Type}}
		one.add("node_names", c.Names)
		one.add("node_tags", c.Tags)
		one.add("rack_names", c.Racks)
		one.add("node_labels", c.Labels)
		one.add("rack_labels", c.RackLabels)
		set = append(set, Item{Value: one})
	}
	fields := Fields{{"filter_set_type", f.SetType}}
	fields.add("filter_set", set)
	return fields
}
