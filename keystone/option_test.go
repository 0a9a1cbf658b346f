package keystone

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"drydock"
)

func TestNewInvalid(t *testing.T) {
	good := Options{AuthURL: "https://k:5000", Username: "u", UserDomainName: "D", Password: "pass-secret", ProjectName: "p", ProjectDomainName: "D"}
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"auth_url is missing":                      func(o *Options) { o.AuthURL = "" },
		"auth_url is not a URL":                    func(o *Options) { o.AuthURL = "https://u:pass-secret@[::" },
		"auth_url must be as https://":             func(o *Options) { o.AuthURL = "keystone:5000" },
		"auth_url must not have a user":            func(o *Options) { o.AuthURL = "https://u:pass-secret@k" },
		"neither query nor fragment":               func(o *Options) { o.AuthURL = "https://k/?a=b" },
		"which is no more; put /v3":                func(o *Options) { o.AuthURL = "https://k/v2.0/" },
		`auth_type "v2password" is not one of`:     func(o *Options) { o.AuthType = "v2password" },
		"system_scope":                             func(o *Options) { o.SystemScope = "some" },
		`interface "private" is not one of`:        func(o *Options) { o.Interfaces = []string{"public", "private"} },
		"password is missing":                      func(o *Options) { o.Password = "" },
		"username or user_id is missing":           func(o *Options) { o.Username = "" },
		"user_domain_name or user_domain_id":       func(o *Options) { o.UserDomainName = "" },
		"project_domain_name or project_domain_id": func(o *Options) { o.ProjectDomainName = "" },
		"name a project and a domain":              func(o *Options) { o.DomainName = "d" },
		"name a project and a trust":               func(o *Options) { o.TrustID = "d" },
		"name a project and a system":              func(o *Options) { o.SystemScope = "all" },
		"application_credential_secret is missing": func(o *Options) { o.ApplicationCredentialID = "a" },
		"application_credential_id is missing": func(o *Options) {
			o.AuthType, o.ApplicationCredentialSecret = "v3applicationcredential", "app-secret"
		},
		"cafile: open /nowhere":                  func(o *Options) { o.CAFile = "/nowhere" },
		"has no certificate in PEM":              func(o *Options) { o.CAFile = junk },
		"keyfile is set and certfile is not":     func(o *Options) { o.KeyFile = junk },
		"certfile and keyfile: tls: failed to f": func(o *Options) { o.CertFile = junk },
	} {
		o := good
		change(&o)
		if _, err := New(o); !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "-secret") {
			t.Errorf("error %v, want ErrInvalid with %q", err, want)
		}
	}
	if _, err := New(good); err != nil {
		t.Errorf("good options: %v", err)
	}
}

// TestRequest is the table of what is asked for, of each method and scope.
func TestRequest(t *testing.T) {
	password := func(user string) string {
		return `"identity":{"methods":["password"],"password":{"user":` + user + `}}`
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{
			Options{Username: "u", UserDomainName: "D", Password: "p", ProjectName: "x", ProjectDomainName: "E"},
			password(`{"name":"u","password":"p","domain":{"name":"D"}}`) + `,"scope":{"project":{"domain":{"name":"E"},"name":"x"}}`,
		},
		{
			Options{UserID: "i", Username: "u", Password: "p", ProjectID: "x", ProjectName: "y", ProjectDomainName: "E", AuthType: "v3password"},
			password(`{"id":"i","password":"p"}`) + `,"scope":{"project":{"id":"x"}}`,
		},
		{
			Options{Username: "u", Password: "p", DefaultDomainID: "d", ProjectName: "x"},
			password(`{"name":"u","password":"p","domain":{"id":"d"}}`) + `,"scope":{"project":{"domain":{"id":"d"},"name":"x"}}`,
		},
		{Options{UserID: "i", Password: "p", DomainName: "x"}, password(`{"id":"i","password":"p"}`) + `,"scope":{"domain":{"name":"x"}}`},
		{Options{UserID: "i", Password: "p", DomainID: "x", DomainName: "y"}, password(`{"id":"i","password":"p"}`) + `,"scope":{"domain":{"id":"x"}}`},
		{Options{UserID: "i", Password: "p", SystemScope: "all"}, password(`{"id":"i","password":"p"}`) + `,"scope":{"system":{"all":true}}`},
		{Options{UserID: "i", Password: "p", TrustID: "x"}, password(`{"id":"i","password":"p"}`) + `,"scope":{"OS-TRUST:trust":{"id":"x"}}`},
		{Options{UserID: "i", Password: "p"}, password(`{"id":"i","password":"p"}`)},
		{
			Options{ApplicationCredentialID: "a", ApplicationCredentialSecret: "s", ProjectName: "ignored"},
			`"identity":{"methods":["application_credential"],"application_credential":{"id":"a","secret":"s"}}`,
		},
		{
			Options{AuthType: "v3applicationcredential", ApplicationCredentialName: "a", ApplicationCredentialSecret: "s", Username: "u", UserDomainID: "d"},
			`"identity":{"methods":["application_credential"],"application_credential":{"name":"a","user":{"name":"u","domain":{"id":"d"}},"secret":"s"}}`,
		},
	} {
		for auth, path := range map[string]string{"http://k": "/v3", "http://k/identity/": "/identity/v3", "http://k/v3/": "/v3"} {
			c.o.AuthURL = auth
			client, a := fake(t, c.o, func(n int, req *http.Request) (*http.Response, error) {
				if req.Method != http.MethodPost || req.URL.String() != "http://k"+path+"/auth/tokens" {
					t.Errorf("%s %s", req.Method, req.URL)
				}
				return grant(n, 1e12, 0)
			})
			wantToken(t, client, "token-1")
			var got, want map[string]map[string]any
			text := `{"auth":{` + c.want + `}}`
			if err := errors.Join(json.Unmarshal([]byte(a.bodies[0]), &got), json.Unmarshal([]byte(text), &want)); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v: asked %v\nwant %v", c.o, got, want)
			}
		}
	}
}

// TestSecrets looks for the secrets of every option in all that can be seen: printed options, errors and logs of logins that go wrong in many ways, with
// a server that repeats what it was told.
func TestSecrets(t *testing.T) {
	const password, credential = `pass"w/o rd+hunter2`, "app cred?&tresor"
	shown := func(text string) bool {
		for _, part := range []string{"hunter2", "tresor", "token-"} {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	byPassword := Options{AuthURL: "http://k/v3", Username: "u", UserDomainName: "D", Password: password, ProjectName: "p", ProjectDomainName: "D"}
	byCredential := Options{AuthURL: "http://k/v3", ApplicationCredentialID: "a", ApplicationCredentialSecret: credential}
	for _, o := range []Options{byPassword, byCredential, {AuthURL: "http://u:hunter2@k?tresor"}, {AuthURL: "http://u:hunter2@[k"}} {
		log, written := record()
		log.Info("options", "options", o, "pointer", &o, "password", o.Password)
		text, err := json.Marshal(o.Password)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{
			fmt.Sprint(o), fmt.Sprintf("%+v %#v %q %s", struct{ O Options }{o}, o.Password, o.Password, &o), o.String(), string(text), written.String(),
		} {
			if shown(s) {
				t.Errorf("shown in %q", s)
			}
		}
	}
	for _, o := range []Options{byPassword, byCredential} {
		secret := string(o.Password + o.ApplicationCredentialSecret)
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		echo := "you said " + secret + " and " + string(quoted) + " and " + url.QueryEscape(secret) + " and " + url.PathEscape(secret)
		message, err := json.Marshal(map[string]any{"error": map[string]any{"message": echo}})
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{0, 200, 201, 307, 400, 401, 403, 404, 429, 500, 503} {
			synctest.Test(t, func(t *testing.T) {
				log, written := record()
				o.Logger = log
				c, _ := fake(t, o, func(int, *http.Request) (*http.Response, error) {
					if status == 0 {
						return nil, errors.New(echo)
					}
					return reply(status, string(message), "Location", "http://x/?"+url.QueryEscape(secret), "X-Subject-Token", "token-1")
				})
				_, err := c.Token(t.Context())
				for ; err != nil; err = errors.Unwrap(err) {
					if text := fmt.Sprintf("%v %+v %s", err, err, c); shown(text) {
						t.Errorf("%d: shown in error %q", status, text)
					}
				}
				synctest.Wait()
				if text := written.String(); shown(text) || text == "" {
					t.Errorf("%d: shown in log %q", status, text)
				}
			})
		}
	}
	log, written := record()
	o := byPassword
	o.Logger = log
	c, _ := fake(t, o, func(n int, _ *http.Request) (*http.Response, error) { return grant(n, 1e12, 0) })
	wantToken(t, c, "token-1")
	if text := written.String(); shown(text) || !strings.Contains(text, "a new token") {
		t.Errorf("a good login is logged as %q", text)
	}
}
