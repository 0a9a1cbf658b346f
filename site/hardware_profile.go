package site

import (
	"strconv"
	"strings"
)

// HardwareProfile is what nodes of one make have in common.
type HardwareProfile struct {
	Ref
	Vendor, Generation, HWVersion, BIOSVersion Opt[string]
	BootMode, BootstrapProtocol, PXEInterface  Opt[string]
	Aliases                                    []DeviceAlias
	CPUSets                                    Attrs
	Hugepages                                  []Hugepages
}

// DeviceAlias is a name for a device that stands at a known place.
type DeviceAlias struct {
	Alias, Address, BusType string
	DevType                 Opt[string]
}

// Hugepages is a reservation of memory pages that kernel parameters can refer to.
type Hugepages struct {
	Name, Size string
	Count      int
}

// referencePrefix begins a kernel parameter that stands for something of the node's hardware profile.
const referencePrefix = "hardwareprofile:"

// reference returns what a kernel parameter's value stands for. If it is no reference, ok and problem are both empty; a problem says why a
// reference stands for nothing.
func (h *HardwareProfile) reference(value string) (resolved string, ok bool, problem string) {
	rest, is := strings.CutPrefix(value, referencePrefix)
	if !is {
		return "", false, ""
	}
	what, name, _ := strings.Cut(rest, ".")
	switch {
	case what == "cpuset" && name != "":
		if set, known := h.CPUSets.Get(name); known {
			return set, true, ""
		}
		return "", false, "there is no cpu set of that name"
	case what == "hugepages" && strings.Contains(name, "."):
		name, field, _ := strings.Cut(name, ".")
		for i := range h.Hugepages {
			switch {
			case h.Hugepages[i].Name != name:
			case field == "size":
				return h.Hugepages[i].Size, true, ""
			case field == "count":
				return strconv.Itoa(h.Hugepages[i].Count), true, ""
			default:
				return "", false, "hugepages have size and count"
			}
		}
		return "", false, "there are no hugepages of that name"
	}
	return "", false, "references are hardwareprofile:cpuset.NAME, hardwareprofile:hugepages.NAME.size and hardwareprofile:hugepages.NAME.count"
}
