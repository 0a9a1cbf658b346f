package site

// Design is what a set of documents says about a site. It is not changed once it has been made, so it can be shared.
type Design struct {
	Digest    string // sha256 of the source, lower-case hex
	Size      int    // bytes of the source
	Documents []Document
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
