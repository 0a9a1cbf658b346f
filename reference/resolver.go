package reference

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"drydock"
	"drydock/memo"
)

// DefaultMaxBytes is the size above which a design is refused unless options say otherwise.
const DefaultMaxBytes = 64 << 20

// Fetcher gets the bytes behind a URI whose scheme it was registered for. It must be safe for concurrent use and must not change Body once it
// has handed it over. Its errors carry a kind; ErrUnavailable means that another try may succeed. They may say more by these methods:
// Final() bool ends the tries when true; RetryAfter() time.Duration is the shortest pause before the next one; Step() Step, Remedy() string
// and Status() int (of HTTP) go into the Error that the caller sees.
//
// A Fetcher may also have a method Check(u *url.URL) error, without I/O, which reports what it would refuse whatever the source says.
type Fetcher interface {
	Fetch(ctx context.Context, q Request) (Answer, error)
}

// Request asks a Fetcher for what is behind a URI.
type Request struct {
	URL      *url.URL    // without a pin
	Scheme   string      // of the reference, which is what the policy is about; empty: that of URL
	ETag     string      // validators of a copy at hand; empty: there is none
	Modified string      // the same, a date as HTTP writes it or what else the fetcher gave before
	Header   http.Header // to be sent beside the fetcher's own; never forwarded anywhere else
}

// Answer is what a Fetcher brings.
type Answer struct {
	Body        []byte
	NotModified bool   // the copy at hand is still what the source has; Body is nil
	ETag        string // validators of Body
	Modified    string
	Immutable   bool // the reference can never name anything else
}

// ResolverOptions are the bounds of one resolve, and of what is kept between them. Zero fields take the default.
type ResolverOptions struct {
	Tries    int           // how often a fetch is begun at most; default 3, negative: once
	Wait     time.Duration // longest pause before the second try, doubled before each further one; default 1 s
	MaxWait  time.Duration // longest pause before any try, unless the server asks for more; default 30 s
	Deadline time.Duration // for all tries and pauses together; default 10 min
	MaxBytes int64         // a longer answer is an error, it is never cut; default DefaultMaxBytes

	CacheBytes int64         // of answers kept; default 256 MiB, negative: none are kept
	CacheAge   time.Duration // immutable copies older than this are fetched again; 0: never
	Stale      time.Duration // a copy confirmed within this time serves when its source is unavailable; 0: none does

	BreakAfter int           // unavailable so often in a row, a host is left alone; default 5, negative: never
	BreakFor   time.Duration // for about so long, then one caller asks it; default 30 s

	Logger *slog.Logger // tries that will be repeated (WARN), what was fetched (INFO), what was at hand (DEBUG); nil: not logged
	Vault  *Vault       // opens the sealed parts of references; nil: what has some is refused
}

func (o *ResolverOptions) complete() {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Wait, time.Second)
	def(&o.MaxWait, 30*time.Second)
	def(&o.Deadline, 10*time.Minute)
	def(&o.BreakFor, 30*time.Second)
	if o.Tries == 0 {
		o.Tries = 3
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 256 << 20
	}
	if o.BreakAfter == 0 {
		o.BreakAfter = 5
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Resolver turns a design reference into bytes. It is safe for concurrent use; callers who want the same reference at the same time share one
// fetch. It starts goroutines for fetches only, which end with the last caller who waits for them.
type Resolver struct {
	fetchers map[string]Fetcher
	known    string // schemes, for people
	o        ResolverOptions
	flights  memo.Flights[cacheKey, outcome]
	cache    *memo.Cache[cacheKey, *cached]
	breakers *breakers
}

// NewResolver returns a resolver for the schemes that are keys of fetchers, in any case.
func NewResolver(fetchers map[string]Fetcher, o ResolverOptions) *Resolver {
	o.complete()
	r := &Resolver{
		fetchers: make(map[string]Fetcher, len(fetchers)),
		o:        o,
		cache:    memo.NewCache[cacheKey, *cached](o.CacheBytes),
		breakers: &breakers{after: o.BreakAfter, pause: o.BreakFor, hosts: map[string]*breaker{}},
	}
	for scheme, f := range fetchers {
		r.fetchers[strings.ToLower(scheme)] = f
	}
	r.known = strings.Join(r.Schemes(), ", ")
	return r
}

// Schemes returns the schemes that references may have, sorted.
func (r *Resolver) Schemes() []string {
	names := make([]string, 0, len(r.fetchers))
	for scheme := range r.fetchers {
		names = append(names, scheme)
	}
	slices.Sort(names)
	return names
}

// Check reports whether ref is a reference that Resolve would try to get: a URI of a known scheme, with a good pin or none, that its fetcher
// does not refuse unseen. If not, the error is an *Error, ErrInvalid or ErrDenied. It reads the text of ref only, without I/O.
func (r *Resolver) Check(ref string) error {
	parsed, err := r.parse(ref)
	if err != nil {
		return err
	}
	if f, ok := parsed.fetcher.(interface{ Check(u *url.URL) error }); ok {
		own := *parsed.url
		if err := f.Check(&own); err != nil {
			return parsed.failed(err, 0, time.Now())
		}
	}
	return nil
}

// Resolve returns what is behind ref and how it was had. The bytes are never nil when the error is; they are shared with other callers and
// must not be changed. What can never change (a pinned reference, or the fetcher says so) is served from memory once it was fetched;
// anything else is asked for every time, with the validators of the copy at hand if it has some.
//
// A failure that may pass (ErrUnavailable) is tried again after a random pause; any other ends the call at once, as does the end of ctx. The
// error is an *Error about the last one met, and carries one of ErrInvalid, ErrDenied, ErrNotFound and ErrUnavailable. Failures are not kept.
func (r *Resolver) Resolve(ctx context.Context, ref string) ([]byte, drydock.Resolution, error) {
	began := time.Now()
	parsed, err := r.open(ref)
	if err != nil {
		return nil, drydock.Resolution{}, err
	}
	if kept := r.cache.Get(parsed.key); r.serves(kept, parsed, began) {
		got := outcome{entry: kept, origin: drydock.OriginCache}
		resolution := got.resolution(parsed, began)
		r.log(ctx, resolution)
		return kept.body, resolution, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, drydock.Resolution{}, parsed.failed(fmt.Errorf("%w: stopped (%w)", drydock.ErrUnavailable, err), 0, began)
	}
	got, landed := r.flights.Do(ctx, parsed.key, func(ctx context.Context, f *memo.Flight[outcome]) outcome { return r.fly(ctx, f, parsed) })
	if !landed {
		got.err = stopped(ctx.Err(), got.err)
	}
	if got.err != nil {
		return nil, drydock.Resolution{}, parsed.failed(got.err, got.tries, began)
	}
	return got.entry.body, got.resolution(parsed, began), nil
}

// serves reports whether a copy can be handed out without asking its source.
func (r *Resolver) serves(kept *cached, ref *reference, now time.Time) bool {
	return kept != nil && (kept.immutable || ref.pin != "") && (r.o.CacheAge <= 0 || now.Sub(kept.fetched) < r.o.CacheAge)
}

// log tells of a resolve that succeeded.
func (r *Resolver) log(ctx context.Context, s drydock.Resolution) {
	level := slog.LevelDebug
	switch s.Origin {
	case drydock.OriginSource:
		level = slog.LevelInfo
	case drydock.OriginStale:
		level = slog.LevelWarn
	}
	if !r.o.Logger.Enabled(ctx, level) {
		return
	}
	r.o.Logger.LogAttrs(ctx, level, "design resolved", slog.String("ref", s.Ref), slog.String("origin", string(s.Origin)),
		slog.String("digest", s.Digest), slog.Int64("bytes", s.Size), slog.Int("tries", s.Attempts), slog.Duration("took", s.Took))
}
