package site

import (
	"fmt"
	"strconv"
)

// CodeCompile is the code of what Compile finds. Upstream has none: there the first such thing ends the run.
const CodeCompile = "DD002"

const (
	// maxCompileFindings is how many findings Compile lists.
	maxCompileFindings = 5000
	// maxRendered is how many routes between networks of one domain are made. Their number grows with the square of the networks.
	maxRendered = 1_000_000
	// maxInherited is how many parts hosts inherit in all. A large profile times many nodes is more than a machine can hold.
	maxInherited = 20_000_000
	// maxScoped is how often a node is held against a filter of a boot action.
	maxScoped = 50_000_000
)

// Compile returns the design with everything that is inherited: host profiles of any depth, hardware profiles, references of kernel
// parameters, routes of route domains and the targets of boot actions. It depends on nothing but d and never changes it; what both have in
// common is shared. A part that cannot be compiled is a finding, and the others are compiled all the same; a node that lacks something it
// should inherit is marked Incomplete.
func Compile(d *Design) (*Design, []Finding) {
	c := &compiler{
		designed: d, profiles: map[string]*lineage{}, aliases: map[*HardwareProfile]map[string]*DeviceAlias{}, odd: map[*DeviceAlias]bool{},
		interfaces: map[interfaceKey][]Interface{}, params: map[paramKey]references{}, targets: map[*HardwareProfile]targets{},
		parts: maxInherited, scoped: maxScoped,
	}
	e := &Design{
		Digest: d.Digest, Size: d.Size, Documents: d.Documents, Regions: d.Regions, Racks: d.Racks, Links: d.Links,
		HardwareProfiles: d.HardwareProfiles, Networks: c.routes(d.Networks),
	}
	for _, n := range d.Nodes {
		e.Nodes = append(e.Nodes, c.node(n))
	}
	c.unused = true
	for _, p := range d.HostProfiles {
		if used, ok := c.profiles[p.Name]; ok {
			p = &HostProfile{Ref: p.Ref, Host: used.host}
		} else {
			c.profile(p) // for what is wrong with it; it stays as designed
		}
		e.HostProfiles = append(e.HostProfiles, p)
	}
	e.BootActions = c.bootActions(e)
	c.names(e)
	return e, c.findings
}

// compiler is the state of one Compile.
type compiler struct {
	designed *Design
	findings []Finding
	unused   bool // profiles are compiled that no node needs
	parts    int  // that may still be inherited
	scoped   int  // nodes that may still be held against filters
	profiles map[string]*lineage

	aliases    map[*HardwareProfile]map[string]*DeviceAlias // of several with one name the one on the PCI bus
	odd        map[*DeviceAlias]bool                        // have been reported
	interfaces map[interfaceKey][]Interface                 // nodes of one profile share their interfaces
	params     map[paramKey]references
	targets    map[*HardwareProfile]targets
}

// lineage is a host with what it inherits. It is broken if something of that is missing.
type lineage struct {
	host   Host
	broken bool
	size   int // parts of host
}

func (c *compiler) add(level Level, ref Ref, path, diagnostic, text string) {
	switch n := len(c.findings); {
	case n == maxCompileFindings:
		c.findings = append(c.findings, Finding{Code: CodeCompile, Level: Error, Text: "there are more findings about what is inherited; they are not listed"})
	case n < maxCompileFindings:
		c.findings = append(c.findings, Finding{
			Code: CodeCompile, Level: level, Text: OneLine(title(ref) + ": " + text), Diagnostic: OneLine(diagnostic), Docs: []Ref{ref}, Path: path,
		})
	}
}

// title is how texts name a document: its kind and name.
func title(r Ref) string {
	return kindOf(r.Schema) + " " + strconv.Quote(r.Name)
}

func (c *compiler) node(n *BaremetalNode) *BaremetalNode {
	own := c.inherit(n.Ref, &n.Host)
	e := *n
	e.Host, e.Incomplete = own.host, own.broken
	hw := c.designed.HardwareProfile(e.HardwareProfile.V)
	const path = "/data/hardware_profile"
	switch {
	case hw != nil && e.HardwareProfile.Set:
	case own.broken:
		return &e // what is missing has been reported
	case !e.HardwareProfile.Set:
		c.add(Error, n.Ref, path, "set hardware_profile in the node or in a profile that it inherits from", "no hardware profile is named, here or in a host profile")
		e.Incomplete = true
		return &e
	default:
		c.add(Error, n.Ref, path, "define the profile or correct the name", fmt.Sprintf("the hardware profile %q is not in the design", e.HardwareProfile.V))
		e.Incomplete = true
		return &e
	}
	e.Interfaces = c.selectors(e.Interfaces, hw)
	resolved := c.references(e.KernelParams, hw)
	e.KernelParams = resolved.params
	for _, p := range resolved.problems {
		c.add(Error, n.Ref, "/data/platform/kernel_params/"+pointerToken(p.key), "correct the reference, or define in "+title(hw.Ref)+" what it names",
			fmt.Sprintf("the kernel parameter %s refers to %q: %s", p.key, p.value, p.problem))
	}
	return &e
}

// bootActions finds the nodes that each boot action is for.
func (c *compiler) bootActions(e *Design) []*BootAction {
	var all []string
	if len(c.designed.BootActions) > 0 {
		all, _ = e.Select(nil) // no filter cannot be wrong
	}
	var list []*BootAction
	for _, b := range c.designed.BootActions {
		scoped := *b
		scoped.Targets = all
		if b.Filter != nil {
			const path = "/data/node_filter"
			if c.scoped -= len(e.Nodes) * (1 + len(b.Filter.Filters)); c.scoped < 0 {
				c.add(Error, b.Ref, path, "use fewer filters", "there are too many boot actions with filters for this many nodes; this one was not given any")
				scoped.Targets = nil
				list = append(list, &scoped)
				continue
			}
			names, err := e.Select(b.Filter)
			if err != nil {
				c.add(Error, b.Ref, path, "a filter is an intersection or a union of its criteria", "the node filter cannot be used: "+err.Error())
			} else if !b.Filter.Constrains() {
				c.add(Warning, b.Ref, path, "remove node_filter if the boot action is for every node", "the node filter has no criterion, so it selects no node")
			}
			scoped.Targets = names
		}
		list = append(list, &scoped)
	}
	return list
}
