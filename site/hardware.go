package site

import (
	"fmt"
	"strings"
)

// interfaceKey tells one list of interfaces from another. Lists are shared, never changed, so where a list begins says which it is.
type interfaceKey struct {
	first *Interface
	n     int
	hw    *HardwareProfile
}

type paramKey struct {
	first *Attr
	n     int
	hw    *HardwareProfile
}

// references are kernel parameters with their references resolved, and those that could not be.
type references struct {
	params   Attrs
	problems []badReference
}

type badReference struct{ key, value, problem string }

// selectors returns the interfaces with a selector for each slave: by address if the hardware profile has an alias on the PCI bus for it,
// otherwise by name.
func (c *compiler) selectors(list []Interface, hw *HardwareProfile) []Interface {
	if len(list) == 0 {
		return list
	}
	key := interfaceKey{&list[0], len(list), hw}
	if done, ok := c.interfaces[key]; ok {
		return done
	}
	aliases, ok := c.aliases[hw]
	if !ok {
		aliases = map[string]*DeviceAlias{}
		for i := range hw.Aliases {
			a := &hw.Aliases[i]
			if other := aliases[a.Alias]; other == nil || a.BusType == busPCI && other.BusType != busPCI {
				aliases[a.Alias] = a
			}
		}
		c.aliases[hw] = aliases
	}
	done := make([]Interface, len(list))
	for i := range list {
		done[i] = list[i]
		done[i].Selectors = nil
		for _, slave := range list[i].Slaves {
			s := Selector{Type: SelectName, Address: slave}
			if a := aliases[slave]; a != nil && a.BusType == busPCI {
				s = Selector{Type: SelectAddress, Address: a.Address, DevType: a.DevType}
			} else if a != nil {
				c.otherBus(hw, a)
			}
			done[i].Selectors = append(done[i].Selectors, s)
		}
	}
	c.interfaces[key] = done
	return done
}

// busPCI is the bus on which interfaces are looked for.
const busPCI = "pci"

// otherBus reports, once, an alias that interfaces name although they are looked for elsewhere.
func (c *compiler) otherBus(hw *HardwareProfile, a *DeviceAlias) {
	if !c.odd[a] {
		c.odd[a] = true
		c.add(Warning, hw.Ref, "/data/device_aliases/"+pointerToken(a.Alias), "correct the bus_type, or give the interfaces another slave",
			fmt.Sprintf("the alias %q is on the bus %q; interfaces are looked for on the bus %s, so there it is taken for the name of a device", a.Alias, a.BusType, busPCI))
	}
}

// references resolves what kernel parameters refer to. A reference that stands for nothing is left as it is.
func (c *compiler) references(params Attrs, hw *HardwareProfile) references {
	if len(params) == 0 {
		return references{params: params}
	}
	key := paramKey{&params[0], len(params), hw}
	if done, ok := c.params[key]; ok {
		return done
	}
	known, ok := c.targets[hw]
	if !ok {
		known = hw.targets()
		c.targets[hw] = known
	}
	done := references{params: params}
	for i, p := range params {
		value, ok, problem := known.resolve(p.Value)
		switch {
		case problem != "":
			done.problems = append(done.problems, badReference{p.Key, p.Value, problem})
		case ok:
			if &done.params[0] == &params[0] {
				done.params = append(Attrs{}, params...)
			}
			done.params[i].Value = value
		}
	}
	c.params[key] = done
	return done
}

// kindOf is the kind that a schema names.
func kindOf(schema string) string {
	parts := strings.Split(schema, "/")
	if len(parts) < 2 {
		return schema
	}
	return parts[1]
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// pointerToken is a key as part of a JSON pointer.
func pointerToken(key string) string { return pointerEscape.Replace(key) }
