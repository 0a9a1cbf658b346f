package keystonetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"
)

// The accounts that every server has, of the domain Default. All but the administrator's act in Project.
const (
	AdminUser    = "admin"
	DrydockUser  = "drydock"  // role admin
	DeckhandUser = "deckhand" // role admin
	ReaderUser   = "reader"   // role reader

	AdminProject = "admin"
	Project      = "service"
	Domain       = "Default"
	DomainID     = "default"
	Region       = "RegionOne"
)

// Password is that of an account.
func Password(user string) string { return user + "-secret" }

const (
	requestLimit = 20 * time.Second
	answerLimit  = 1 << 20
)

// body is any JSON object.
type body = map[string]any

// identifier is the part of Keystone's objects that is used here.
type identifier struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// UserID returns the id of one of the accounts.
func (s *Server) UserID(name string) string { return s.ids[name] }

// AddEndpoint puts an endpoint into the catalogue: the type of the service, public, internal or admin, a region, which is made if it is not
// there, and the URL.
func (s *Server) AddEndpoint(t testing.TB, service, face, region, url string) {
	t.Helper()
	ctx := t.Context()
	services, err := s.list(ctx, "/services?type="+service, "services")
	id := ""
	switch {
	case err == nil && len(services) > 0:
		id = services[0].ID
	case err == nil:
		id, err = s.create(ctx, "/services", "service", body{"type": service, "name": service})
	}
	if err == nil && region != Region {
		_, err = s.ask(ctx, "", http.MethodPut, "/regions/"+region, body{"region": body{}}, nil)
	}
	if err == nil {
		_, err = s.create(ctx, "/endpoints", "endpoint", body{"interface": face, "service_id": id, "region_id": region, "url": url})
	}
	if err != nil {
		t.Fatalf("add an endpoint: %v", err)
	}
}

// ApplicationCredential makes one of DrydockUser in Project and returns its id and its secret.
func (s *Server) ApplicationCredential(t testing.TB, name string) (id, secret string) {
	t.Helper()
	token, err := s.login(t.Context(), DrydockUser, Project)
	if err != nil {
		t.Fatal(err)
	}
	secret = "secret-of-" + name
	var made map[string]identifier
	_, err = s.ask(t.Context(), token, http.MethodPost, "/users/"+s.ids[DrydockUser]+"/application_credentials",
		body{"application_credential": body{"name": name, "secret": secret}}, &made)
	if err != nil {
		t.Fatalf("make an application credential: %v", err)
	}
	return made["application_credential"].ID, secret
}

// Revoke makes a token invalid before its time.
func (s *Server) Revoke(t testing.TB, token string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.URL+"/auth/tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	req.Header.Set("X-Subject-Token", token)
	if _, err := send(req, http.StatusNoContent); err != nil {
		t.Fatalf("revoke a token: %v", err)
	}
}

// Validate asks, as DeckhandUser, what a token is good for, which is what services do with the tokens that come to them. An invalid token has no
// roles; an error says that it is not known.
func (s *Server) Validate(ctx context.Context, token string) (roles []string, err error) {
	own, err := s.login(ctx, DeckhandUser, Project)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/auth/tokens?nocatalog", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Auth-Token", own)
	req.Header.Set("X-Subject-Token", token)
	answer, err := send(req, http.StatusOK, http.StatusNotFound)
	if err != nil || answer.status == http.StatusNotFound {
		return nil, err
	}
	var found struct {
		Token struct {
			Roles []identifier `json:"roles"`
		} `json:"token"`
	}
	if err := json.Unmarshal(answer.text, &found); err != nil {
		return nil, err
	}
	for _, r := range found.Token.Roles {
		roles = append(roles, r.Name)
	}
	return roles, nil
}

// login returns a token for a project of the default domain.
func (s *Server) login(ctx context.Context, user, project string) (string, error) {
	domain := body{"id": DomainID}
	granted, err := s.ask(ctx, nobody, http.MethodPost, "/auth/tokens", body{"auth": body{
		"identity": body{"methods": []string{"password"}, "password": body{"user": body{"name": user, "password": Password(user), "domain": domain}}},
		"scope":    body{"project": body{"name": project, "domain": domain}},
	}}, nil)
	if err != nil {
		return "", err
	}
	return granted.header.Get("X-Subject-Token"), nil
}

// create makes an object of the given kind and returns its id.
func (s *Server) create(ctx context.Context, path, kind string, object body) (string, error) {
	made := map[string]identifier{}
	_, err := s.ask(ctx, "", http.MethodPost, path, body{kind: object}, &made)
	return made[kind].ID, err
}

func (s *Server) list(ctx context.Context, path, kind string) ([]identifier, error) {
	var all map[string]json.RawMessage
	if _, err := s.ask(ctx, "", http.MethodGet, path, nil, &all); err != nil {
		return nil, err
	}
	var found []identifier
	return found, json.Unmarshal(all[kind], &found)
}

// nobody stands for the token of a request that has none.
const nobody = "nobody"

// ask sends a request of the given token, or else of the administrator's, and reads the answer into into, if that is not nil. Each request of
// the administrator has a token of its own: where tokens are short-lived one would not last for several.
func (s *Server) ask(ctx context.Context, token, method, path string, question body, into any) (answer, error) {
	var text []byte
	var err error
	if question != nil {
		if text, err = json.Marshal(question); err != nil {
			return answer{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token == "" {
		if token, err = s.login(ctx, AdminUser, AdminProject); err != nil {
			return answer{}, err
		}
	}
	if token != nobody {
		req.Header.Set("X-Auth-Token", token)
	}
	got, err := send(req, http.StatusOK, http.StatusCreated, http.StatusNoContent)
	if err == nil && into != nil {
		err = json.Unmarshal(got.text, into)
	}
	return got, err
}

// answer is what came for a request.
type answer struct {
	status int
	header http.Header
	text   []byte
}

// send returns the answer, or an error if its status is none of the good ones.
func send(req *http.Request, good ...int) (answer, error) {
	client := &http.Client{Timeout: requestLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return answer{}, err
	}
	if !slices.Contains(good, resp.StatusCode) {
		return answer{}, fmt.Errorf("%s %s: Keystone answered %s: %s", req.Method, req.URL.Path, resp.Status, text)
	}
	return answer{resp.StatusCode, resp.Header, text}, nil
}
