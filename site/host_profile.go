package site

// Host is what host profiles and nodes have in common. A profile passes it on to those that name it as their parent.
type Host struct {
	Profile                                              Opt[string] // the parent, a HostProfile
	HardwareProfile, PrimaryNetwork, Rack, Image, Kernel Opt[string]
	OOBType                                              Opt[string]
	OOB                                                  Attrs // what the type of out-of-band management needs
	Devices                                              []Device
	Groups                                               []VolumeGroup
	Interfaces                                           []Interface
	Tags                                                 []string
	OwnerData, KernelParams                              Attrs
}

// HostProfile is what some nodes have in common.
type HostProfile struct {
	Ref
	Host
}
