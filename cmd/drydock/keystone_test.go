package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/design"
	"drydock/keystone/keystonetest"
	"drydock/reference"
)

// keystoneConfig is a configuration with the account of the service, read from a file as upstream's is.
func keystoneConfig(t *testing.T, s *keystonetest.Server, lines ...string) config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drydock.conf")
	text := "[keystone_authtoken]\nauth_type = password\ndelay_auth_decision = true\nuser_domain_name = Default\nproject_domain_name = Default\n" +
		"auth_url = " + s.SecureURL + "\ncafile = " + s.CAFile + "\nhttp_request_max_retries = 0\nproject_name = " + keystonetest.Project + "\n" +
		"username = " + keystonetest.DrydockUser + "\npassword = " + keystonetest.Password(keystonetest.DrydockUser) + "\n" + strings.Join(lines, "\n") + "\n[network]\nhttp_client_retries = 1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := loadConfig(source{file: path})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func testLoader(t *testing.T, cfg config) *design.Loader {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w, err := newWays(cfg, nil, sources{}, log)
	if err != nil {
		t.Fatal(err)
	}
	in, err := newIngester()
	if err != nil {
		t.Fatal(err)
	}
	return design.NewLoader(w.designs(), in, log)
}

// TestDeckhand follows references from the configuration to a site, or to a refusal, through a real Keystone and a double of Deckhand.
func TestDeckhand(t *testing.T) {
	t.Parallel()
	s := keystonetest.Shared(t)
	d := newDeckhand(t, s)

	t.Run("a site", func(t *testing.T) {
		l := testLoader(t, keystoneConfig(t, s))
		for _, origin := range []drydock.Origin{drydock.OriginSource, drydock.OriginCache} { // what a revision renders to never changes
			report, err := l.Load(t.Context(), d.ref("1"))
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed() || len(report.Design.Nodes) != 5 || report.Source.Origin != origin {
				t.Errorf("%d nodes from the %s, findings %v", len(report.Design.Nodes), report.Source.Origin, report.Findings)
			}
		}
		requests, refused := d.asked()
		if !slices.Equal(requests, []string{"schema=drydock marker 36"}) || refused != 0 {
			t.Errorf("asked %q, %d tokens refused", requests, refused)
		}
	})

	t.Run("a task", func(t *testing.T) {
		cfg := keystoneConfig(t, s)
		base := testConfig(t, "sqlite:"+filepath.Join(t.TempDir(), "drydock.db"))
		base.Keystone, base.Tries = cfg.Keystone, cfg.Tries
		service := startService(t, base)
		command := func(args ...string) outcome {
			return runCommand(t.Context(), 0, map[string]string{"DD_URL": service.url, "USER": "ann"}, args...)
		}
		good := command("task", "create", "-a", "validate_design", "-d", d.ref("1"), "--block")
		if task := decode[api.Task](t, good); good.code != exitOK || task.Result.Status != drydock.ResultSuccess {
			t.Errorf("exit code %d, %s\n%s", good.code, task.Result.Status, good.err)
		}
		bad := command("task", "create", "-a", "validate_design", "-d", d.ref("77"), "--block")
		if bad.code != exitFailed || !strings.Contains(bad.err, "The requested revision=77 was not found.") {
			t.Errorf("exit code %d\n%s", bad.code, bad.err)
		}
	})

	t.Run("a person at a terminal", func(t *testing.T) {
		command := func(password string, args ...string) outcome {
			return runCommand(t.Context(), 0, map[string]string{
				"OS_AUTH_URL": s.SecureURL, "OS_CACERT": s.CAFile, "OS_USERNAME": keystonetest.DrydockUser, "OS_PASSWORD": password,
				"OS_USER_DOMAIN_NAME": keystonetest.Domain, "OS_PROJECT_NAME": keystonetest.Project, "OS_PROJECT_DOMAIN_ID": keystonetest.DomainID,
			}, args...)
		}
		password := keystonetest.Password(keystonetest.DrydockUser)
		if got := command(password, "design", "resolve", d.ref("1")); got.code != exitOK || !strings.Contains(got.out, "digest") {
			t.Errorf("resolve: %+v", got)
		}
		if got := command(password, "design", "check", d.ref("1"), "-o", "table"); got.code != exitOK || !strings.Contains(got.out, "deckhand+http=catalog") {
			t.Errorf("check: %+v", got)
		}
		if got := command("hunter2", "design", "resolve", d.ref("1")); got.code != exitDenied || !strings.Contains(got.err, "at password") || strings.Contains(got.err, "hunter2") {
			t.Errorf("a wrong password: %+v", got)
		}
		d.asked()
	})

	for _, c := range []struct {
		name, ref string
		lines     []string
		kind      error
		step      reference.Step
		text      string
	}{
		{"no revision", d.ref("77"), nil, drydock.ErrNotFound, reference.StepStatus, "deckhand answered 404 Not Found: The requested revision=77 was not found. (X-Context-Marker "},
		{"the latest revision", d.ref("latest"), nil, drydock.ErrNotFound, reference.StepStatus, "revision=latest was not found"},
		{"no route", strings.Replace(d.ref("1"), "revisions", "visions", 1), nil, drydock.ErrNotFound, reference.StepStatus, "404"},
		{"a failure", d.ref("500"), nil, drydock.ErrUnavailable, reference.StepStatus, "500 Internal Server Error: The secret backend is not available."},
		{"a bad parameter", d.ref("1") + "?limit=x", nil, drydock.ErrInvalid, reference.StepStatus, "400 Bad Request: The limit must be an integer."},
		{"none of Drydock's documents", d.ref("2"), nil, drydock.ErrInvalid, reference.StepDecode, "empty"},
		{
			"a role that may not", d.ref("1"),
			[]string{"username = reader", "password = reader-secret"},
			drydock.ErrDenied, reference.StepAuth,
			"403 Forbidden: deckhand:list_cleartext_documents is disallowed by policy",
		},
		{"a wrong password", d.ref("1"), []string{"password = hunter2-secret"}, drydock.ErrDenied, reference.StepAuth, "look at username and user_domain_name, and at password"},
		{"a wrong project", d.ref("1"), []string{"project_name = none"}, drydock.ErrDenied, reference.StepAuth, "user and password are right, so look at project_name"},
		{"another host", d.elsewhere(t), nil, drydock.ErrDenied, reference.StepPolicy, "the catalogue has " + strings.TrimSuffix(d.url, "/api/v1.0")},
		{"another transport", strings.Replace(d.ref("1"), "+http", "+https", 1), nil, drydock.ErrDenied, reference.StepPolicy, "no line of the policy"},
		{"another region", d.ref("1"), []string{"region_name = Nowhere"}, drydock.ErrInvalid, reference.StepAuth, "internal in Nowhere is wanted"},
		{"another interface", d.ref("1"), []string{"interface = admin"}, drydock.ErrInvalid, reference.StepAuth, "admin is wanted"},
		{"no such service", strings.Replace(d.ref("1"), "deckhand", "promenade", 1), nil, drydock.ErrInvalid, reference.StepAuth, "for services of type kubernetesprovisioner"},
		{"without Keystone", d.ref("1"), []string{"auth_url ="}, drydock.ErrDenied, reference.StepAuth, "set auth_url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := testLoader(t, keystoneConfig(t, s, c.lines...)).Load(t.Context(), c.ref)
			var e *reference.Error
			if !errors.As(err, &e) || e.Step != c.step || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v; want %v of step %s with %q", err, c.kind, c.step, c.text)
			}
			if strings.Contains(fmt.Sprint(err), "-secret") {
				t.Errorf("a secret is in %v", err)
			}
			if requests, _ := d.asked(); len(requests) > 0 && c.step == reference.StepPolicy {
				t.Errorf("Deckhand was asked: %q", requests)
			}
		})
	}
}

// TestDeckhandShortTokens resolves references for longer than a token lives: Deckhand sees valid tokens only, while
// Keystone is up. While it is down, that is what is said; and when it is back, all is well.
func TestDeckhandShortTokens(t *testing.T) {
	t.Parallel()
	s := keystonetest.Start(t, keystonetest.Options{TTL: 5 * time.Second})
	d := newDeckhand(t, s)
	l := testLoader(t, keystoneConfig(t, s))
	began := time.Now()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for i := 0; time.Since(began) < 6*time.Second; i++ {
		if report, err := l.Load(t.Context(), fmt.Sprint(d.ref("1"), "?time=", i)); err != nil || report.Source.Origin != drydock.OriginSource {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		<-tick.C
	}
	if _, refused := d.asked(); refused > 0 {
		t.Errorf("%d tokens were not valid", refused)
	}

	s.Stop(t)
	down := time.Now()
	_, err := l.Load(t.Context(), d.ref("1")+"?time=down")
	var e *reference.Error
	if !errors.As(err, &e) || !errors.Is(err, drydock.ErrUnavailable) || e.Step != reference.StepAuth || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("while Keystone is down: %v", err)
	}
	if took := time.Since(down); took > 5*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Load(ctx, d.ref("1")+"?time=gone"); !errors.Is(err, context.Canceled) {
		t.Errorf("of a caller who is gone: %v", err)
	}
	s.Restart(t)
	if _, err := l.Load(t.Context(), d.ref("1")+"?time=up"); err != nil {
		t.Errorf("when Keystone is back: %v", err)
	}
}
