package rules

import (
	"strings"

	"drydock/site"
)

const (
	maxName  = 255
	maxLabel = 63
)

// hostname checks that the full names of nodes are names for the DNS.
func hostname(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		fqdn := d.FQDN(n)
		at := Place{ref: n.Ref, keys: [5]string{"metadata", "name"}, n: 2}
		if len(fqdn) > maxName {
			r.Errorf(at, "shorten the name or the domain", "the name %s has %d characters; at most %d are allowed", fqdn, len(fqdn), maxName)
		}
		for label := range strings.SplitSeq(fqdn, ".") {
			if !isLabel(label) {
				r.Errorf(at, "labels are 1 to 63 letters, digits and hyphens, without a hyphen at either end (RFC 1035)", "the label %q in the name %s is not valid", label, fqdn)
			}
		}
	})
}

func isLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}
