package asset

import (
	"encoding/hex"

	"drydock/asset/jinja"
	"drydock/site"
)

// nodeVars are what templates know as node.
func nodeVars(d *site.Design, n *site.BaremetalNode) *jinja.Dict {
	tags := make([]any, len(n.Tags))
	for i, tag := range n.Tags {
		tags[i] = tag
	}
	return jinja.NewDict().
		Set("hostname", n.Name).Set("domain", d.Domain(n)).Set("tags", tags).Set("labels", attrs(n.OwnerData)).
		Set("network", networkVars(d, n)).Set("interfaces", interfaceVars(n))
}

func attrs(list site.Attrs) *jinja.Dict {
	d := jinja.NewDict()
	for _, a := range list {
		if a.Null {
			d.Set(a.Key, nil)
		} else {
			d.Set(a.Key, a.Value)
		}
	}
	return d
}

// networkVars are the networks where the node has an address of its own, and the primary one as default, unless a network is called so.
func networkVars(d *site.Design, n *site.BaremetalNode) *jinja.Dict {
	all := jinja.NewDict()
	const alias = "default"
	var primary *jinja.Dict
	taken := false
	for _, a := range n.Addressing {
		net := d.Network(a.Network)
		if net == nil || !a.IP.Set {
			continue
		}
		one := jinja.NewDict().Set("ip", a.IP.V).Set("cidr", net.CIDR).Set("dns_suffix", net.DNSDomain)
		all.Set(a.Network, one)
		taken = taken || a.Network == alias
		if n.PrimaryNetwork == site.Some(a.Network) {
			primary = one
		}
	}
	if primary != nil && !taken {
		all.Set(alias, primary)
	}
	return all
}

func interfaceVars(n *site.BaremetalNode) *jinja.Dict {
	all := jinja.NewDict()
	for i := range n.Interfaces {
		one := jinja.NewDict().Set("sriov", n.Interfaces[i].SRIOV != nil)
		if s := n.Interfaces[i].SRIOV; s != nil {
			one.Set("vf_count", s.VFs).Set("trustedmode", s.Trusted)
		}
		all.Set(n.Interfaces[i].Name, one)
	}
	return all
}

// actionVars are what templates know as action.
func actionVars(id string, key []byte, reportURL, designRef string) *jinja.Dict {
	return jinja.NewDict().Set("action_id", id).Set("action_key", hex.EncodeToString(key)).
		Set("report_url", reportURL).Set("design_ref", designRef)
}
