package reference

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
)

// The resolver of upstream's Drydock has defects that were numbered when it was described: P40 to P50 among those of its state, R1 to R24 those of
// its design references. What keeps those of the resolver from happening here:
//
//	P40 R1     no design and no error after the last try       TestDefectNothingWithoutError
//	P41 R2     a failure is kept for ever                      TestDefectFailureKept
//	P42 R3     a copy is kept for ever, without bound          TestDefectCopyKept, TestCacheRevalidates, TestCacheAge, TestCacheBound
//	P43 R4     an error page is a design                       TestFetchHTTPStatus
//	P44 R5     everything is tried again                       TestDefectTriedAgain
//	P45 R22    0 tries means never; pauses grow without end    TestDefectNoTries, TestResolvePauses
//	P47 R15    passwords in logs and errors                    TestResolveHidesSecrets, TestResolveLogs, TestCacheKeys
//	P48 R9 R10 any file, read without end                      TestFetchFile
//	P50        findings add up, and outlive their cause        the tests of that name in design: TestDefectFindingsAddUp, TestLoadShared
//	R6         the last error is lost                          TestDefectLastErrorLost
//	R11        redirects and addresses of any kind             TestFetchHTTPRedirect, TestForbiddenAddresses
//	R14        no bound of size, none of time                  TestDefectNoBounds, TestFetchHTTPLimits
//	R20        join scripts are kept like designs              TestDefectScriptKept
//	R24        the end of a task does not end the fetch        TestDefectNotCancelled, TestResolveAfterLastWaiter

// P40, R1: whatever the fetcher does, there are bytes or an error with a kind.
func TestDefectNothingWithoutError(t *testing.T) {
	for _, err := range []error{nil, down(), drydock.ErrNotFound, context.Canceled, context.DeadlineExceeded, fmt.Errorf("%w", drydock.ErrInvalid)} {
		synctest.Test(t, func(t *testing.T) {
			s := fetcherAsked(func(context.Context, Request) (Answer, error) { return Answer{}, err })
			body, _, got := resolverFor(s, ResolverOptions{}).Resolve(t.Context(), "x://h/p")
			if (body == nil) != (err != nil) || (got == nil) != (err == nil) || got != nil && len(kindsOf(got)) == 0 {
				t.Errorf("%v: %v, %v", err, body, got)
			}
		})
	}
}

// P41, R2: after an outage the next call asks again.
func TestDefectFailureKept(t *testing.T) {
	for _, kind := range []error{drydock.ErrUnavailable, drydock.ErrNotFound, drydock.ErrDenied, drydock.ErrInvalid} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{body: "a: 1", immutable: true, err: fmt.Errorf("%w: outage", kind)}
			r := resolverFor(s, ResolverOptions{Stale: time.Hour})
			wantFailed(t, r, "x://h/p", kind, "outage")
			s.set(func(s *source) { s.err = nil })
			wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource)
		})
	}
}

// P42, R3: a document that changed is seen at once.
func TestDefectCopyKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		r := resolverFor(s, ResolverOptions{})
		for i := range 5 {
			body := fmt.Sprint("a: ", i)
			s.set(func(s *source) { s.body, s.etag = body, []string{"", body}[i%2] })
			wantResolved(t, r, "x://h/p", body, drydock.OriginSource)
		}
	})
}

// P44, R5: only what may pass is tried again; what will not is said at once.
func TestDefectTriedAgain(t *testing.T) {
	for code, again := range map[int]bool{400: false, 401: false, 403: false, 404: false, 405: false, 408: true, 410: false, 425: true, 429: true, 500: true, 502: true, 503: true, 504: true} {
		synctest.Test(t, func(t *testing.T) {
			kind := drydock.ErrInvalid
			if again {
				kind = drydock.ErrUnavailable
			}
			s := &source{err: status(code, kind)}
			start := time.Now()
			wantFailed(t, resolverFor(s, ResolverOptions{}), "x://h/p", kind, fmt.Sprint(code))
			if asked, _, _ := s.count(); again != (asked == 3) || !again && (asked != 1 || time.Since(start) != 0) {
				t.Errorf("status %d: %d tries in %v", code, asked, time.Since(start))
			}
		})
	}
}

// P45, R22: no number of tries means that nothing is tried.
func TestDefectNoTries(t *testing.T) {
	for tries, want := range map[int]int{0: 3, -1: 1, -100: 1, 1: 1, 2: 2} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{err: down()}
			wantFailed(t, resolverFor(s, ResolverOptions{Tries: tries}), "x://h/p", drydock.ErrUnavailable, "down")
			s.wantAsked(t, want)
		})
	}
}

// R6: of several failures the last is told, with its step, the number of tries and the time.
func TestDefectLastErrorLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		f := fetcherAsked(func(context.Context, Request) (Answer, error) {
			tries++
			return Answer{}, stepError(StepConnect, drydock.ErrUnavailable, "", "refused, time %d", tries)
		})
		_, _, err := resolverFor(f, ResolverOptions{}).Resolve(t.Context(), "x://h/p")
		var e *Error
		if !errors.As(err, &e) || e.Step != StepConnect || e.Tries != 3 || e.Took == 0 || !strings.Contains(err.Error(), "refused, time 3 (3 tries, ") {
			t.Error(err)
		}
	})
}

// R14: one deadline for all tries together, one bound of size, and a source that hangs hangs nobody for longer.
func TestDefectNoBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{gate: make(chan struct{})}
		start := time.Now()
		wantFailed(t, resolverFor(s, ResolverOptions{Deadline: time.Minute}), "x://h/p", drydock.ErrUnavailable, "not within 1m0s")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v", took)
		}
	})
	s := &source{body: "12345"}
	wantFailed(t, resolverFor(s, ResolverOptions{MaxBytes: 4}), "x://h/p", drydock.ErrInvalid, "size: invalid: it has 5 bytes, more than the 4 allowed")
	wantResolved(t, resolverFor(s, ResolverOptions{MaxBytes: 5}), "x://h/p", "12345", drydock.OriginSource)
}

// R20: a script that is made anew for every caller is fetched anew for every caller.
func TestDefectScriptKept(t *testing.T) {
	made := 0
	f := fetcherAsked(func(context.Context, Request) (Answer, error) {
		made++
		return Answer{Body: []byte(fmt.Sprint("token ", made))}, nil
	})
	r := resolverFor(f, ResolverOptions{})
	for i := range 3 {
		wantResolved(t, r, "x://h/join-scripts?hostname=a", fmt.Sprint("token ", i+1), drydock.OriginSource)
	}
}

// R24: who is cancelled during a pause is let go at once, and nothing more is tried for him.
func TestDefectNotCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{err: later(5 * time.Minute)}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, _, err := resolverFor(s, ResolverOptions{}).Resolve(ctx, "x://h/p")
		wantError(t, err, context.Canceled, "stopped (context canceled): unavailable: later")
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Hour)
		s.wantAsked(t, 1)
	})
}
