package reference

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"drydock"
)

// source is a fetcher that behaves as a test tells it: it has one body with its validators, or an error, and counts who asks.
type source struct {
	mu        sync.Mutex
	body      string
	etag      string
	modified  string
	immutable bool
	err       error
	gate      chan struct{} // if there is one, answers wait for it or for the end of the context
	deaf      bool          // the end of the context is not heard
	asked     int
	confirmed int
	ended     int // contexts that ended before the gate opened
	requests  []Request
}

func (s *source) Fetch(ctx context.Context, q Request) (Answer, error) {
	s.mu.Lock()
	s.asked++
	s.requests = append(s.requests, q)
	gate, deaf := s.gate, s.deaf
	s.mu.Unlock()
	if gate != nil {
		done := ctx.Done()
		if deaf {
			done = nil
		}
		select {
		case <-gate:
		case <-done:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended++
			return Answer{}, fmt.Errorf("%w: %w", drydock.ErrUnavailable, ctx.Err())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return Answer{}, s.err
	case q.ETag != "" && q.ETag == s.etag, q.Modified != "" && q.Modified == s.modified:
		s.confirmed++
		return Answer{NotModified: true, ETag: s.etag, Modified: s.modified}, nil
	}
	return Answer{Body: []byte(s.body), ETag: s.etag, Modified: s.modified, Immutable: s.immutable}, nil
}

// set changes what the source does from now on.
func (s *source) set(change func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *source) count() (asked, confirmed, ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.confirmed, s.ended
}

// wantAsked checks how often a source was asked since the test began.
func (s *source) wantAsked(t *testing.T, want int) {
	t.Helper()
	if asked, _, _ := s.count(); asked != want {
		t.Errorf("the source was asked %d times, want %d", asked, want)
	}
}

func resolverFor(f Fetcher, o ResolverOptions) *Resolver {
	return NewResolver(map[string]Fetcher{"x": f, "file": f}, o)
}

// wantResolved resolves ref and checks body and origin.
func wantResolved(t *testing.T, r *Resolver, ref, body string, origin drydock.Origin) drydock.Resolution {
	t.Helper()
	got, s, err := r.Resolve(t.Context(), ref)
	if err != nil || string(got) != body || s.Origin != origin {
		t.Errorf("%s: %q from %q, %v; want %q from %q", ref, got, s.Origin, err, body, origin)
	}
	return s
}

// wantFailed resolves ref and checks kind and text of the error.
func wantFailed(t *testing.T, r *Resolver, ref string, kind error, text string) {
	t.Helper()
	_, _, err := r.Resolve(t.Context(), ref)
	wantError(t, err, kind, text)
}

func down() error { return fmt.Errorf("%w: down", drydock.ErrUnavailable) }

// status is what a server's answer that says no becomes.
func status(code int, kind error) error {
	e := stepError(StepStatus, kind, "", "the server answered %d", code)
	e.status = code
	return e
}

func later(d time.Duration) error {
	e := stepError(StepStatus, drydock.ErrUnavailable, "", "later")
	e.after, e.status = d, 503
	return e
}

// fetcherAsked is a fetcher made of a function.
type fetcherAsked func(context.Context, Request) (Answer, error)

func (f fetcherAsked) Fetch(ctx context.Context, q Request) (Answer, error) { return f(ctx, q) }

// textLogger writes all levels as text.
func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// picky is a fetcher with a policy.
type picky struct{ source }

func (*picky) Check(u *url.URL) error {
	if u.Host != "bad" {
		return nil
	}
	return stepError(StepPolicy, drydock.ErrDenied, "allow it", "%s may not read from %s", u.User, u.Host)
}
