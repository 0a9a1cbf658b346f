package design

import (
	"context"

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

// Load gets the design behind ref and reads it. An error (ErrInvalid, ErrDenied, ErrNotFound, ErrUnavailable) says that it could not be
// looked at; then there is no design. Otherwise there is one, with what could be read, and the findings say what is wrong with it, in the
// order of the source.
func (l *Loader) Load(ctx context.Context, ref string) (*site.Design, []site.Finding, error) {
	body, err := l.resolver.Resolve(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	d, findings := l.ingester.Ingest(body)
	return d, findings, nil
}
