package reference

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"drydock"
)

// Tokens gives tokens of Keystone, and what its catalogue has. It is safe for concurrent use. Its errors carry a kind, and no secret.
type Tokens interface {
	// Token returns a token that is valid now.
	Token(ctx context.Context) (string, error)
	// Renew returns another token than the one that a service refused.
	Renew(ctx context.Context, refused string) (string, error)
	// Endpoints returns the URLs of services of a type, at least one.
	Endpoints(ctx context.Context, service string) ([]*url.URL, error)
}

// ServiceOptions are what references to services are fetched with.
type ServiceOptions struct {
	HTTP   Fetcher // made by FetchHTTP; its policy is asked before there is a token
	Tokens Tokens  // nil: Keystone is not configured, and references of this kind are refused
}

const (
	headerToken  = "X-Auth-Token"
	headerMarker = "X-Context-Marker"
)

// catalogTypes are the types that services have in Keystone's catalogue.
var catalogTypes = map[string]string{"deckhand": "deckhand", "promenade": "kubernetesprovisioner"}

// CatalogOf returns what a Policy asks for the endpoints of a service.
func CatalogOf(t Tokens) func(ctx context.Context, service string) ([]*url.URL, error) {
	return func(ctx context.Context, service string) ([]*url.URL, error) {
		kind, ok := catalogTypes[service]
		if !ok {
			return nil, stepError(StepPolicy, drydock.ErrInvalid, "", "no type of service in the catalogue is known for %q", service)
		}
		found, err := t.Endpoints(ctx, kind)
		if err != nil {
			return nil, authError(err)
		}
		return found, nil
	}
}

// FetchService returns a fetcher for references such as deckhand+https://host/path: what is behind the + is asked for with a token of Keystone.
// The policy of the HTTP fetcher is asked about the whole scheme, and before there is a token. If the service refuses the token, it is renewed
// and the request repeated, once.
//
// Of a Deckhand's rendered documents only those of Drydock are asked for, unless the reference itself says which schema, and those of one revision
// never change. A reference with a user is refused (ErrInvalid); other errors are those of FetchHTTP and of Tokens. They tell the message of the
// service, and the marker by which its log knows the request.
func FetchService(o ServiceOptions) Fetcher { return &serviceFetcher{o} }

type serviceFetcher struct{ o ServiceOptions }

// Check reports whether u can be asked for at all, without looking at the policy or the network. The error is ErrInvalid.
func (f *serviceFetcher) Check(u *url.URL) error {
	plain, err := plainURL(u)
	if err != nil {
		return err
	}
	if inner, ok := f.o.HTTP.(interface{ Check(u *url.URL) error }); ok {
		return inner.Check(plain)
	}
	return nil
}

// Fetch implements Fetcher.
func (f *serviceFetcher) Fetch(ctx context.Context, q Request) (Answer, error) {
	scheme := q.Scheme
	if scheme == "" {
		scheme = q.URL.Scheme
	}
	plain, err := plainURL(q.URL)
	if err != nil {
		return Answer{}, err
	}
	service := serviceOf(scheme)
	narrow := service == "deckhand" && onlyOurs(plain)
	q.URL, q.Scheme = plain, scheme
	if f.o.Tokens == nil {
		return Answer{}, stepError(StepAuth, drydock.ErrDenied, "set auth_url, username, password and project_name in [keystone_authtoken]",
			"%s references need a token of Keystone, which is not configured", scheme)
	}
	if inner, ok := f.o.HTTP.(interface {
		allow(ctx context.Context, q Request) error
	}); ok {
		if err := inner.allow(ctx, q); err != nil {
			return Answer{}, err
		}
	}
	marker := uuid.NewString()
	answer, err := f.send(ctx, q, marker)
	if narrow && statusOf(err) == http.StatusBadRequest { // perhaps it does not know the parameter
		q.URL = new(*q.URL)
		q.URL.RawQuery = strings.TrimSuffix(strings.TrimSuffix(q.URL.RawQuery, onlyOurSchema), "&")
		q.ETag, q.Modified = "", ""
		answer, err = f.send(ctx, q, marker)
		answer.ETag, answer.Modified = "", "" // of another question than the next one
	}
	if err != nil {
		return Answer{}, serviceError(err, service, marker)
	}
	answer.Immutable = service == "deckhand" && revisionPath.MatchString(plain.Path)
	return answer, nil
}

// send asks with a token, and with another one if that is refused.
func (f *serviceFetcher) send(ctx context.Context, q Request, marker string) (Answer, error) {
	token, err := f.o.Tokens.Token(ctx)
	if err != nil {
		return Answer{}, authError(err)
	}
	given := q.Header
	ask := func(token string) (Answer, error) {
		q.Header = given.Clone()
		if q.Header == nil {
			q.Header = http.Header{}
		}
		q.Header.Set(headerToken, token)
		q.Header.Set(headerMarker, marker)
		return f.o.HTTP.Fetch(ctx, q)
	}
	answer, err := ask(token)
	if statusOf(err) != http.StatusUnauthorized {
		return answer, err
	}
	if token, err = f.o.Tokens.Renew(ctx, token); err != nil {
		return Answer{}, authError(err)
	}
	return ask(token)
}

// plainURL returns u with what is behind the + of its scheme as its scheme.
func plainURL(u *url.URL) (*url.URL, error) {
	_, scheme, ok := strings.Cut(u.Scheme, "+")
	switch {
	case !ok:
		return nil, stepError(StepParse, drydock.ErrInvalid, "", "scheme %.32q names no service, as deckhand+https does", u.Scheme)
	case u.User != nil:
		return nil, stepError(StepParse, drydock.ErrInvalid, "leave out what is before the @", "a reference to a service has no user: the account is that of [keystone_authtoken]")
	}
	plain := *u
	plain.Scheme = scheme
	return &plain, nil
}

// onlyOurSchema is the parameter by which a Deckhand gives Drydock's documents only. Whoever asks for all of a site gets its secrets too.
const onlyOurSchema = "schema=drydock"

var (
	renderedPath = regexp.MustCompile(`/rendered-documents$`)
	revisionPath = regexp.MustCompile(`/revisions/[0-9]+/rendered-documents$`)
)

// onlyOurs adds the parameter to u and reports that it did.
func onlyOurs(u *url.URL) bool {
	if !renderedPath.MatchString(u.Path) {
		return false
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(key); err != nil || name == "schema" {
			return false
		}
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += onlyOurSchema
	return true
}

// allow asks the policy whether q may be sent, as far as that can be told before its host is dialled.
func (f *httpFetcher) allow(ctx context.Context, q Request) error {
	h, err := f.first(q)
	if err != nil {
		return err
	}
	return f.o.Policy.Explain(ctx, h.url, h.scheme).check()
}

func statusOf(err error) int {
	var e interface{ Status() int }
	if errors.As(err, &e) {
		return e.Status()
	}
	return 0
}

// authError is for a token that could not be had.
func authError(err error) error {
	kind := kindOf(err)
	e := stepError(StepAuth, kind, "", "%w", err)
	e.text = "no token: " + strings.TrimPrefix(e.text, kind.Error()+": ")
	return e
}

// kindOf is the first kind that err carries. Without one it is taken for a failure that may pass.
func kindOf(err error) error {
	for _, kind := range []error{drydock.ErrDenied, drydock.ErrInvalid, drydock.ErrNotFound} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return drydock.ErrUnavailable
}

// serviceError says of an answer what the service itself says of it, and whom to ask.
func serviceError(err error, service, marker string) error {
	var answered *fetchError
	if !errors.As(err, &answered) || answered.status == 0 {
		return err
	}
	e := *answered
	if said := serviceSaid(e.said); said != "" {
		e.text = fmt.Sprintf("%s answered %d %s: %s", service, e.status, http.StatusText(e.status), said)
	}
	e.text += fmt.Sprintf(" (%s %s)", headerMarker, marker)
	e.cause = nil
	switch e.status {
	case http.StatusUnauthorized:
		e.remedy = fmt.Sprintf("a new token was refused too: look whether %s asks the same Keystone, and reaches it", service)
	case http.StatusForbidden:
		e.remedy = fmt.Sprintf("give the user of [keystone_authtoken] a role that the policy of %s allows, in its project", service)
	case http.StatusNotFound:
		e.remedy = fmt.Sprintf("look whether %s has that revision, and at the path", service)
	}
	return &e
}
