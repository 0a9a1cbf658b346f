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

// targets are what references to a hardware profile can stand for.
type targets struct {
	sets  map[string]string
	pages map[string]*Hugepages
}

func (h *HardwareProfile) targets() targets {
	t := targets{make(map[string]string, len(h.CPUSets)), make(map[string]*Hugepages, len(h.Hugepages))}
	for _, s := range h.CPUSets {
		t.sets[s.Key] = s.Value
	}
	for i := range h.Hugepages {
		t.pages[h.Hugepages[i].Name] = &h.Hugepages[i]
	}
	return t
}

// resolve returns what a kernel parameter's value stands for. If it is no reference, ok is false and problem empty; a problem says why a
// reference stands for nothing.
func (t targets) resolve(value string) (resolved string, ok bool, problem string) {
	rest, is := strings.CutPrefix(value, referencePrefix)
	if !is {
		return "", false, ""
	}
	what, name, _ := strings.Cut(rest, ".")
	switch {
	case what == "cpuset" && name != "":
		if set, known := t.sets[name]; known {
			return set, true, ""
		}
		return "", false, "there is no cpu set of that name"
	case what == "hugepages" && strings.Contains(name, "."):
		name, field, _ := strings.Cut(name, ".")
		pages := t.pages[name]
		switch {
		case pages == nil:
			return "", false, "there are no hugepages of that name"
		case field == "size":
			return pages.Size, true, ""
		case field == "count":
			return strconv.Itoa(pages.Count), true, ""
		}
		return "", false, "hugepages have size and count"
	}
	return "", false, "references are hardwareprofile:cpuset.NAME, hardwareprofile:hugepages.NAME.size and hardwareprofile:hugepages.NAME.count"
}
