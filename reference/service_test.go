package reference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"drydock"
)

// fakeTokens counts what is asked of it. Tokens are token-1, token-2 and so on.
type fakeTokens struct {
	mu             sync.Mutex
	number         int // of the present token
	asked, renewed int
	err            error
	endpoints      []*url.URL
}

func (f *fakeTokens) Token(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	f.number = max(f.number, 1)
	return fmt.Sprint("token-", f.number), f.err
}

func (f *fakeTokens) Renew(_ context.Context, refused string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.renewed++; refused == fmt.Sprint("token-", f.number) {
		f.number++
	}
	return fmt.Sprint("token-", f.number), f.err
}

func (f *fakeTokens) Endpoints(context.Context, string) ([]*url.URL, error) {
	return f.endpoints, f.err
}

// deckhand is a server of h, tokens for it, a fetcher that may go there, and a reference to revision 7 of it.
func deckhand(t *testing.T, h http.HandlerFunc) (*fakeTokens, Fetcher, string) {
	t.Helper()
	s := serve(t, h)
	tokens := &fakeTokens{}
	policy, err := ParsePolicy([]string{"deckhand+http=any", "promenade+http=any"})
	must(t, err)
	return tokens, FetchService(ServiceOptions{HTTP: FetchHTTP(HTTPOptions{Policy: policy}), Tokens: tokens}),
		"deckhand+" + s.URL + "/api/v1.0/revisions/7/rendered-documents"
}

func fetchService(t *testing.T, f Fetcher, ref string) (Answer, error) {
	t.Helper()
	u, err := url.Parse(ref)
	must(t, err)
	return f.Fetch(t.Context(), Request{URL: u, Scheme: u.Scheme})
}

// TestServiceRequest is the table of what is asked for, and of what can never change.
func TestServiceRequest(t *testing.T) {
	_, f, ref := deckhand(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %v", r.RequestURI, r.Header.Get("X-Auth-Token"), len(r.Header.Get("X-Context-Marker")) == 36)
	})
	base := strings.TrimSuffix(ref, "/revisions/7/rendered-documents")
	for path, want := range map[string]struct {
		uri       string
		immutable bool
	}{
		"/revisions/7/rendered-documents":                           {"/revisions/7/rendered-documents?schema=drydock", true},
		"/revisions/7/rendered-documents?limit=2":                   {"/revisions/7/rendered-documents?limit=2&schema=drydock", true},
		"/revisions/7/rendered-documents?schema=a&schema=b":         {"/revisions/7/rendered-documents?schema=a&schema=b", true},
		"/revisions/7/rendered-documents?x=1&%73chema=a":            {"/revisions/7/rendered-documents?x=1&%73chema=a", true},
		"/revisions/7/rendered-documents#sha256=x":                  {"/revisions/7/rendered-documents?schema=drydock", true},
		"/revisions/latest/rendered-documents":                      {"/revisions/latest/rendered-documents?schema=drydock", false},
		"/revisions/7/documents":                                    {"/revisions/7/documents", false},
		"/revisions/7/rendered-documents/":                          {"/revisions/7/rendered-documents/", false},
		"/join-scripts?design_ref=deckhand%2Bhttp%3A%2F%2Fh&ip=1.2": {"/join-scripts?design_ref=deckhand%2Bhttp%3A%2F%2Fh&ip=1.2", false},
	} {
		a, err := fetchService(t, f, base+path)
		if err != nil || string(a.Body) != "/api/v1.0"+want.uri+" token-1 true" || a.Immutable != want.immutable {
			t.Errorf("%s: %q, immutable %v, %v; want %s", path, a.Body, a.Immutable, err, want.uri)
		}
	}
	promenade := strings.Replace(ref, "deckhand", "promenade", 1)
	if a, err := fetchService(t, f, promenade); err != nil || a.Immutable || strings.Contains(string(a.Body), "schema") {
		t.Errorf("promenade: %q, immutable %v, %v", a.Body, a.Immutable, err)
	}
}

// TestServiceRenew: a refused token is renewed once, and the request repeated once; then it is an error.
func TestServiceRenew(t *testing.T) {
	var good string
	var requests int
	tokens, f, ref := deckhand(t, func(w http.ResponseWriter, r *http.Request) {
		if requests++; r.Header.Get("X-Auth-Token") != good {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "documents")
	})
	for _, c := range []struct {
		good              string
		requests, renewed int
	}{{"token-1", 1, 0}, {"token-2", 2, 1}, {"token-2", 1, 0}} {
		good, requests, tokens.renewed = c.good, 0, 0
		if a, err := fetchService(t, f, ref); err != nil || string(a.Body) != "documents" || requests != c.requests || tokens.renewed != c.renewed {
			t.Errorf("%s: %q, %v after %d requests and %d renewals", c.good, a.Body, err, requests, tokens.renewed)
		}
	}
	good, requests, tokens.renewed = "none", 0, 0
	_, err := fetchService(t, f, ref)
	wantError(t, err, drydock.ErrDenied, "401")
	if e := (*fetchError)(nil); !errors.As(err, &e) || e.step != StepAuth || !strings.Contains(e.remedy, "asks the same Keystone, and reaches it") {
		t.Errorf("error %+v", e)
	}
	if requests != 2 || tokens.renewed != 1 || worthAnother(err) {
		t.Errorf("%d requests, %d renewals, worth another %v", requests, tokens.renewed, worthAnother(err))
	}
}

// TestServiceAllowed: no token is asked for, let alone sent, for a reference that is not allowed, and none without Keystone (R12).
func TestServiceAllowed(t *testing.T) {
	var requests int
	tokens, _, ref := deckhand(t, func(http.ResponseWriter, *http.Request) { requests++ })
	at, err := url.Parse(strings.TrimPrefix(ref, "deckhand+"))
	must(t, err)
	elsewhere := *at
	elsewhere.Host = "deckhand.example:9000"
	fetcher := func(t *testing.T, tokens Tokens, lines ...string) Fetcher {
		policy, err := ParsePolicy(lines)
		must(t, err)
		if tokens != nil {
			policy.Catalog = CatalogOf(tokens)
		}
		return FetchService(ServiceOptions{HTTP: FetchHTTP(HTTPOptions{Policy: policy}), Tokens: tokens})
	}
	tokens.endpoints = []*url.URL{&elsewhere}
	for _, c := range []struct {
		lines []string
		step  Step
		text  string
	}{
		{[]string{"deckhand+http=catalog"}, StepPolicy, "the catalogue has http://deckhand.example:9000 for deckhand"},
		{[]string{"http=any", "deckhand+https=any", "promenade+http=any"}, StepPolicy, "no line of the policy allows"},
		{[]string{"deckhand+http=10.0.0.0/8"}, StepPolicy, "no line of the policy allows"},
	} {
		_, err := fetchService(t, fetcher(t, tokens, c.lines...), ref)
		wantError(t, err, drydock.ErrDenied, c.text)
		if stepOf(err) != c.step {
			t.Errorf("%v: step %s, %v", c.lines, stepOf(err), err)
		}
	}
	if tokens.asked != 0 || requests != 0 {
		t.Errorf("%d tokens were asked for, %d requests sent", tokens.asked, requests)
	}
	_, err = fetchService(t, fetcher(t, nil, "deckhand+http=any"), ref)
	wantError(t, err, drydock.ErrDenied, "Keystone, which is not configured")
	tokens.endpoints = []*url.URL{at}
	_, err = fetchService(t, fetcher(t, tokens, "deckhand+http=catalog"), ref)
	wantError(t, err, drydock.ErrInvalid, "empty") // it went through
	if tokens.asked != 1 || requests != 1 {
		t.Errorf("%d tokens were asked for, %d requests sent", tokens.asked, requests)
	}
}

// TestServiceRedirect: a token stays with the host that it was sent to (R12).
func TestServiceRedirect(t *testing.T) {
	var stolen []string
	thief := serve(t, func(_ http.ResponseWriter, r *http.Request) { stolen = append(stolen, r.Header.Get("X-Auth-Token")) })
	_, f, ref := deckhand(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, http.StatusFound) })
	_, err := fetchService(t, f, ref)
	wantError(t, err, drydock.ErrDenied, "redirects to another host")
	if len(stolen) > 0 {
		t.Errorf("the thief was sent %q", stolen)
	}
}

// TestServiceTLS: deckhand+https and promenade+https, which upstream documents and does not know (P46).
func TestServiceTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("X-Auth-Token")) }))
	defer s.Close()
	policy, err := ParsePolicy([]string{"deckhand+https=127.0.0.1", "promenade+https=127.0.0.1"})
	must(t, err)
	trusted := s.Client().Transport.(*http.Transport).TLSClientConfig
	f := FetchService(ServiceOptions{HTTP: FetchHTTP(HTTPOptions{Policy: policy, TLS: trusted}), Tokens: &fakeTokens{}})
	r := NewResolver(map[string]Fetcher{"deckhand+https": f, "promenade+https": f}, ResolverOptions{})
	for _, service := range []string{"deckhand+", "promenade+"} {
		body, _, err := r.Resolve(t.Context(), service+s.URL+"/revisions/1/rendered-documents")
		if err != nil || string(body) != "token-1" {
			t.Errorf("%s: %q, %v", service, body, err)
		}
	}
}

// TestServiceSchemaRefused: a Deckhand that does not take the parameter is asked without it.
func TestServiceSchemaRefused(t *testing.T) {
	var asked []string
	_, f, ref := deckhand(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		w.Header().Set("ETag", `"x"`)
		if r.URL.Query().Has("schema") || r.URL.Query().Has("bad") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, "kind: Status\nmessage: no\n")
	})
	for query, want := range map[string]string{"": "schema=drydock,", "?a=b": "a=b&schema=drydock,a=b"} {
		asked = nil
		a, err := fetchService(t, f, ref+query)
		if got := strings.Join(asked, ","); err != nil || got != want || a.ETag != "" || !a.Immutable {
			t.Errorf("%q: asked %q, %+v, %v", query, got, a, err)
		}
	}
	_, err := fetchService(t, f, ref+"?bad=1")
	wantError(t, err, drydock.ErrInvalid, "deckhand answered 400 Bad Request: no (X-Context-Marker ")
	asked = nil
	_, err = fetchService(t, f, ref+"?bad=1&schema=x")
	wantError(t, err, drydock.ErrInvalid, "400")
	if len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

// TestServiceStatus is the table of errors that services answer, and of what is shown of them.
func TestServiceStatus(t *testing.T) {
	for _, c := range []struct {
		status       int
		body, want   string
		kind         error
		step         Step
		remedy, hide string
	}{
		{
			404, "apiVersion: v1.0\ncode: 404 Not Found\ndetails:\n  errorCount: 1\n  errorType: RevisionNotFound\n  messageList:\n" +
				"  - {error: true, message: \"The requested revision=7\\n  was not found.\"}\nkind: Status\nmessage: The requested revision=7 was not found.\n" +
				"metadata: {}\nreason: Unspecified\nretry: false\nstatus: Failure\n",
			"deckhand answered 404 Not Found: The requested revision=7 was not found. (X-C", drydock.ErrNotFound, StepStatus, "has that revision", "",
		},
		{
			500, "kind: Status\nmessage: many\nreason: rendering\ndetails: {messageList: [{message: a}, {message: b}, {message: c}, {message: d}, {message: e}, {message: f}]}\n",
			"deckhand answered 500 Internal Server Error: many; b; c; d; e; …; reason: rendering (X-C", drydock.ErrUnavailable, StepStatus, "", "",
		},
		{
			403, `{"kind": "Status", "message": "token-1 of token=tresor2 is not enough", "details": {"messageList": "odd"}}`,
			"deckhand answered 403 Forbidden: *** of", drydock.ErrDenied, StepAuth, "a role that the policy of deckhand allows", "token-1",
		},
		{
			401, `{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}`,
			"deckhand answered 401 Unauthorized: The request you have made requires authentication. (X-C", drydock.ErrDenied, StepAuth, "the same Keystone", "",
		},
		{503, "<html>\x1b busy", "the server answered 503 Service Unavailable: <html> busy (X-C", drydock.ErrUnavailable, StepStatus, "", "\x1b"},
		{404, "kind: Status\nmessage: null\n", "the server answered 404", drydock.ErrNotFound, StepStatus, "", ""},
		{404, "a: &a [*a, *a]\n{", "the server answered 404", drydock.ErrNotFound, StepStatus, "", ""},
		{500, "kind: Status\nmessage: " + strings.Repeat("long ", 9000), "deckhand answered 500 Internal Server Error: long", drydock.ErrUnavailable, StepStatus, "", strings.Repeat("long ", 100)},
	} {
		_, f, ref := deckhand(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-yaml")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := fetchService(t, f, ref)
		wantError(t, err, c.kind, c.want)
		var e *fetchError
		if !errors.As(err, &e) || e.step != c.step || e.status != c.status || !strings.Contains(e.remedy, c.remedy) {
			t.Errorf("%d: %+v", c.status, e)
		}
		if c.hide != "" && strings.Contains(err.Error(), c.hide) {
			t.Errorf("%d: %q is shown in %q", c.status, c.hide, err)
		}
	}
}

// TestServiceCheck: what is refused unseen.
func TestServiceCheck(t *testing.T) {
	tokens, f, _ := deckhand(t, nil)
	r := NewResolver(map[string]Fetcher{"deckhand+http": f, "promenade+https": f}, ResolverOptions{Tries: 1})
	for ref, want := range map[string]string{
		"deckhand+http://joe:hunter2@h/x":   "has no user",
		"promenade+https://hunter2@h/x":     "has no user",
		"deckhand+http:opaque":              "host",
		"deckhand+http://:80/x":             "host",
		"deckhand+http://h/x?a b":           "",
		"deckhand+ftp://h/x":                "unknown scheme",
		"deckhand+http://h/x#sha256=hunter": "digest",
	} {
		err := r.Check(ref)
		wantError(t, err, drydock.ErrInvalid, want)
		if _, _, resolveErr := r.Resolve(t.Context(), ref); !errors.Is(resolveErr, drydock.ErrInvalid) || strings.Contains(fmt.Sprint(err, resolveErr), "hunter") {
			t.Errorf("%s: %v, %v", ref, err, resolveErr)
		}
	}
	if err := r.Check("promenade+https://h:1/x"); err != nil || tokens.asked > 0 {
		t.Errorf("good: %v, %d tokens", err, tokens.asked)
	}
}

// TestServiceNoToken: why there is none is told as it is, as a failure of the step auth.
func TestServiceNoToken(t *testing.T) {
	tokens, f, ref := deckhand(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked without a token") })
	for _, kind := range []error{drydock.ErrDenied, drydock.ErrUnavailable, drydock.ErrInvalid, errors.New("odd")} {
		tokens.err = fmt.Errorf("%w: Keystone says so", kind)
		_, err := fetchService(t, f, ref)
		if want := kindOf(kind); !errors.Is(err, want) || stepOf(err) != StepAuth || !strings.Contains(err.Error(), "no token: ") {
			t.Errorf("%v: %v", kind, err)
		}
	}
	if _, err := CatalogOf(tokens)(t.Context(), "deckhand"); stepOf(err) != StepAuth {
		t.Errorf("catalogue: %v", err)
	}
	if _, err := CatalogOf(tokens)(t.Context(), "nova"); !errors.Is(err, drydock.ErrInvalid) {
		t.Errorf("unknown service: %v", err)
	}
}

// TestServiceCached: what a revision rendered is fetched once; a join script each time (R20).
func TestServiceCached(t *testing.T) {
	var requests int
	_, f, ref := deckhand(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		_, _ = io.WriteString(w, "documents")
	})
	r := NewResolver(map[string]Fetcher{"deckhand+http": f, "promenade+http": f}, ResolverOptions{})
	for ref, want := range map[string]int{ref: 1, strings.Replace(ref, "deckhand", "promenade", 1): 3} {
		requests = 0
		for range 3 {
			_, _, err := r.Resolve(t.Context(), ref)
			must(t, err)
		}
		if requests != want {
			t.Errorf("%s: %d requests, not %d", ref, requests, want)
		}
	}
}
