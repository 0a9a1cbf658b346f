package reference

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
)

// A host that fails again and again is left alone for a while, then asked by one caller, whose luck decides.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", err: down()}
		r := resolverFor(s, ResolverOptions{Tries: -1, BreakAfter: 3, BreakFor: 30 * time.Second})
		for range 3 {
			wantFailed(t, r, "x://h:80/p", drydock.ErrUnavailable, "down")
			time.Sleep(time.Second)
		}
		for _, ref := range []string{"x://h:80/p", "x://h/other", "x://u:p@H/?q"} {
			wantFailed(t, r, ref, drydock.ErrUnavailable, "breaker: unavailable: h:80 was not asked: it failed 3 times in a row, the last time 1s ago (read); it is asked again in ")
		}
		s.wantAsked(t, 3)
		wantFailed(t, r, "x://h:81/p", drydock.ErrUnavailable, "down") // another host
		wantFailed(t, r, "file:///p", drydock.ErrUnavailable, "down")  // none at all
		s.wantAsked(t, 5)

		time.Sleep(25 * time.Second) // the pause is 30 s, more or less by a tenth
		wantFailed(t, r, "x://h:80/p", drydock.ErrUnavailable, "was not asked")
		time.Sleep(7 * time.Second)
		wantFailed(t, r, "x://h:80/p", drydock.ErrUnavailable, "down") // the probe failed
		wantFailed(t, r, "x://h:80/p", drydock.ErrUnavailable, "failed 4 times in a row")
		s.wantAsked(t, 6)

		time.Sleep(33 * time.Second)
		gate := make(chan struct{})
		s.set(func(s *source) { s.err, s.gate = nil, gate })
		var probe sync.WaitGroup
		probe.Go(func() { wantResolved(t, r, "x://h:80/p", "a: 1", drydock.OriginSource) })
		synctest.Wait()
		wantFailed(t, r, "x://h:80/other", drydock.ErrUnavailable, "it is being asked again just now")
		close(gate)
		probe.Wait()
		wantResolved(t, r, "x://h:80/p", "a: 1", drydock.OriginSource)
		s.set(func(s *source) { s.err = down() })
		for range 2 { // counted from the beginning
			wantFailed(t, r, "x://h:80/p", drydock.ErrUnavailable, "down")
		}
		s.set(func(s *source) { s.err = nil })
		wantResolved(t, r, "x://h:80/p", "a: 1", drydock.OriginSource)
		if len(r.breakers.hosts) != 1 { // h:81
			t.Errorf("remembered: %v", r.breakers.hosts)
		}
	})
}

// What a failure tells about the host.
func TestBreakerJudges(t *testing.T) {
	token := stepError(StepAuth, drydock.ErrUnavailable, "", "no token")
	refused := stepError(StepAuth, drydock.ErrUnavailable, "", "the server answered 503")
	refused.status = 503
	final := stepError(StepTLS, drydock.ErrUnavailable, "", "expired")
	final.final = true
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nil, answers},
		{down(), unavailable},
		{context.DeadlineExceeded, unavailable},
		{final, unavailable},
		{stepError(StepDNS, drydock.ErrUnavailable, "", "no such host"), unavailable},
		{status(500, drydock.ErrUnavailable), unavailable},
		{status(503, drydock.ErrUnavailable), unavailable},
		{refused, unavailable},
		{status(404, drydock.ErrNotFound), answers},
		{status(403, drydock.ErrDenied), answers},
		{status(429, drydock.ErrUnavailable), answers},
		{status(408, drydock.ErrUnavailable), answers},
		{stepError(StepSize, drydock.ErrInvalid, "", "too long"), answers},
		{token, saysNothing},
		{stepError(StepPolicy, drydock.ErrDenied, "", "no"), saysNothing},
		{stepError(StepParse, drydock.ErrInvalid, "", "no"), saysNothing},
	} {
		if got := judge(c.err, false); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
	if got := judge(down(), true); got != saysNothing {
		t.Errorf("a fetch that we ended ourselves: %v", got)
	}
}

// A probe that says nothing lets the next caller ask.
func TestBreakerProbeSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", err: down()}
		r := resolverFor(s, ResolverOptions{Tries: -1, BreakAfter: 1})
		wantFailed(t, r, "x://h/p", drydock.ErrUnavailable, "down")
		time.Sleep(time.Minute)
		s.set(func(s *source) { s.err, s.gate = nil, make(chan struct{}) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := r.Resolve(ctx, "x://h/p")
		wantError(t, err, context.DeadlineExceeded, "stopped")
		synctest.Wait()
		s.set(func(s *source) { s.gate = nil })
		wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
	})
}

// The tries of one resolve end when the host is left alone meanwhile, with what really failed.
func TestBreakerEndsTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{err: down()}
		r := resolverFor(s, ResolverOptions{Tries: 9, BreakAfter: 2})
		wantFailed(t, r, "x://h/p", drydock.ErrUnavailable, "down (2 tries, ")
		s.wantAsked(t, 2)
	})
}

// However many hosts fail, a bounded number is remembered; the one that failed longest ago is forgotten.
func TestBreakerBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{err: down()}
		r := resolverFor(s, ResolverOptions{Tries: -1, BreakAfter: 1})
		for i := range maxHosts + 10 {
			_, _, _ = r.Resolve(t.Context(), fmt.Sprintf("x://h%d/p", i))
			time.Sleep(time.Millisecond)
		}
		if len(r.breakers.hosts) != maxHosts || r.breakers.hosts["h9:80"] != nil || r.breakers.hosts["h10:80"] == nil {
			t.Errorf("%d hosts", len(r.breakers.hosts))
		}
	})
}

// With a copy that may serve, a host that is left alone costs no time and no question.
func TestBreakerStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1"}
		r := resolverFor(s, ResolverOptions{BreakAfter: 3, Stale: time.Hour})
		wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
		s.set(func(s *source) { s.err = down() })
		if first := wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginStale); first.Attempts != 3 {
			t.Errorf("%+v", first)
		}
		if next := wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginStale); next.Attempts != 0 || next.Took != 0 {
			t.Errorf("%+v", next)
		}
	})
}

func TestHostOf(t *testing.T) {
	r := resolverFor(&source{}, ResolverOptions{})
	for ref, want := range map[string]string{
		"x://H/p": "h:80", "x://u:p@h:8080/p": "h:8080", "x://[::1]:9/": "::1:9", "file:///p": "", "file://localhost/p": "",
	} {
		got, err := r.parse(ref)
		if err != nil || got.host != want {
			t.Errorf("%s: %q, %v", ref, got.host, err)
		}
	}
	for _, ref := range []string{"x:opaque", "x:///p", "x:/p"} {
		if _, err := r.parse(ref); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, scheme := range []string{"https", "deckhand+https"} {
		parsed, err := NewResolver(map[string]Fetcher{scheme: nil}, ResolverOptions{}).parse(scheme + "://h/p")
		if err != nil || !strings.HasSuffix(parsed.host, ":443") {
			t.Errorf("%s: %+v, %v", scheme, parsed, err)
		}
	}
}
