package design

import (
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

func (b *builder) region(n *yaml.Node) *site.Region {
	r := &site.Region{Ref: b.d.ref, AuthorizedKeys: b.texts(b.member(n, "authorized_keys"))}
	for _, t := range b.items(b.member(n, "tag_definitions")) {
		r.Tags = append(r.Tags, site.TagDefinition{
			Tag: b.text(t, "tag").V, Type: b.text(t, "definition_type").V, Definition: b.text(t, "definition").V,
		})
	}
	list := b.entries(b.member(n, "repositories"))
	if len(list) == 0 {
		return r
	}
	r.Repositories = &site.Repositories{RemoveUnlisted: b.truth(b.member(n, "repositories"), "remove_unlisted").V}
	for _, e := range list {
		if e.key != "remove_unlisted" {
			r.Repositories.List = append(r.Repositories.List, b.repository(e))
		}
	}
	return r
}

func (b *builder) repository(e entry) site.Repository {
	return site.Repository{
		Name: e.key, URL: b.text(e.value, "url"), Type: b.text(e.value, "repo_type"), GPGKey: b.text(e.value, "gpgkey"),
		Distributions: b.texts(b.member(e.value, "distributions")), Subrepos: b.texts(b.member(e.value, "subrepos")),
		Components: b.texts(b.member(e.value, "components")), Arches: b.texts(b.member(e.value, "arches")),
		Options: b.attrs(b.member(e.value, "options")),
	}
}

func (b *builder) rack(n *yaml.Node) *site.Rack {
	r := &site.Rack{
		Ref: b.d.ref, Location: b.attrs(b.member(n, "location")), Labels: b.attrs(b.member(n, "labels")),
		LocalNetworks: b.texts(b.member(n, "local_networks")),
	}
	for _, e := range b.entries(b.member(n, "tor_switches")) {
		r.Switches = append(r.Switches, site.Switch{Name: e.key, MgmtIP: b.text(e.value, "mgmt_ip"), SDNAPIURI: b.text(e.value, "sdn_api_uri")})
	}
	return r
}

func (b *builder) networkLink(n *yaml.Node) *site.NetworkLink {
	trunking := b.member(n, "trunking")
	return &site.NetworkLink{
		Ref: b.d.ref, Labels: b.attrs(b.member(n, "labels")), Bonding: b.bonding(b.member(n, "bonding")),
		MTU: or(b.integer(n, "mtu"), 1500), Speed: or(b.text(n, "linkspeed"), "auto"),
		Trunking: or(b.text(trunking, "mode"), site.TrunkDisabled), NativeNetwork: b.text(trunking, "default_network"),
		AllowedNetworks: b.texts(b.member(n, "allowed_networks")),
	}
}

// bonding reads what the mode uses, with its defaults.
func (b *builder) bonding(n *yaml.Node) site.Bonding {
	bond := site.Bonding{Mode: or(b.text(n, "mode"), site.BondDisabled)}
	if bond.Mode == site.BondDisabled {
		return bond
	}
	bond.MonRate = b.integer(n, "mon_rate").Or(site.Some(100))
	bond.UpDelay = b.integer(n, "up_delay").Or(site.Some(200))
	bond.DownDelay = b.integer(n, "down_delay").Or(site.Some(200))
	if bond.Mode == site.Bond8023AD {
		bond.Hash = b.text(n, "hash").Or(site.Some("layer3+4"))
		bond.PeerRate = b.text(n, "peer_rate").Or(site.Some("fast"))
	}
	return bond
}

func (b *builder) network(n *yaml.Node) *site.Network {
	dns, relay := b.member(n, "dns"), b.member(n, "dhcp_relay")
	net := &site.Network{
		Ref: b.d.ref, Labels: b.attrs(b.member(n, "labels")), CIDR: b.text(n, "cidr").V, VLAN: b.text(n, "vlan"),
		RouteDomain: b.text(n, "routedomain"), MTU: b.integer(n, "mtu"), DNSDomain: or(b.text(dns, "domain"), "local"), DNSServers: b.text(dns, "servers"),
		RelaySelfIP: b.text(relay, "self_ip"), RelayFor: b.text(relay, "upstream_target"),
	}
	for _, r := range b.items(b.member(n, "ranges")) {
		net.Ranges = append(net.Ranges, site.Range{Type: b.text(r, "type"), Start: b.text(r, "start"), End: b.text(r, "end")})
	}
	for _, r := range b.items(b.member(n, "routes")) {
		net.Routes = append(net.Routes, site.Route{
			Subnet: b.text(r, "subnet"), Gateway: b.text(r, "gateway"), Metric: b.text(r, "metric"), RouteDomain: b.text(r, "routedomain"),
		})
	}
	return net
}
