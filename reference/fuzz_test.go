package reference

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"drydock"
)

// FuzzResolve: whatever the reference, there is a body or an error with a kind, and no error says the password.
func FuzzResolve(f *testing.F) {
	for _, ref := range []string{
		"", "file:///x", "FILE:x", "http://user:s3cr3t-pw@h:80/p?token=s3cr3t-q#f", "http://[::1]:80/", "x:opaque", "//h/p", "http://h/%2e%2e/%00", "https://u:pa/ss@h", "deckhand+http://h/r", pinned("http://h/", ""), "http://h/p#sha256=1", "http://h:/p#SHA256%3D",
	} {
		f.Add(ref)
	}
	echo := fetcherFunc(func(ctx context.Context, u *url.URL) ([]byte, error) {
		if len(u.Path)%2 == 0 {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: cannot get %s (%v)", drydock.ErrUnavailable, u, u.Query())
	})
	r := NewResolver(map[string]Fetcher{"http": echo, "https": echo, "file": FetchFile([]string{f.TempDir()}, 0)}, ResolverOptions{Tries: 2, Wait: time.Nanosecond, Deadline: time.Second, BreakAfter: -1})
	f.Fuzz(func(t *testing.T, ref string) {
		body, _, err := r.Resolve(t.Context(), ref)
		if (err == nil) == (body == nil) {
			t.Fatalf("body %v, error %v", body, err)
		}
		if err == nil {
			return
		}
		if len(kindsOf(err)) == 0 {
			t.Errorf("error without a kind: %v", err)
		}
		u, parseErr := url.Parse(ref)
		if parseErr != nil || u.User == nil {
			return
		}
		if password, _ := u.User.Password(); len(password) >= 8 && strings.Contains(err.Error(), password) && !strings.Contains(redactURL(u), password) {
			t.Errorf("%q leaks the password: %v", ref, err)
		}
	})
}

type fetcherFunc func(context.Context, *url.URL) ([]byte, error)

func (f fetcherFunc) Fetch(ctx context.Context, q Request) (Answer, error) {
	body, err := f(ctx, q.URL)
	return Answer{Body: body}, err
}

// BenchmarkIngest reads the sample with its nodes repeated to a thousand.
