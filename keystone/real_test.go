package keystone

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/keystone/keystonetest"
)

// drydockAt are the options of the service's own account, by names.
func drydockAt(url string) Options {
	return Options{
		AuthURL: url, Username: keystonetest.DrydockUser, Password: Secret(keystonetest.Password(keystonetest.DrydockUser)), UserDomainName: keystonetest.Domain,
		ProjectName: keystonetest.Project, ProjectDomainName: keystonetest.Domain,
	}
}

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantRoles checks that a client gets tokens that services accept, with a role in them.
func wantRoles(t *testing.T, s *keystonetest.Server, c *Client, want string) {
	t.Helper()
	token, err := c.Token(t.Context())
	if err != nil {
		t.Errorf("%s: %v", c, err)
		return
	}
	if roles, err := s.Validate(t.Context(), token); err != nil || !slices.Contains(roles, want) {
		t.Errorf("%s: the token has the roles %v, %v; want %s", c, roles, err, want)
	}
}

// TestKeystoneMethods logs in at a real Keystone by every method and every way of naming things. That a project may be named, and need not be
// the user's default, is what upstream's configuration says and its program does not do (P49).
func TestKeystoneMethods(t *testing.T) {
	t.Parallel()
	s := keystonetest.Shared(t)
	byName := drydockAt(s.URL)
	with := func(change func(*Options)) Options {
		o := byName
		change(&o)
		return o
	}
	id, secret := s.ApplicationCredential(t, "drydock-app")
	for name, o := range map[string]Options{
		"by names":        byName,
		"without /v3":     with(func(o *Options) { o.AuthURL = strings.TrimSuffix(s.URL, "/v3") + "/" }),
		"by project id":   with(func(o *Options) { o.ProjectID, o.ProjectName = s.ProjectID, "" }),
		"by domain ids":   with(func(o *Options) { o.UserDomainID, o.ProjectDomainID = keystonetest.DomainID, keystonetest.DomainID }),
		"by user id":      with(func(o *Options) { o.UserID, o.Username = s.UserID(keystonetest.DrydockUser), "" }),
		"TLS, own CA":     with(func(o *Options) { o.AuthURL, o.CAFile = s.SecureURL, s.CAFile }),
		"TLS, unverified": with(func(o *Options) { o.AuthURL, o.Insecure = s.SecureURL, true }),
		"application credential by id": {
			AuthURL: s.URL, AuthType: "v3applicationcredential", ApplicationCredentialID: id, ApplicationCredentialSecret: Secret(secret),
		},
		"application credential by name": {
			AuthURL: s.URL, ApplicationCredentialName: "drydock-app", ApplicationCredentialSecret: Secret(secret),
			Username: keystonetest.DrydockUser, UserDomainName: keystonetest.Domain,
		},
		"system scope": {
			AuthURL: s.URL, UserDomainName: keystonetest.Domain, SystemScope: "all", Username: keystonetest.AdminUser, Password: Secret(keystonetest.Password(keystonetest.AdminUser)),
		},
	} {
		t.Run(name, func(t *testing.T) { wantRoles(t, s, newClient(t, o), "admin") })
	}
	t.Run("reader", func(t *testing.T) {
		wantRoles(t, s, newClient(t, with(func(o *Options) {
			o.Username, o.Password = keystonetest.ReaderUser, Secret(keystonetest.Password(keystonetest.ReaderUser))
		})), "reader")
	})
}

// TestKeystoneRefuses checks that what a real Keystone refuses is told as what it is, with the option to look at.
func TestKeystoneRefuses(t *testing.T) {
	t.Parallel()
	s := keystonetest.Shared(t)
	id, _ := s.ApplicationCredential(t, "drydock-other")
	for want, change := range map[string]func(*Options){
		"look at username and user_domain_name, and at password":                   func(o *Options) { o.Password = "wrong-hunter2" },
		`to user "nobody" of domain "Default" for project "service"`:               func(o *Options) { o.Username = "nobody" },
		"look at user_id, username and user_domain_id, and at password":            func(o *Options) { o.UserDomainID = "none" },
		"user and password are right, so look at project_name":                     func(o *Options) { o.ProjectName = "none" },
		"are right, so look at project_name and project_domain_name, and whether":  func(o *Options) { o.ProjectName = keystonetest.AdminProject },
		"so look at project_id, project_name and project_domain_id, and whether t": func(o *Options) { o.ProjectID = "none" },
		"look at application_credential_id and application_credential_secret": func(o *Options) {
			o.ApplicationCredentialID, o.ApplicationCredentialSecret = id, "wrong-hunter2"
		},
	} {
		o := drydockAt(s.URL)
		change(&o)
		_, err := newClient(t, o).Token(t.Context())
		if !errors.Is(err, drydock.ErrDenied) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v, want ErrDenied with %q", err, want)
		}
	}
	for want, change := range map[string]func(*Options){
		"is not trusted": func(o *Options) { o.AuthURL = s.SecureURL },
		"cannot be reached": func(o *Options) {
			o.AuthURL, o.Tries = strings.Replace(s.URL, "http://", "https://", 1), 1
		},
	} {
		o := drydockAt(s.URL)
		change(&o)
		if _, err := newClient(t, o).Token(t.Context()); !errors.Is(err, drydock.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want ErrUnavailable with %q", err, want)
		}
	}
	o := drydockAt(strings.TrimSuffix(s.URL, "/v3") + "/elsewhere")
	if _, err := newClient(t, o).Token(t.Context()); !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "look at auth_url") {
		t.Errorf("error %v, want ErrInvalid", err)
	}
}

// TestKeystoneRenew: a token that was revoked is replaced, once.
func TestKeystoneRenew(t *testing.T) {
	t.Parallel()
	s := keystonetest.Shared(t)
	c := newClient(t, drydockAt(s.URL))
	wantRoles(t, s, c, "admin")
	old, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Revoke(t, old)
	renewed, err := c.Renew(t.Context(), old)
	if err != nil || renewed == old {
		t.Fatalf("renewed: the same %v, %v", renewed == old, err)
	}
	wantRoles(t, s, c, "admin")
	if again, err := c.Renew(t.Context(), old); err != nil || again != renewed {
		t.Errorf("the same refusal again: the same token %v, %v", again == renewed, err)
	}
}

// TestKeystoneEndpoints reads a real catalogue.
func TestKeystoneEndpoints(t *testing.T) {
	t.Parallel()
	s := keystonetest.Shared(t)
	for _, e := range [][3]string{
		{"internal", keystonetest.Region, "http://internal.one:9000/api/v1.0"},
		{"public", keystonetest.Region, "https://public.one/api/v1.0"},
		{"internal", "RegionTwo", "http://internal.two:9000/api/v1.0"},
	} {
		s.AddEndpoint(t, "measured", e[0], e[1], e[2])
	}
	for _, c := range []struct {
		region string
		faces  []string
		want   string // the URLs, or a part of the error
	}{
		{keystonetest.Region, nil, "http://internal.one:9000/api/v1.0"},
		{keystonetest.Region, []string{"public", "internal"}, "https://public.one/api/v1.0"},
		{"RegionTwo", []string{"public", "internal"}, "http://internal.two:9000/api/v1.0"},
		{"RegionTwo", []string{"public"}, "public in RegionTwo is wanted; look at interface and region_name"},
	} {
		o := drydockAt(s.URL)
		o.RegionName, o.Interfaces = c.region, c.faces
		found, err := newClient(t, o).Endpoints(t.Context(), "measured")
		if err == nil && (len(found) != 1 || found[0].String() != c.want) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, %v", c.region, c.faces, found, err)
		}
	}
	o := drydockAt(s.URL)
	if _, err := newClient(t, o).Endpoints(t.Context(), "none"); !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "there is no such service") {
		t.Errorf("error %v", err)
	}
}

// TestKeystoneShortTokens uses tokens of five seconds for longer than they live, and Keystone goes away and comes back in the meantime. Every token
// that is handed out is valid.
func TestKeystoneShortTokens(t *testing.T) {
	t.Parallel()
	s := keystonetest.Start(t, keystonetest.Options{TTL: 5 * time.Second})
	o := drydockAt(s.URL)
	o.Tries = 1
	c := newClient(t, o)
	seen := map[string]bool{}
	for tick := time.NewTicker(200 * time.Millisecond); len(seen) < 2; <-tick.C {
		token, err := c.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[token] = true
		asked := time.Now()
		roles, err := s.Validate(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		// On a machine that is so busy that the question takes half a second the token may have ended under way.
		if took := time.Since(asked); len(roles) == 0 && took < 300*time.Millisecond {
			t.Fatalf("token %d is not valid", len(seen))
		}
	}

	s.Stop(t)
	held, err := c.Token(t.Context())
	if err != nil {
		t.Fatalf("the token is good for some time yet: %v", err)
	}
	if _, err := c.Renew(t.Context(), held); !errors.Is(err, drydock.ErrUnavailable) || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("while Keystone is down: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Token(ctx); !errors.Is(err, drydock.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("of a caller who is gone: %v", err)
	}
	s.Restart(t)
	wantRoles(t, s, c, "admin")
}
