package design

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"drydock"
)

// DefaultMaxBytes is the size above which a design is refused unless options say otherwise.
const DefaultMaxBytes = 64 << 20

// Fetcher gets the bytes behind a URI whose scheme it was registered for. It must be safe for concurrent use. Its errors carry a kind;
// ErrUnavailable means that another try may succeed. An error may also have a method Final() bool, which ends the tries when true, and a
// method RetryAfter() time.Duration, the shortest pause before the next one.
type Fetcher interface {
	Fetch(ctx context.Context, q Request) (Answer, error)
}

// Request asks a Fetcher for what is behind a URI.
type Request struct {
	URL      *url.URL
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

// ResolverOptions are the bounds of one resolve. Zero fields take the default.
type ResolverOptions struct {
	Tries    int           // how often a fetch is begun at most; default 3
	Wait     time.Duration // longest pause before the second try, doubled before each further one; default 1 s
	MaxWait  time.Duration // longest pause before any try, unless the server asks for more; default 30 s
	Deadline time.Duration // for all tries and pauses together; default 10 min
	MaxBytes int64         // a longer answer is an error, it is never cut; default DefaultMaxBytes
	Logger   *slog.Logger  // tries that failed and will be repeated; nil: not logged
}

// Resolver turns a design reference into bytes. It is safe for concurrent use and keeps nothing between calls.
type Resolver struct {
	fetchers map[string]Fetcher
	o        ResolverOptions
}

// NewResolver returns a resolver for the schemes that are keys of fetchers, in any case.
func NewResolver(fetchers map[string]Fetcher, o ResolverOptions) *Resolver {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Wait, time.Second)
	def(&o.MaxWait, 30*time.Second)
	def(&o.Deadline, 10*time.Minute)
	if o.Tries <= 0 {
		o.Tries = 3
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Resolver{fetchers: make(map[string]Fetcher, len(fetchers)), o: o}
	for scheme, f := range fetchers {
		r.fetchers[strings.ToLower(scheme)] = f
	}
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

// Check reports whether ref is a reference that Resolve would try to get: a URI of a known scheme. If not, the error is ErrInvalid.
func (r *Resolver) Check(ref string) error {
	_, _, err := r.lookup(ref)
	return err
}

// Resolve returns what is behind ref; the bytes are never nil when the error is. A failure that may pass (ErrUnavailable) is tried again
// after a random pause; any other ends the call at once. The error is the last one met, with the number of tries, and carries one of
// ErrInvalid, ErrDenied, ErrNotFound and ErrUnavailable. Secrets of the reference are hidden in it.
func (r *Resolver) Resolve(ctx context.Context, ref string) ([]byte, drydock.Resolution, error) {
	began := time.Now()
	u, f, err := r.lookup(ref)
	if err != nil {
		return nil, drydock.Resolution{}, err
	}
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, r.o.Deadline)
	defer cancel()
	fail := failure{where: redactURL(u), scrub: newScrubber(ref, u), began: began}
	for try := 1; ; try++ {
		own := *u
		answer, err := f.Fetch(ctx, Request{URL: &own, Scheme: u.Scheme})
		body := answer.Body
		switch {
		case err == nil && int64(len(body)) > r.o.MaxBytes:
			return nil, drydock.Resolution{}, fail.error(fmt.Errorf("%w: it has %d bytes, more than the %d allowed", drydock.ErrInvalid, len(body), r.o.MaxBytes), try)
		case err == nil:
			if body == nil {
				body = []byte{}
			}
			sum, now := sha256.Sum256(body), time.Now()
			return body, drydock.Resolution{
				Ref: fail.where, Digest: hex.EncodeToString(sum[:]), Size: int64(len(body)), ETag: answer.ETag, Origin: drydock.OriginSource,
				Resolved: now, Fetched: now, Attempts: try, Took: now.Sub(began),
			}, nil
		case ctx.Err() != nil && mayPass(err):
			return nil, drydock.Resolution{}, fail.error(r.ended(parent, err), try)
		case try >= r.o.Tries || !worthAnother(err):
			return nil, drydock.Resolution{}, fail.error(err, try)
		}
		pause := r.pause(try, err)
		r.o.Logger.WarnContext(ctx, "get design: will try again", "ref", fail.where, "try", try, "pause", pause, "error", fail.scrub.text(err.Error()))
		if stop := sleep(ctx, pause); stop != nil {
			return nil, drydock.Resolution{}, fail.error(r.ended(parent, err), try)
		}
	}
}

func (r *Resolver) lookup(ref string) (*url.URL, Fetcher, error) {
	if len(ref) > drydock.MaxDesignRef {
		return nil, nil, fmt.Errorf("%w: design reference of %d bytes is too long, at most %d", drydock.ErrInvalid, len(ref), drydock.MaxDesignRef)
	}
	u, err := url.Parse(ref)
	if err != nil { // its text quotes parts of the reference, perhaps of the password
		return nil, nil, fmt.Errorf("%w: design reference is not a valid URI; escape special characters in it with %%XX", drydock.ErrInvalid)
	}
	known := strings.Join(r.Schemes(), ", ")
	if u.Scheme == "" {
		return nil, nil, fmt.Errorf("%w: design reference has no scheme; known are: %s", drydock.ErrInvalid, known)
	}
	f, ok := r.fetchers[u.Scheme] // lower case already
	if !ok {
		return nil, nil, fmt.Errorf("%w: design reference has the unknown scheme %.32q; known are: %s", drydock.ErrInvalid, u.Scheme, known)
	}
	return u, f, nil
}

// ended says why a resolve stopped before its tries were used up.
func (r *Resolver) ended(parent context.Context, last error) error {
	if err := parent.Err(); err != nil {
		return fmt.Errorf("%w: stopped (%w): %w", drydock.ErrUnavailable, err, last)
	}
	return fmt.Errorf("%w: not within %v: %w", drydock.ErrUnavailable, r.o.Deadline, last)
}

func worthAnother(err error) bool {
	var f interface{ Final() bool }
	if errors.As(err, &f) && f.Final() {
		return false
	}
	return mayPass(err)
}

// mayPass includes the deadline that a fetcher set for itself, and the cancellation that it saw of its context.
func mayPass(err error) bool {
	return errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// pause is random between zero and a bound that doubles with each try ("full jitter"), so that callers that failed together do not come back
// together. A server's own wish is a lower bound.
func (r *Resolver) pause(try int, err error) time.Duration {
	bound := r.o.Wait
	for i := 1; i < try && bound < r.o.MaxWait; i++ {
		bound *= 2
	}
	d := rand.N(min(bound, r.o.MaxWait) + 1)
	var a interface{ RetryAfter() time.Duration }
	if errors.As(err, &a) {
		d = max(d, a.RetryAfter())
	}
	return d
}

// sleep waits for d, or says at once that ctx will not last that long.
func sleep(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return context.DeadlineExceeded
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// failure makes the errors of one resolve.
type failure struct {
	where string // the reference without secrets
	scrub scrubber
	began time.Time
}

func (f failure) error(err error, tries int) error {
	e := &Error{Ref: f.where, Reason: f.scrub.text(err.Error()), Tries: tries, Took: time.Since(f.began), kinds: kindsOf(err)}
	e.describe(err)
	e.Remedy = f.scrub.text(e.Remedy)
	return e
}
