package keystone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"go.uber.org/goleak"

	"drydock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTokenShared: a thousand callers at once, one login; then none.
func TestTokenShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := fake(t, Options{}, func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return grant(n, time.Hour, 0)
		})
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { wantToken(t, c, "token-1") })
		}
		all.Wait()
		wantToken(t, c, "token-1")
		wantTimes(t, a, 1)
	})
}

// TestRenewShared: any number of callers with the same refused token, one login; an older token that was refused causes none.
func TestRenewShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := fake(t, Options{}, func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return grant(n, time.Hour, 0)
		})
		wantToken(t, c, "token-1")
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond) // while it is renewed, and after
				if got, err := c.Renew(t.Context(), "token-1"); err != nil || got != "token-2" {
					t.Errorf("renewed: %q, %v", got, err)
				}
			})
		}
		all.Wait()
		wantToken(t, c, "token-2")
		wantTimes(t, a, 2)
	})
}

// TestTokenLife follows tokens of several lives for a while: each one that is handed out is good for some time, on whatever clock Keystone has.
func TestTokenLife(t *testing.T) {
	for _, life := range []time.Duration{5 * time.Second, time.Minute, time.Hour} {
		for _, ahead := range []time.Duration{0, 2 * time.Hour, -2 * time.Hour} {
			t.Run(fmt.Sprint(life, " ahead ", ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ends := map[string]time.Time{}
					c, a := fake(t, Options{}, func(n int, _ *http.Request) (*http.Response, error) {
						ends[fmt.Sprint("token-", n)] = time.Now().Add(life)
						return grant(n, life, ahead)
					})
					const steps = 200
					for range steps {
						token, err := c.Token(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						synctest.Wait() // a renewal that nobody waits for
						if left := time.Until(ends[token]); left < life/20 {
							t.Fatalf("%s ends in %v", token, left)
						}
						time.Sleep(life / 20)
					}
					if lives := a.times(); lives > steps/20*2 {
						t.Errorf("%d logins for ten lives of a token", lives)
					}
				})
			})
		}
	}
}

// TestRenewalFails: while a token is good and Keystone is not, the token is used, and nobody waits for long.
func TestRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		c, a := fake(t, Options{}, func(n int, req *http.Request) (*http.Response, error) {
			if down {
				return hang(req)
			}
			return grant(n, time.Hour, 0)
		})
		wantToken(t, c, "token-1")
		down = true
		time.Sleep(59 * time.Minute) // less than a minute is left
		for range 5 {
			began := time.Now()
			wantToken(t, c, "token-1")
			if took := time.Since(began); took > longEnough {
				t.Errorf("it took %v", took)
			}
			time.Sleep(8 * time.Second)
		}
		if _, err := c.Endpoints(t.Context(), "deckhand"); !errors.Is(err, drydock.ErrInvalid) { // there is an old catalogue, and no younger one to be had
			t.Errorf("endpoints: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := c.Token(t.Context()); !errors.Is(err, drydock.ErrUnavailable) {
			t.Errorf("after the end of the token: %v", err)
		}
		down = false
		time.Sleep(2 * time.Minute) // until a login that nobody waited for has ended
		wantToken(t, c, fmt.Sprint("token-", a.times()+1))
	})
}

// TestHang: a Keystone that does not answer. The end of a caller's context ends its wait at once, the login goes on for the others, and is given
// up when the last one has left.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan time.Time, 10)
		c, a := fake(t, Options{RequestTimeout: time.Minute}, func(_ int, req *http.Request) (*http.Response, error) {
			defer func() { gone <- time.Now() }()
			return hang(req)
		})
		began := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				limit := time.Duration(i+1) * time.Second
				_, err := c.Token(after(t, limit))
				if !errors.Is(err, drydock.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != limit {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		}
		all.Wait()
		if took := (<-gone).Sub(began); took != 10*time.Second {
			t.Errorf("the request ended after %v", took)
		}
		wantTimes(t, a, 1)

		began = time.Now()
		_, err := c.Token(t.Context())
		if took := time.Since(began); !errors.Is(err, drydock.ErrUnavailable) || took < 4*time.Minute || took > 5*time.Minute {
			t.Errorf("without a limit of its own: %v after %v", err, took)
		}
		if !strings.Contains(err.Error(), "Keystone http://keystone.example/v3 does not answer within 1m0s (4 tries)") {
			t.Errorf("error %q", err)
		}
		synctest.Wait()
	})
}

// TestRetries: what is worth another try, and what is not.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func() (*http.Response, error)
		times  int
		kind   error
		text   string
	}{
		{"unreachable", func() (*http.Response, error) { return nil, errors.New("connection refused") }, 4, drydock.ErrUnavailable, "cannot be reached: connection refused (4 tries)"},
		{"500", func() (*http.Response, error) { return reply(500, "oops") }, 4, drydock.ErrUnavailable, "answers 500 Internal Server Error (4 tries)"},
		{"503", func() (*http.Response, error) { return reply(503, "", "Retry-After", "2") }, 4, drydock.ErrUnavailable, "503"},
		{"503 for long", func() (*http.Response, error) { return reply(503, "", "Retry-After", "3600") }, 1, drydock.ErrUnavailable, "503"},
		{"429", func() (*http.Response, error) { return reply(429, "") }, 4, drydock.ErrUnavailable, "429"},
		{"401", func() (*http.Response, error) { return reply(401, "") }, 1, drydock.ErrDenied, "look at username and user_domain_name, and at password"},
		{"403", func() (*http.Response, error) { return reply(403, "") }, 1, drydock.ErrDenied, "may be locked"},
		{"400", func() (*http.Response, error) { return reply(400, `{"error":{"message":"no\n such thing"}}`) }, 1, drydock.ErrInvalid, "400 Bad Request (no such thing)"},
		{"404", func() (*http.Response, error) { return reply(404, "") }, 1, drydock.ErrInvalid, "look at auth_url"},
		{"redirect", func() (*http.Response, error) { return reply(307, "", "Location", "http://u:p@evil.example/?x=y") }, 1, drydock.ErrInvalid, "http://%2A%2A%2A@evil.example/"},
		{"no token", func() (*http.Response, error) { return reply(201, "{}") }, 1, drydock.ErrInvalid, "there is no token in its answer"},
		{"HTML", func() (*http.Response, error) { return reply(201, "<html>") }, 1, drydock.ErrInvalid, "does not answer as Keystone does"},
		{"other JSON", func() (*http.Response, error) { return reply(201, `{"token":[]}`) }, 1, drydock.ErrInvalid, "does not answer as Keystone does"},
		{"broken off", func() (*http.Response, error) { return reply(201, `{"token":{`) }, 4, drydock.ErrUnavailable, "broke off"},
		{"endless", func() (*http.Response, error) { return reply(201, `{"x":"`+strings.Repeat("x", maxAnswer)+`"}`) }, 1, drydock.ErrInvalid, "longer than 8 MiB"},
		{"endless error", func() (*http.Response, error) { return reply(500, strings.Repeat("x", maxAnswer+1)) }, 4, drydock.ErrUnavailable, "500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, a := fake(t, Options{}, func(int, *http.Request) (*http.Response, error) { return c.answer() })
				began := time.Now()
				_, err := client.Token(t.Context())
				if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("error %v, want %v with %q", err, c.kind, c.text)
				}
				wantTimes(t, a, c.times)
				took := time.Since(began)
				if c.name == "503" && took < 6*time.Second || took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestDenied: an account that was refused is left alone for half a minute, whoever asks.
func TestDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right := false
		c, a := fake(t, Options{}, func(n int, _ *http.Request) (*http.Response, error) {
			if right {
				return grant(n, time.Hour, 0)
			}
			return reply(401, "")
		})
		for range 10 {
			if _, err := c.Token(t.Context()); !errors.Is(err, drydock.ErrDenied) {
				t.Errorf("error %v", err)
			}
			time.Sleep(2 * time.Second)
		}
		wantTimes(t, a, 1)
		right = true
		time.Sleep(11 * time.Second)
		wantToken(t, c, "token-2")
	})
}

// TestExplain: a 401 does not say which part is wrong; another question does.
func TestExplain(t *testing.T) {
	scoped := func(o Options) Options {
		o.Username, o.UserDomainName, o.Password = "u", "D", "pass-secret"
		return o
	}
	for _, c := range []struct {
		o     Options
		user  bool // user and password are right
		parts string
		times int
	}{
		{scoped(Options{ProjectName: "p", ProjectDomainName: "D"}), true, "user and password are right, so look at project_name", 2},
		{scoped(Options{ProjectID: "p"}), true, "so look at project_id", 2},
		{scoped(Options{TrustID: "p"}), true, "so look at trust_id", 2},
		{scoped(Options{SystemScope: "all"}), true, "so look at system_scope", 2},
		{scoped(Options{DomainName: "p"}), true, "so look at domain_name", 2},
		{scoped(Options{ProjectID: "p"}), false, "look at username and user_domain_name, and at password", 2},
		{Options{UserID: "u", Password: "pass-secret"}, false, "look at user_id", 1},
		{Options{ApplicationCredentialID: "a", ApplicationCredentialSecret: "s"}, false, "look at application_credential_id", 1},
	} {
		client, a := fake(t, c.o, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 2 && c.user {
				return grant(n, time.Hour, 0)
			}
			return reply(401, "")
		})
		if _, err := client.Token(t.Context()); !errors.Is(err, drydock.ErrDenied) || !strings.Contains(err.Error(), c.parts) {
			t.Errorf("error %v, want %q", err, c.parts)
		}
		wantTimes(t, a, c.times)
	}
}

// TestFind is the table of catalogues.
func TestFind(t *testing.T) {
	catalog := []tokens.CatalogEntry{
		{Type: "deckhand", Endpoints: []tokens.Endpoint{
			{Interface: "internal", RegionID: "one", URL: "http://in.one"},
			{Interface: "public", RegionID: "one", URL: "http://pub.one"},
			{Interface: "internal", Region: "two", RegionID: "two", URL: "http://in.two"},
			{Interface: "internal", RegionID: "one", URL: "::"},
		}},
		{Type: "other", Endpoints: []tokens.Endpoint{{Interface: "admin", RegionID: "one", URL: "http://admin"}}},
	}
	for _, c := range []struct {
		o       Options
		service string
		want    string
	}{
		{Options{}, "deckhand", "http://in.one http://in.two"},
		{Options{RegionName: "two"}, "deckhand", "http://in.two"},
		{Options{Interfaces: []string{"publicURL"}}, "deckhand", "http://pub.one"},
		{Options{Interfaces: []string{"admin", "public", "internal"}}, "deckhand", "http://pub.one"},
		{Options{RegionName: "three"}, "deckhand", "there is internal in one, public in one, internal in two, and internal in three is wanted"},
		{Options{}, "other", "there is admin in one, and internal is wanted; look at interface"},
		{Options{}, "none", "there is no such service"},
	} {
		client, _ := fake(t, c.o, nil)
		found, reason := client.find(catalog, c.service)
		got := reason
		for i, u := range found {
			got += strings.Repeat(" ", min(i, 1)) + u.String()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s with %+v: %q, want %q", c.service, c.o, got, c.want)
		}
	}
	client, _ := fake(t, Options{}, nil)
	if _, reason := client.find(nil, "deckhand"); !strings.Contains(reason, "look at project_name") {
		t.Errorf("without a catalogue: %q", reason)
	}
}

// TestStaleCatalog: a service that was registered after the token was got is found, without a login for each question.
func TestStaleCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := fake(t, Options{}, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return grant(n, time.Hour, 0)
			}
			return reply(201, `{"token":{"expires_at":"2100-01-01T00:00:00Z","catalog":[{"type":"deckhand","endpoints":[{"interface":"internal","url":"http://d"}]}]}}`,
				"X-Subject-Token", "token-2")
		})
		for range 3 {
			if _, err := c.Endpoints(t.Context(), "deckhand"); !errors.Is(err, drydock.ErrInvalid) {
				t.Errorf("error %v", err)
			}
		}
		wantTimes(t, a, 1)
		time.Sleep(staleCatalog)
		found, err := c.Endpoints(t.Context(), "deckhand")
		if err != nil || len(found) != 1 || *found[0] != (url.URL{Scheme: "http", Host: "d"}) {
			t.Errorf("found %v, %v", found, err)
		}
		wantTimes(t, a, 2)
	})
}
