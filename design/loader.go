package design

import (
	"context"
	"slices"

	"drydock/rules"
	"drydock/site"
)

// Loader turns a design reference into a site and what was found wrong with it. It is safe for concurrent use.
type Loader struct {
	resolver *Resolver
	ingester *Ingester
}

// NewLoader returns a loader that gets designs with r and reads them with in.
func NewLoader(r *Resolver, in *Ingester) *Loader { return &Loader{resolver: r, ingester: in} }

// Check reports whether ref is a reference that Load would try to get; if not, the error is ErrInvalid. It looks at the text of ref only.
func (l *Loader) Check(ref string) error { return l.resolver.Check(ref) }

// Load gets the design behind ref and checks it. An error (ErrInvalid, ErrDenied, ErrNotFound, ErrUnavailable) says that it could not be
// looked at; then there is no design. Otherwise there is one, and the findings say what is wrong with it: first with its documents, in the
// order of the source, then with what they inherit, then with the site as a whole, rule by rule.
//
// Rules are asked only about a design whose documents are all good, because a document that is missing would make others look wrong. The
// design is then the effective one, otherwise what could be read, as it was written.
func (l *Loader) Load(ctx context.Context, ref string) (site.Report, error) {
	body, source, err := l.resolver.Resolve(ctx, ref)
	if err != nil {
		return site.Report{}, err
	}
	d, findings := l.ingester.Check(body)
	return site.Report{Design: d, Findings: findings, Source: source}, nil
}

// Check is Load of a source that is at hand.
func (in *Ingester) Check(src []byte) (*site.Design, []site.Finding) {
	d, findings := in.Ingest(src)
	if slices.ContainsFunc(findings, func(f site.Finding) bool { return f.Level == site.Error }) {
		return d, findings
	}
	effective, found := site.Compile(d)
	found = append(found, rules.Check(effective)...)
	return effective, append(findings, in.locate(src, d, found)...)
}
