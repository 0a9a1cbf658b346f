package reference

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
)

// What a server asks for is obeyed to the second, also above the longest pause of our own, as long as there is time for it.
func TestRetryAfterObeyed(t *testing.T) {
	for _, c := range []struct {
		name     string
		wish     time.Duration
		deadline time.Duration // of the resolver
		patience time.Duration // of the caller; 0: endless
		took     time.Duration
		tries    int
		text     string
	}{
		{"obeyed", 90 * time.Second, 10 * time.Minute, 0, 180 * time.Second, 3, "later (3 tries, 3m0s)"},
		{"beyond the deadline", time.Hour, 10 * time.Minute, 0, 0, 1, "the server asks to be left alone for 1h0m0s, and only 10m0s are left: unavailable: later (1 try, 0s)"},
		{"at the deadline", 10 * time.Minute, 10 * time.Minute, 0, 0, 1, "only 10m0s are left"},
		{"beyond what is left of it", 4 * time.Minute, 7 * time.Minute, 0, 4 * time.Minute, 2, "left alone for 4m0s, and only 3m0s are left"},
		{"beyond the caller's deadline", time.Minute, 10 * time.Minute, 20 * time.Second, 0, 1, "left alone for 1m0s, and only 20s are left"},
		{"within the caller's deadline", 9 * time.Second, 10 * time.Minute, 20 * time.Second, 18 * time.Second, 3, "later (3 tries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{err: later(c.wish)}
				r := resolverFor(s, ResolverOptions{Deadline: c.deadline, MaxWait: time.Second})
				ctx, cancel := t.Context(), func() {}
				if c.patience > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.patience)
				}
				defer cancel()
				start := time.Now()
				_, _, err := r.Resolve(ctx, "x://h/p")
				var e *Error
				if !errors.As(err, &e) || !strings.Contains(err.Error(), c.text) || time.Since(start) != c.took || e.Took != c.took || e.Tries != c.tries || e.Status != 503 || e.Step != StepStatus {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
				s.wantAsked(t, c.tries)
			})
		})
	}
}

// One impatient caller does not take the pause away from one who has the time.
func TestRetryAfterPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{body: "a: 1", err: later(time.Minute), gate: make(chan struct{})}
		r := resolverFor(s, ResolverOptions{})
		short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		left := make(chan error, 1)
		go func() { _, _, err := r.Resolve(short, "x://h/p"); left <- err }()
		synctest.Wait()
		go func() {
			synctest.Wait() // the second caller is there
			close(s.gate)
			time.Sleep(time.Second)
			s.set(func(s *source) { s.err = nil })
		}()
		start := time.Now()
		if res := wantResolved(t, r, "x://h/p", "a: 1", drydock.OriginSource); res.Attempts != 2 || time.Since(start) != time.Minute {
			t.Errorf("%+v after %v", res, time.Since(start))
		}
		err := <-left
		wantError(t, err, context.DeadlineExceeded, "stopped (context deadline exceeded): unavailable: later (1 try, 10s)")
	})
}

// What the host asked for is in the error, for those who have to send others away.
func TestRetryAfterTold(t *testing.T) {
	r := resolverFor(&source{err: later(time.Minute)}, ResolverOptions{Tries: -1})
	_, _, err := r.Resolve(t.Context(), "x://h/p")
	var wish interface{ RetryAfter() time.Duration }
	if !errors.As(err, &wish) || wish.RetryAfter() != time.Minute {
		t.Errorf("%+v", err)
	}
}

// A resolve leaves a line: a try that will be repeated with its step, what came with origin, digest, size, tries and time.
func TestResolveLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		refused := stepError(StepConnect, drydock.ErrUnavailable, "", "connection refused for t0ken-value")
		refused.after = 5 * time.Second
		s := &source{body: "a: 1", immutable: true, err: refused}
		r := resolverFor(s, ResolverOptions{Logger: textLogger(&log)})
		time.AfterFunc(time.Second, func() { s.set(func(s *source) { s.err = nil }) })
		wantResolved(t, r, "x://u:t0ken-value@h/p", "a: 1", drydock.OriginSource)
		wantResolved(t, r, "x://u:t0ken-value@h/p", "a: 1", drydock.OriginCache)
		for _, text := range []string{
			`level=WARN msg="get design: will try again" ref=x://***@h/p step=connect try=1 pause=5s`, `error="unavailable: connection refused for ***"`,
			`level=INFO msg="design resolved" ref=x://***@h/p origin=source digest=` + digestOf("a: 1") + ` bytes=4 tries=2 took=5s`,
			`level=DEBUG msg="design resolved" ref=x://***@h/p origin=cache digest=` + digestOf("a: 1") + ` bytes=4 tries=0 took=0s`,
		} {
			if !strings.Contains(log.String(), text) {
				t.Errorf("the log lacks %s:\n%s", text, log.String())
			}
		}
		if strings.Contains(log.String(), "t0ken") {
			t.Error("the log has the password")
		}
	})
}

// An error says everything that a person needs, in its text and in its fields.
func TestErrorSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stepError(StepTLS, drydock.ErrUnavailable, "give its authority with t0ken-value", "the certificate of %s is not trusted: %w", "h", errors.New("expired"))
		e.final = true
		_, _, err := resolverFor(&source{err: e}, ResolverOptions{}).Resolve(t.Context(), "x://u:t0ken-value@h/p?token=t0ken-value")
		const want = "get design x://***@h/p?token=***: tls: unavailable: the certificate of h is not trusted: expired (1 try, 0s); give its authority with ***"
		var got *Error
		if err.Error() != want || !errors.As(err, &got) || got.Step != StepTLS || got.Ref != "x://***@h/p?token=***" || got.Tries != 1 || got.Status != 0 {
			t.Errorf("%v\nwant %s", err, want)
		}
	})
	for step, kind := range map[Step]error{
		StepBreaker: drydock.ErrUnavailable, StepDNS: drydock.ErrUnavailable, StepConnect: drydock.ErrUnavailable, StepTLS: drydock.ErrUnavailable,
		StepAuth: drydock.ErrDenied, StepStatus: drydock.ErrNotFound, StepRead: drydock.ErrUnavailable, StepSize: drydock.ErrInvalid,
	} {
		var e Error
		if e.describe(stepError(step, kind, "", "no")); e.Remedy == "" {
			t.Errorf("nobody says what to do about %s", step)
		}
	}
}

// What a fetcher refuses whatever the source says, Check says before anyone is asked.
func TestCheckAsksFetcher(t *testing.T) {
	f := &picky{}
	r := NewResolver(map[string]Fetcher{"x": f}, ResolverOptions{})
	must(t, r.Check("x://good/p"))
	err := r.Check("x://u:pw-secret@bad/p")
	wantError(t, err, drydock.ErrDenied, "design reference x://***@bad/p: policy: denied: *** may not read from bad; allow it")
}
