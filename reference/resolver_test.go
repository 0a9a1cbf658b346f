package reference

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
)

// script is a fetcher that answers what a test tells it, one answer for each try; the last one repeats.
type script struct {
	answers []func(context.Context) ([]byte, error)
	calls   int
}

func (s *script) Fetch(ctx context.Context, _ Request) (Answer, error) {
	a := s.answers[min(s.calls, len(s.answers)-1)]
	s.calls++
	body, err := a(ctx)
	return Answer{Body: body}, err
}

func says(body []byte, err error) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return body, err }
}

func busy(ctx context.Context) ([]byte, error) {
	return nil, fmt.Errorf("%w: busy", drydock.ErrUnavailable)
}

func hang(ctx context.Context) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestResolveTries(t *testing.T) {
	body := []byte("a: 1")
	for _, c := range []struct {
		name    string
		answers []func(context.Context) ([]byte, error)
		calls   int
		kind    error
		text    string
	}{
		{"at once", []func(context.Context) ([]byte, error){says(body, nil)}, 1, nil, ""},
		{"nil body", []func(context.Context) ([]byte, error){says(nil, nil)}, 1, nil, ""},
		{"second try", []func(context.Context) ([]byte, error){busy, says(body, nil)}, 2, nil, ""},
		{"timeout of one try", []func(context.Context) ([]byte, error){says(nil, context.DeadlineExceeded), says(body, nil)}, 2, nil, ""},
		{"always busy", []func(context.Context) ([]byte, error){busy}, 4, drydock.ErrUnavailable, "read: unavailable: busy (4 tries, "},
		{
			"last error counts",
			[]func(context.Context) ([]byte, error){busy, says(nil, fmt.Errorf("%w: gone", drydock.ErrNotFound))},
			2,
			drydock.ErrNotFound, "read: not found: gone (2 tries, ",
		},
		{"not found", []func(context.Context) ([]byte, error){says(nil, drydock.ErrNotFound)}, 1, drydock.ErrNotFound, "get design x://h/p: read: not found (1 try, 0s)"},
		{"denied", []func(context.Context) ([]byte, error){says(nil, drydock.ErrDenied)}, 1, drydock.ErrDenied, ""},
		{"invalid", []func(context.Context) ([]byte, error){says(nil, drydock.ErrInvalid)}, 1, drydock.ErrInvalid, ""},
		{"final", []func(context.Context) ([]byte, error){says(nil, &fetchError{kind: drydock.ErrUnavailable, final: true})}, 1, drydock.ErrUnavailable, ""},
		{"too large", []func(context.Context) ([]byte, error){says(make([]byte, 101), nil)}, 1, drydock.ErrInvalid, "101 bytes, more than the 100 allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &script{answers: c.answers}
				r := NewResolver(map[string]Fetcher{"X": f}, ResolverOptions{Tries: 4, MaxBytes: 100})
				got, _, err := r.Resolve(t.Context(), "x://h/p")
				if f.calls != c.calls {
					t.Errorf("%d tries, want %d", f.calls, c.calls)
				}
				if !errors.Is(err, c.kind) || err == nil != (c.kind == nil) {
					t.Fatalf("error %v, want kind %v", err, c.kind)
				}
				if err != nil && !strings.Contains(err.Error(), c.text) {
					t.Errorf("error %q lacks %q", err, c.text)
				}
				if err == nil && got == nil {
					t.Error("nil body without an error")
				}
			})
		})
	}
}

func TestResolvePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver(nil, ResolverOptions{Wait: time.Second, MaxWait: 3 * time.Second})
		for try, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 3 * time.Second, 60: 3 * time.Second} {
			different := map[time.Duration]bool{}
			for range 200 {
				d := r.pause(try, drydock.ErrUnavailable)
				if different[d] = true; d < 0 || d > most {
					t.Fatalf("pause after try %d is %v, want at most %v", try, d, most)
				}
			}
			if len(different) < 100 {
				t.Errorf("pauses after try %d are not random", try)
			}
		}
		if d := r.pause(1, &fetchError{kind: drydock.ErrUnavailable, after: time.Minute}); d != time.Minute {
			t.Errorf("the server's wish was not heard: %v", d)
		}
	})
}

func TestResolveEnds(t *testing.T) {
	t.Run("deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := NewResolver(map[string]Fetcher{"x": &script{answers: []func(context.Context) ([]byte, error){hang}}}, ResolverOptions{Deadline: time.Minute})
			start := time.Now()
			_, _, err := r.Resolve(t.Context(), "x://h")
			if !errors.Is(err, drydock.ErrUnavailable) || !strings.Contains(err.Error(), "not within 1m0s") || time.Since(start) != time.Minute {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		})
	})
	t.Run("deadline before the pause is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			wait := &fetchError{kind: drydock.ErrUnavailable, text: "later", after: time.Hour}
			r := NewResolver(map[string]Fetcher{"x": &script{answers: []func(context.Context) ([]byte, error){says(nil, wait)}}}, ResolverOptions{Deadline: time.Minute})
			start := time.Now()
			_, _, err := r.Resolve(t.Context(), "x://h")
			if !errors.Is(err, drydock.ErrUnavailable) || !strings.Contains(err.Error(), "later") || time.Since(start) != 0 {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		})
	})
	t.Run("cancelled while pausing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			f := &script{answers: []func(context.Context) ([]byte, error){func(ctx context.Context) ([]byte, error) {
				cancel()
				return busy(ctx)
			}}}
			_, _, err := NewResolver(map[string]Fetcher{"x": f}, ResolverOptions{}).Resolve(ctx, "x://h")
			if !errors.Is(err, drydock.ErrUnavailable) || !errors.Is(err, context.Canceled) || f.calls != 1 {
				t.Errorf("%d tries: %v", f.calls, err)
			}
		})
	})
}

func TestResolveReferences(t *testing.T) {
	r := NewResolver(map[string]Fetcher{"file": &script{answers: []func(context.Context) ([]byte, error){says(nil, nil)}}, "HTTP": nil}, ResolverOptions{})
	for ref, text := range map[string]string{
		"":                           "has no scheme; known are: file, http",
		"/srv/site.yaml":             "has no scheme",
		"ftp://h/p":                  `unknown scheme "ftp"; known are: file, http`,
		"deckhand+https://h/p":       "unknown scheme",
		"http://user:se/cret@h/p":    "not a valid URI",
		"http://[::1/p":              "not a valid URI",
		"http://h/%zz":               "not a valid URI",
		"http://h/\x00":              "not a valid URI",
		strings.Repeat("a", 8<<10+1): "too long",
	} {
		_, _, err := r.Resolve(t.Context(), ref)
		if !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "cret") {
			t.Errorf("%.40q: %v, want %q", ref, err, text)
		}
		if checked := r.Check(ref); checked == nil || checked.Error() != err.Error() {
			t.Errorf("%.40q: Check says %v", ref, checked)
		}
	}
	if _, _, err := r.Resolve(t.Context(), "FILE:///x"); err != nil {
		t.Errorf("upper-case scheme: %v", err)
	}
}

func TestResolveHidesSecrets(t *testing.T) {
	const ref = "x://operator:p%40ssw0rd@host.example/a/b?token=t0ken%2Fvalue&eyJhbGciOiJIUzI1NiJ9#frag"
	leaks := []string{"operator", "p%40ssw0rd", "p@ssw0rd", "t0ken", "eyJhbGciOiJIUzI1NiJ9", "frag"}
	var log bytes.Buffer
	for _, said := range []string{
		ref, "Get " + ref, "password p@ssw0rd of operator is wrong", "token=t0ken%2Fvalue", "t0ken/value", "eyJhbGciOiJIUzI1NiJ9",
		"GET /a/b?token=t0ken%2Fvalue&eyJhbGciOiJIUzI1NiJ9 HTTP/1.1", "operator:p%40ssw0rd",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &script{answers: []func(context.Context) ([]byte, error){says(nil, fmt.Errorf("%w: %s", drydock.ErrUnavailable, said))}}
			_, _, err := NewResolver(map[string]Fetcher{"x": f}, ResolverOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Resolve(t.Context(), ref)
			for e := err; e != nil; e = errors.Unwrap(e) {
				for _, leak := range leaks {
					if strings.Contains(e.Error(), leak) || strings.Contains(fmt.Sprintf("%+v %#v", e, e), leak) {
						t.Errorf("%q leaks %q: %v", said, leak, e)
					}
				}
			}
		})
	}
	for _, leak := range leaks {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the log leaks %q", leak)
		}
	}
	if !strings.Contains(log.String(), "try=2") {
		t.Error("tries are not logged")
	}
}

func TestRedact(t *testing.T) {
	for ref, want := range map[string]string{
		"http://h/p":                 "http://h/p",
		"https://u:p@h:8443/p":       "https://***@h:8443/p",
		"https://u@h/p":              "https://***@h/p",
		"http://h/p?a=1&sig=2&c":     "http://h/p?a=1&sig=***&c",
		"http://h/p#secret":          "http://h/p#***",
		"file:///srv/a%20b.yaml":     "file:///srv/a%20b.yaml",
		"data:text/plain,secret":     "data:***",
		"http://u:pa/ss@h/p":         "***",
		"http://h/\x7f":              "***",
		"/relative?token=1":          "/relative?token=***",
		"deckhand+https://h/r/1?x=y": "deckhand+https://h/r/1?x=y",
	} {
		if got := Redact(ref); got != want {
			t.Errorf("Redact(%q) = %q, want %q", ref, got, want)
		}
	}
}
