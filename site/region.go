package site

import (
	"slices"
)

// Region says what holds for the whole site.
type Region struct {
	Ref
	Tags           []TagDefinition
	AuthorizedKeys []string
	Repositories   *Repositories // nil: none are said
}

// TagDefinition gives a tag to nodes whose hardware matches.
type TagDefinition struct{ Tag, Type, Definition string }

// Repositories are where nodes get packages.
type Repositories struct {
	RemoveUnlisted bool // the distribution's own are removed
	List           []Repository
}

// Repository is one source of packages.
type Repository struct {
	Name               string
	URL, Type, GPGKey  Opt[string]
	Distributions      []string
	Subrepos           []string
	Components, Arches []string // Arches empty: amd64
	Options            Attrs
}

// DisabledComponents returns the standard components of an apt repository that are not enabled, sorted.
func (r *Repository) DisabledComponents() []string {
	return r.missing([]string{"main", "multiverse", "restricted", "universe"}, r.Components)
}

// DisabledSubrepos returns the standard sub-repositories of an apt repository that are not enabled, sorted.
func (r *Repository) DisabledSubrepos() []string {
	return r.missing([]string{"backports", "security", "updates"}, r.Subrepos)
}

func (r *Repository) missing(standard, enabled []string) []string {
	var list []string
	for _, name := range standard {
		if r.Type.V == "apt" && !slices.Contains(enabled, name) {
			list = append(list, name)
		}
	}
	return list
}
