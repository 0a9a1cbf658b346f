package site

import "sync"

// Design is what a set of documents says about a site: as it was written, or, after Compile, with all that is inherited. It is not changed
// once it has been made, so it can be shared; it may not be copied. Everything stands in the order of the documents.
type Design struct {
	Digest    string // sha256 of the source, lower-case hex
	Size      int    // bytes of the source
	Documents []Document

	Regions          []*Region
	Racks            []*Rack
	Links            []*NetworkLink
	Networks         []*Network
	HardwareProfiles []*HardwareProfile
	HostProfiles     []*HostProfile
	Nodes            []*BaremetalNode
	BootActions      []*BootAction

	indexed sync.Once
	index   index
}

// index finds parts of a design by name.
type index struct {
	racks    map[string]*Rack
	links    map[string]*NetworkLink
	networks map[string]*Network
	hardware map[string]*HardwareProfile
	hosts    map[string]*HostProfile
	nodes    map[string]*BaremetalNode
}

// Document is one document of a design that this service understands.
type Document struct {
	Ref
	Kind string // "BaremetalNode"
	Line int    // 1-based line where it begins
}

// Count returns how many documents of each kind there are.
func (d *Design) Count() map[string]int {
	n := map[string]int{}
	for i := range d.Documents {
		n[d.Documents[i].Kind]++
	}
	return n
}

// Site returns the region that counts: the last one; nil if there is none.
func (d *Design) Site() *Region {
	if len(d.Regions) == 0 {
		return nil
	}
	return d.Regions[len(d.Regions)-1]
}

// Rack returns the rack of that name, or nil.
func (d *Design) Rack(name string) *Rack { return d.find().racks[name] }

// Link returns the network link of that name, or nil.
func (d *Design) Link(name string) *NetworkLink { return d.find().links[name] }

// Network returns the network of that name, or nil.
func (d *Design) Network(name string) *Network { return d.find().networks[name] }

// HardwareProfile returns the hardware profile of that name, or nil.
func (d *Design) HardwareProfile(name string) *HardwareProfile { return d.find().hardware[name] }

// HostProfile returns the host profile of that name, or nil.
func (d *Design) HostProfile(name string) *HostProfile { return d.find().hosts[name] }

// Node returns the node of that name, or nil.
func (d *Design) Node(name string) *BaremetalNode { return d.find().nodes[name] }

// find builds the index when it is first asked for.
func (d *Design) find() *index {
	d.indexed.Do(func() {
		d.index = index{
			racks:    byName(d.Racks, func(r *Rack) string { return r.Name }),
			links:    byName(d.Links, func(l *NetworkLink) string { return l.Name }),
			networks: byName(d.Networks, func(n *Network) string { return n.Name }),
			hardware: byName(d.HardwareProfiles, func(h *HardwareProfile) string { return h.Name }),
			hosts:    byName(d.HostProfiles, func(h *HostProfile) string { return h.Name }),
			nodes:    byName(d.Nodes, func(n *BaremetalNode) string { return n.Name }),
		}
	})
	return &d.index
}

// byName maps parts by their name; of several with one name the first counts.
func byName[T any](list []*T, name func(*T) string) map[string]*T {
	m := make(map[string]*T, len(list))
	for _, p := range list {
		if _, again := m[name(p)]; !again {
			m[name(p)] = p
		}
	}
	return m
}
