package site

import (
	"fmt"
	"slices"
	"strings"
)

// BaremetalNode is a machine.
type BaremetalNode struct {
	Ref
	Host
	Addressing []Address
	BootMAC    Opt[string]
	Incomplete bool // in an effective design: something that the node inherits is missing, so what it lacks says nothing
}

// Address is what a node is called on a network.
type Address struct {
	Network string
	IP      Opt[string] // left out: given by DHCP
}

// HasTag reports whether the node has the tag.
func (n *BaremetalNode) HasTag(tag string) bool { return slices.Contains(n.Tags, tag) }

// Domain returns the domain of the node's name: that of its primary network, otherwise "local".
func (d *Design) Domain(n *BaremetalNode) string {
	if net := d.Network(n.PrimaryNetwork.V); n.PrimaryNetwork.Set && net != nil && net.DNSDomain != "" {
		return net.DNSDomain
	}
	return "local"
}

// FQDN returns the node's name with its domain.
func (d *Design) FQDN(n *BaremetalNode) string { return n.Name + "." + d.Domain(n) }

// KernelCommandLine returns the kernel's parameters as one text, hugepages first. ok is false if it has the size of hugepages without their number.
func (n *BaremetalNode) KernelCommandLine() (line string, ok bool) {
	const size, count = "hugepagesz", "hugepages"
	var b strings.Builder
	sz, sized := n.KernelParams.Get(size)
	if sized {
		c, counted := n.KernelParams.Get(count)
		if !counted {
			return "", false
		}
		fmt.Fprintf(&b, "%s=%s %s=%s", size, sz, count, c)
	}
	for _, p := range n.KernelParams {
		switch {
		case sized && (p.Key == size || p.Key == count):
		case p.Value == "True":
			b.WriteString(" " + p.Key)
		default:
			b.WriteString(" " + p.Key + "=" + p.Value)
		}
	}
	return b.String(), true
}
