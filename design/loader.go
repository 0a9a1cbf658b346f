package design

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"drydock"
	"drydock/memo"
	"drydock/rules"
	"drydock/site"
)

// Resolver gets what is behind a reference. Its errors carry a kind; the bytes are shared and must not be changed.
type Resolver interface {
	Resolve(ctx context.Context, ref string) ([]byte, drydock.Resolution, error)
	Check(ref string) error // whether Resolve would try; without I/O
}

// Loader turns a design reference into a site and what was found wrong with it. It is safe for concurrent use. What came of looking at the
// same bytes is kept, whatever reference they came by; the bytes themselves are asked for as the Resolver does.
type Loader struct {
	resolver Resolver
	ingester *Ingester
	checks   memo.Flights[string, *checked]
	designs  *memo.Cache[string, *checked]
	slots    chan struct{} // one element for each check under way
	log      *slog.Logger
}

// checked is what came of looking at a design. It is never changed.
type checked struct {
	design   *site.Design
	findings []site.Finding
	err      error
}

// cost estimates the bytes that the report of a source holds on to. A few lines of a source can stand for very many routes, parts of nodes or
// findings, so its size alone would be no bound.
func (c *checked) cost(source int) int64 {
	const part = 200 // about the size of a route, an interface, a partition
	n := memo.EntryBytes + source
	for _, network := range c.design.Networks {
		n += part * len(network.Routes)
	}
	for _, node := range c.design.Nodes {
		n += part * (1 + len(node.Interfaces) + len(node.Devices) + len(node.Groups))
		for i := range node.Devices {
			n += part * len(node.Devices[i].Partitions)
		}
		for i := range node.Groups {
			n += part * len(node.Groups[i].Volumes)
		}
	}
	for _, action := range c.design.BootActions {
		n += 16 * len(action.Targets)
	}
	for i := range c.findings {
		f := &c.findings[i]
		n += part + len(f.Text) + len(f.Diagnostic) + len(f.Path)
	}
	return int64(n)
}

// designBytes bounds what a Loader keeps.
const designBytes = 64 << 20

// checksAtOnce bounds the checks under way: each may take several times the size of its design in memory. Fetching is not counted, so that sources that
// do not answer keep nobody else waiting.
const checksAtOnce = 8

// NewLoader returns a loader that gets designs with r and reads them with in. Only its own defects are logged; nil: they are not.
func NewLoader(r Resolver, in *Ingester, log *slog.Logger) *Loader {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Loader{
		resolver: r, ingester: in, checks: memo.Flights[string, *checked]{Finish: true}, designs: memo.NewCache[string, *checked](designBytes), log: log,
		slots: make(chan struct{}, checksAtOnce),
	}
}

// Check reports whether ref is a reference that Load would try to get; if not, the error is ErrInvalid or ErrDenied. It looks at the text of
// ref only.
func (l *Loader) Check(ref string) error { return l.resolver.Check(ref) }

// Load gets the design behind ref and checks it. An error (ErrInvalid, ErrDenied, ErrNotFound, ErrUnavailable) says that it could not be
// looked at; then there is no design. Otherwise there is one, and the findings say what is wrong with it: first with its documents, in the
// order of the source, then with what they inherit, then with the site as a whole, rule by rule.
//
// Rules are asked only about a design whose documents are all good, because a document that is missing would make others look wrong. The
// design is then the effective one, otherwise what could be read, as it was written. It is shared with other callers and must not be changed,
// nor must the Docs of findings; the list of findings is the caller's own.
func (l *Loader) Load(ctx context.Context, ref string) (site.Report, error) {
	body, source, err := l.resolver.Resolve(ctx, ref)
	if err != nil {
		return site.Report{}, err
	}
	found := l.designs.Get(source.Digest)
	if found == nil {
		var landed bool
		found, landed = l.checks.Do(ctx, source.Digest, func(ctx context.Context, _ *memo.Flight[*checked]) *checked {
			return l.check(ctx, source.Digest, body)
		})
		if !landed {
			found = &checked{err: fmt.Errorf("%w: stopped (%w)", drydock.ErrUnavailable, ctx.Err())}
		}
		if found.err != nil {
			return site.Report{}, fmt.Errorf("check design %s: %w", source.Ref, found.err)
		}
	}
	return site.Report{Design: found.design, Findings: slices.Clone(found.findings), Source: source}, nil
}

// check looks at a design on behalf of all who wait for it.
func (l *Loader) check(ctx context.Context, digest string, body []byte) (found *checked) {
	if found := l.designs.Get(digest); found != nil { // it came while we went
		return found
	}
	defer func() {
		if p := recover(); p != nil { // the callers' own goroutines would have had somebody to catch it
			l.log.ErrorContext(ctx, "checking a design panicked", "digest", digest, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			found = &checked{err: fmt.Errorf("checking the design %s failed because of a defect of this program; its log has the details", digest)}
		}
	}()
	l.slots <- struct{}{}
	defer func() { <-l.slots }()
	d, findings := l.ingester.Check(body)
	found = &checked{design: d, findings: findings}
	l.designs.Put(digest, found, found.cost(len(body)))
	return found
}

// Check is Load of a source that is at hand. Nothing is kept.
func (in *Ingester) Check(src []byte) (*site.Design, []site.Finding) {
	d, findings := in.Ingest(src)
	if site.Failed(findings) {
		return d, findings
	}
	effective, found := site.Compile(d)
	found = append(found, rules.Check(effective)...)
	if !site.Failed(found) {
		for _, last := range in.last {
			found = append(found, last(effective)...)
		}
	}
	return effective, append(findings, in.locate(src, d, found)...)
}
