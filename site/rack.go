package site

// Rack is a cabinet with its switches.
type Rack struct {
	Ref
	Switches      []Switch
	Location      Attrs
	LocalNetworks []string
	Labels        Attrs // what node filters match as rack_labels
}

// Switch is a top-of-rack switch.
type Switch struct {
	Name              string
	MgmtIP, SDNAPIURI Opt[string]
}
