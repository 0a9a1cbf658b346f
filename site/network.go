package site

// Network is an address space that links carry.
type Network struct {
	Ref
	Labels                Attrs
	CIDR                  string // as written; nothing has looked at it
	VLAN, RouteDomain     Opt[string]
	MTU                   Opt[int]
	DNSDomain             string // "local" unless the document says otherwise
	DNSServers            Opt[string]
	Ranges                []Range
	Routes                []Route
	RelaySelfIP, RelayFor Opt[string] // DHCP relay: own address, where requests go
}

// Range is a part of a network's addresses with one use.
type Range struct{ Type, Start, End Opt[string] }

// Route is one way out of a network. One with a RouteDomain stands for a route to each other network of that domain; Compile adds those.
type Route struct {
	Subnet, Gateway, Metric, RouteDomain Opt[string]
	Rendered                             bool // made by Compile
}

// DefaultGateway returns the gateway of the first route to 0.0.0.0/0.
func (n *Network) DefaultGateway() Opt[string] {
	for i := range n.Routes {
		if n.Routes[i].Subnet == Some("0.0.0.0/0") {
			return n.Routes[i].Gateway
		}
	}
	return Opt[string]{}
}
