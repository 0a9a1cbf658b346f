package site

// Interface is a network device of a node: one port, or a bond of several.
type Interface struct {
	Name      string
	Link      Opt[string]
	Slaves    []string   // aliases of the hardware profile, or the operating system's names
	Selectors []Selector // one for each slave; made by Compile
	Networks  []string
	SRIOV     *SRIOV // nil: off
}

// SRIOV is how an interface is divided.
type SRIOV struct {
	VFs     int
	Trusted bool
}

// Selector says how a device is found on the machine.
type Selector struct {
	Type    string // SelectAddress, SelectName
	Address string
	DevType Opt[string]
}

// The types of selectors.
const (
	SelectAddress = "address"
	SelectName    = "name"
)
