package reference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
	"drydock/memo"
)

func pinned(ref, body string) string {
	sum := sha256.Sum256([]byte(body))
	return ref + "#sha256=" + hex.EncodeToString(sum[:])
}

// What can never change is asked for once: what the fetcher calls immutable, and what is pinned.
func TestCacheImmutable(t *testing.T) {
	for ref, s := range map[string]*source{
		"x://h/revisions/1":           {body: "a: 1", immutable: true},
		pinned("x://h/p", "a: 1"):     {body: "a: 1"},
		pinned("file:///a b", "a: 1"): {body: "a: 1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := resolverFor(s, ResolverOptions{})
			first := wantResolved(t, r, ref, "a: 1", drydock.OriginSource)
			time.Sleep(1000 * time.Hour)
			s.set(func(s *source) { s.err = down() })
			again := wantResolved(t, r, ref, "a: 1", drydock.OriginCache)
			s.wantAsked(t, 1)
			if again.Digest != first.Digest || again.Size != 4 || again.Attempts != 0 || again.Took != 0 || !again.Fetched.Equal(first.Fetched) || again.Resolved.Equal(first.Resolved) {
				t.Errorf("%+v after %+v", again, first)
			}
		})
	}
}

// CacheAge is the time for which even that is believed.
func TestCacheAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", immutable: true}
		r := resolverFor(s, ResolverOptions{CacheAge: time.Hour})
		wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
		time.Sleep(time.Hour - 1)
		wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginCache)
		time.Sleep(time.Nanosecond)
		s.set(func(s *source) { s.body, s.etag = "a: 2", `"2"` }) // a database that was made anew counts its revisions from 1 again
		wantResolved(t, r, "x://h/p", "a: 2", drydock.OriginSource)
		time.Sleep(time.Hour)
		wantResolved(t, r, "x://h/p", "a: 2", drydock.OriginConfirmed)
		time.Sleep(time.Hour - 1)
		wantResolved(t, r, "x://h/p", "a: 2", drydock.OriginCache)
		s.wantAsked(t, 3)
	})
}

// Anything else is asked for every time: with the validators of the copy, if there are some.
func TestCacheRevalidates(t *testing.T) {
	for name, c := range map[string]struct{ etag, modified string }{"etag": {etag: `"1"`}, "date": {modified: "Tue, 01 Dec 2026 10:00:00 GMT"}, "none": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{body: "a: 1", etag: c.etag, modified: c.modified}
				r := resolverFor(s, ResolverOptions{})
				first := wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
				time.Sleep(time.Minute)
				if name == "none" {
					wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
				} else {
					again := wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginConfirmed)
					if again.Digest != first.Digest || again.ETag != c.etag || again.Attempts != 1 || again.Fetched.Sub(first.Fetched) != time.Minute {
						t.Errorf("%+v after %+v", again, first)
					}
				}
				if got := s.requests; got[0].ETag+got[0].Modified != "" || got[1].ETag != c.etag || got[1].Modified != c.modified {
					t.Errorf("validators %+v", got)
				}
				s.set(func(s *source) { s.body, s.etag = "a: 2", s.etag+"2"; s.modified += "2" })
				if changed := wantResolved(t, r, "x://h/p", "a: 2", drydock.OriginSource); changed.Digest == first.Digest {
					t.Error("another body with the same digest")
				}
			})
		})
	}
	s := fetcherAsked(func(context.Context, Request) (Answer, error) { return Answer{NotModified: true}, nil })
	wantFailed(t, resolverFor(s, ResolverOptions{}), "x://h/p", drydock.ErrInvalid, "not asked about a copy")
}

// A last known good copy serves only if the operator asks for it, only while it is young, and only when its source is unavailable.
func TestCacheStale(t *testing.T) {
	ref := "x://h/p"
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &source{body: "a: 1"}
		r := resolverFor(s, ResolverOptions{Stale: time.Hour, Tries: -1, BreakAfter: -1, Logger: textLogger(&log)})
		first := wantResolved(t, r, ref, "a: 1", drydock.OriginSource)
		s.set(func(s *source) { s.err = down() })
		time.Sleep(time.Hour - 1)
		stale := wantResolved(t, r, ref, "a: 1", drydock.OriginStale)
		if !stale.Fetched.Equal(first.Fetched) || stale.Attempts != 1 || !strings.Contains(log.String(), "unavailable, the copy at hand serves") {
			t.Errorf("%+v\n%s", stale, log.String())
		}
		time.Sleep(time.Nanosecond)
		wantFailed(t, r, ref, drydock.ErrUnavailable, "down")
		s.set(func(s *source) { s.err = nil })
		wantResolved(t, r, ref, "a: 1", drydock.OriginSource)
		for _, kind := range []error{drydock.ErrNotFound, drydock.ErrDenied, drydock.ErrInvalid} {
			s.set(func(s *source) { s.err = fmt.Errorf("%w: no", kind) })
			wantFailed(t, r, ref, kind, "no")
			s.set(func(s *source) { s.err = down() }) // what the source has said no to is not good any more
			wantFailed(t, r, ref, drydock.ErrUnavailable, "down")
			s.set(func(s *source) { s.err = nil })
			wantResolved(t, r, ref, "a: 1", drydock.OriginSource)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", etag: `"1"`}
		r := resolverFor(s, ResolverOptions{Tries: -1})
		wantResolved(t, r, ref, "a: 1", drydock.OriginSource)
		s.set(func(s *source) { s.err = down() })
		wantFailed(t, r, ref, drydock.ErrUnavailable, "down")
	})
}

// Nobody is handed what another one's password gave, and the keys of the cache hold no password.
func TestCacheKeys(t *testing.T) {
	f := fetcherAsked(func(_ context.Context, q Request) (Answer, error) {
		return Answer{Body: []byte(q.URL.User.String()), Immutable: true}, nil
	})
	r := resolverFor(f, ResolverOptions{})
	for _, user := range []string{"", "u", "u:p", "u:q"} {
		ref := "x://" + user + "@h/p"
		wantResolved(t, r, ref, user, drydock.OriginSource)
		wantResolved(t, r, ref, user, drydock.OriginCache)
	}
	if parsed, err := r.parse("x://u:p@h/p"); err != nil || strings.Contains(string(parsed.key[:]), "u:") {
		t.Errorf("key %q, %v", parsed.key, err)
	}
}

// A caller who appends to what it was given does not write into what others are given.
func TestCacheAppend(t *testing.T) {
	f := fetcherAsked(func(context.Context, Request) (Answer, error) {
		return Answer{Body: append(make([]byte, 0, 100), "a: 1"...), Immutable: true}, nil
	})
	r := resolverFor(f, ResolverOptions{})
	for range 3 {
		got, _, err := r.Resolve(t.Context(), "x://h")
		must(t, err)
		if again := append(got, " and more"...); string(again) != "a: 1 and more" || cap(got) != 4 {
			t.Errorf("%q in room for %d", again, cap(got))
		}
	}
	if r.cache.Cost() < 100 {
		t.Errorf("the cache counts %d bytes, but holds on to more", r.cache.Cost())
	}
}

// The cache never counts more than its bound, keeps what was used last, and lets pass what is too large for it.
func TestCacheBound(t *testing.T) {
	f := fetcherAsked(func(_ context.Context, q Request) (Answer, error) {
		return Answer{Body: make([]byte, len(q.URL.Path)), Immutable: true}, nil
	})
	path := func(n int, name string) string { return "x://h" + strings.Repeat("/", n-len(name)) + name }
	r := resolverFor(f, ResolverOptions{CacheBytes: 3 * (1000 + memo.EntryBytes)})
	origins := func(names string) (got string) {
		for _, name := range names {
			_, s, err := r.Resolve(t.Context(), path(1000, string(name)))
			must(t, err)
			got += string(s.Origin[0])
		}
		return got
	}
	if got := origins("abcabcadab"); got != "sssccccscs" { // d drives out b, the one not used for longest
		t.Error(got)
	}
	_, s, err := r.Resolve(t.Context(), path(5000, "large"))
	_, again, _ := r.Resolve(t.Context(), path(5000, "large"))
	if got := origins("dab"); err != nil || s.Size != 5000 || again.Origin != drydock.OriginSource || got != "ccc" {
		t.Errorf("%v %v %v %s", err, s, again, got)
	}
	off := resolverFor(f, ResolverOptions{CacheBytes: -1})
	wantResolved(t, off, "x://h/", "\x00", drydock.OriginSource)
	wantResolved(t, off, "x://h/", "\x00", drydock.OriginSource)
}

// A large answer is handed on as it came: the resolver makes no copy of it, neither to check nor to keep it.
func TestResolveCopiesNothing(t *testing.T) {
	body := make([]byte, 50<<20)
	f := fetcherAsked(func(context.Context, Request) (Answer, error) { return Answer{Body: body, Immutable: true}, nil })
	r := resolverFor(f, ResolverOptions{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		got, _, err := r.Resolve(t.Context(), "x://h")
		if err != nil || &got[0] != &body[0] {
			t.Fatal("not what the fetcher brought", err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes of memory for nothing", used)
	}
}
