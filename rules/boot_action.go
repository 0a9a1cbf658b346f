package rules

import (
	"regexp"
	"strconv"

	"drydock/site"
)

// bootActionDefined checks that there is a boot action for every node, and that boot actions can do what they say.
func bootActionDefined(d *site.Design, r *Report) {
	targeted := make(map[string]bool, len(d.Nodes))
	for _, b := range d.BootActions {
		for _, name := range b.Targets {
			targeted[name] = true
		}
		if len(targeted) == len(d.Nodes) {
			break
		}
	}
	complete(d, func(n *site.BaremetalNode) {
		if !targeted[n.Name] {
			r.Warnf(of(n.Ref), "nodes usually have something to do after they were deployed", "no boot action is for node %s", n.Name)
		}
	})
	for _, b := range d.BootActions {
		checkAssets(r, b)
	}
}

// version is a Debian package version: [epoch:]upstream[-revision].
var version = regexp.MustCompile(`^(?:\d+:)?[a-zA-Z0-9.+~-]+$`)

// packageList checks that lists of packages have packages, with versions that are some.
func packageList(d *site.Design, r *Report) {
	for _, b := range d.BootActions {
		for i := range b.Assets {
			a := &b.Assets[i]
			if a.Type != site.AssetPackages {
				continue
			}
			at := in(b.Ref, "assets", strconv.Itoa(i))
			if a.Location.V == "" && len(a.Packages) == 0 {
				r.Errorf(at, "give the asset data with packages, or a location", "an asset of boot action %s is a pkg_list without packages", b.Name)
			}
			for _, p := range a.Packages {
				if p.Value != "" && !version.MatchString(p.Value) {
					r.Errorf(at, "versions are [epoch:]version[-revision]; null is any version", "the version %q of package %s in boot action %s is not one of a Debian package", p.Value, p.Key, b.Name)
				}
			}
		}
	}
}
