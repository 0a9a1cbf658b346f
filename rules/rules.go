package rules

import (
	"fmt"
	"strings"

	"drydock/site"
)

// Rule is one thing that a site must satisfy.
type Rule struct {
	Code, Name string // "DD2003", "MTU Rationality"
	Check      func(d *site.Design, r *Report)
}

// All returns the rules in the order in which they report.
func All() []Rule {
	return []Rule{
		{"DD1001", "Rational Boot Storage", bootStorage},
		{"DD2006", "CIDR Validity", cidr},
		{"DD1008", "Hugepages", hugepages},
		{"DD2002", "IP Locality Check", locality},
		{"DD2003", "MTU Rationality", mtu},
		{"DD2004", "Network Trunking Rationalty", trunking}, // sic: upstream's name
		{"DD2005", "Duplicated IP Check", duplicateAddress},
		{"DD3001", "Platform Selection", platform},
		{"DD1006", "Network Bond Rationality", bond},
		{"DD2002", "Storage Partitioning", partitioning},
		{"DD2003", "Storage Sizing", sizing},
		{"DD2004", "Storage Mountpoint", mountpoint},
		{"DD1007", "Allowed Network Check", allowedNetwork},
		{"DD3003", "Hostname Validity", hostname},
		{"DD4001", "Valid IPMI Configuration", ipmi},
		{"DD4002", "Valid Libvirt Configuration", libvirt},
		{"DD4001", "Bootaction Definition", bootActionDefined},
		{"DD4002", "Bootaction pkg_list Validation", packageList},
	}
}

// Check holds an effective design against every rule and returns what they found, rule by rule; a rule without an error adds an Info that says
// so. It takes time proportional to the design and is safe for concurrent use. Nodes that are Incomplete are judged only by what they say
// themselves: what they lack has been reported when they were compiled.
func Check(d *site.Design) []site.Finding {
	var all []site.Finding
	for _, rule := range All() {
		all = append(all, run(rule, d)...)
	}
	return all
}

// run runs one rule. A rule that fails is a finding: the others must not suffer for a defect in it.
func run(rule Rule, d *site.Design) (findings []site.Finding) {
	r := &Report{rule: &rule}
	defer func() {
		if p := recover(); p != nil {
			r.unlisted, r.findings = 0, append(r.findings, r.finding(site.Error, Place{}, "report this as a defect", "the rule could not be checked: %v", p))
			findings = r.findings
		}
	}()
	rule.Check(d, r)
	if r.unlisted > 0 {
		level := site.Warning
		if r.failed {
			level = site.Error
		}
		r.findings = append(r.findings, r.finding(level, Place{}, "correct those that are listed first", "%d more findings are not listed", r.unlisted))
	}
	if !r.failed {
		r.findings = append(r.findings, r.finding(site.Info, Place{}, "", "no errors"))
	}
	return r.findings
}

// maxListed is how many findings of one rule are listed.
const maxListed = 1000

// Report collects what one rule finds.
type Report struct {
	rule     *Rule
	findings []site.Finding
	failed   bool
	unlisted int
}

// Place is what a finding is about: documents, and the place in the first of them. It costs nothing until something is found there.
type Place struct {
	ref  site.Ref
	more []site.Ref
	keys [5]string // from the root of the document
	n    int
}

// in returns the place at the given keys of a document's data. Documents of the old envelope have spec for data.
func in(ref site.Ref, keys ...string) Place {
	p := Place{ref: ref, keys: [5]string{"data"}}
	p.n = 1 + copy(p.keys[1:], keys)
	return p
}

// of is the document as a whole.
func of(ref site.Ref) Place { return Place{ref: ref} }

// and adds documents to a place.
func (p Place) and(refs ...site.Ref) Place {
	p.more = append(p.more[:len(p.more):len(p.more)], refs...)
	return p
}

func (p Place) docs() []site.Ref {
	if p.ref == (site.Ref{}) {
		return nil
	}
	return append([]site.Ref{p.ref}, p.more...)
}

// path is the JSON pointer of the place.
func (p Place) path() string {
	var b strings.Builder
	for _, k := range p.keys[:p.n] {
		b.WriteString("/" + escape.Replace(k))
	}
	return b.String()
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// Errorf reports that the site breaks the rule. The diagnostic says what to do.
func (r *Report) Errorf(at Place, diagnostic, format string, args ...any) {
	r.failed = true
	r.add(site.Error, at, diagnostic, format, args...)
}

// Warnf reports something that the rule does not forbid, or could not look at.
func (r *Report) Warnf(at Place, diagnostic, format string, args ...any) {
	r.add(site.Warning, at, diagnostic, format, args...)
}

// Full reports that no further finding will be listed, so that a rule need not look for more than it would take time to.
func (r *Report) Full() bool { return len(r.findings) >= maxListed }

func (r *Report) add(level site.Level, at Place, diagnostic, format string, args ...any) {
	if r.Full() {
		r.unlisted++
		return
	}
	r.findings = append(r.findings, r.finding(level, at, diagnostic, format, args...))
}

func (r *Report) finding(level site.Level, at Place, diagnostic, format string, args ...any) site.Finding {
	return site.Finding{
		Code: r.rule.Code, Rule: r.rule.Name, Level: level, Text: site.OneLine(r.rule.Name + ": " + fmt.Sprintf(format, args...)), Diagnostic: site.OneLine(diagnostic),
		Docs: at.docs(), Path: at.path(),
	}
}

// complete calls f for every node that has all it should inherit.
func complete(d *site.Design, f func(n *site.BaremetalNode)) {
	for _, n := range d.Nodes {
		if !n.Incomplete {
			f(n)
		}
	}
}
