package reference

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"drydock"
)

// HTTPOptions are the bounds of a fetch over HTTP. Zero fields take the default.
type HTTPOptions struct {
	Policy         *Policy       // the hosts that may be asked; default DefaultPolicy
	ConnectTimeout time.Duration // for the connection and again for its TLS handshake; default 16 s
	ReadTimeout    time.Duration // longest silence of the server, before and inside its answer; default 300 s
	MaxBytes       int64         // of the body, also when decompressed; a longer one is an error; default DefaultMaxBytes
	TLS            *tls.Config   // trusted authorities and client certificate; default: the system's. Below TLS 1.2 nothing is spoken
	Resolver       *net.Resolver // of host names; default the system's
	UserAgent      string        // default "drydock"
	AnyContent     bool          // web pages, other character sets and nothing at all are answers too: for assets, which need not be documents
}

const (
	maxRedirects = 10
	maxHeader    = 64 << 10
)

// FetchHTTP returns a fetcher for http: and https: URIs; the policy is asked about the scheme of the request, so that fetchers of other schemes
// can be made of it. User and password of the URI become basic authentication (both must be there). A redirect is followed only on the same
// host and port, or from http to https on that host, and then again only if the policy allows it. Proxies named in the environment are not
// used. Errors: ErrUnavailable (no connection, a broken or stalled answer, status 408, 425, 429 and 5xx), ErrNotFound (404, 410), ErrDenied
// (401, 403, a host, address or redirect that is not allowed), ErrInvalid (the rest).
//
// Each request has a connection of its own. Designs are rarely asked for, and what a server sends beyond one answer can so never be taken for
// the beginning of another, under the name of another reference.
func FetchHTTP(o HTTPOptions) Fetcher {
	if o.Policy == nil {
		o.Policy = defaultPolicy()
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 16 * time.Second
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 300 * time.Second
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.UserAgent == "" {
		o.UserAgent = "drydock"
	}
	secure := &tls.Config{}
	if o.TLS != nil {
		secure = o.TLS.Clone()
	}
	secure.MinVersion = max(secure.MinVersion, tls.VersionTLS12)
	secure.NextProtos = []string{"http/1.1"}
	o.TLS = secure
	return &httpFetcher{o: o}
}

type httpFetcher struct{ o HTTPOptions }

// Check reports whether u can be asked for at all, without looking at the policy or the network. The error is ErrInvalid.
func (f *httpFetcher) Check(u *url.URL) error {
	_, err := f.first(Request{URL: u})
	return err
}

// Fetch implements Fetcher.
func (f *httpFetcher) Fetch(ctx context.Context, q Request) (Answer, error) {
	h, err := f.first(q)
	if err != nil {
		return Answer{}, err
	}
	for range maxRedirects + 1 {
		answer, next, err := f.ask(ctx, h)
		if err != nil || next == nil {
			return answer, err
		}
		h = next
	}
	return Answer{}, stepError(StepStatus, drydock.ErrInvalid, "", "more than %d redirects", maxRedirects)
}

// hop is one request on the way to an answer: the first one, or one that a redirect leads to.
type hop struct {
	url      *url.URL // without user and fragment, its host in one spelling
	scheme   string   // that the policy is asked about
	endpoint endpoint
	header   http.Header
	asked    bool // for what is newer than a copy
	scrub    scrubbers
}

func (f *httpFetcher) first(q Request) (*hop, error) {
	h := &hop{scheme: q.Scheme, header: make(http.Header, 8), asked: q.ETag != "" || q.Modified != ""}
	if h.scheme == "" {
		h.scheme = q.URL.Scheme
	}
	if err := h.lead(q.URL); err != nil {
		return nil, err
	}
	h.header.Set("User-Agent", f.o.UserAgent)
	h.header.Set("Accept", "application/x-yaml, application/yaml, text/yaml, text/plain;q=0.9, */*;q=0.5")
	h.header.Set("Accept-Encoding", "gzip")
	if q.ETag != "" {
		h.header.Set("If-None-Match", q.ETag)
	}
	if q.Modified != "" {
		h.header.Set("If-Modified-Since", q.Modified)
	}
	for name, values := range q.Header {
		h.header[http.CanonicalHeaderKey(name)] = values
	}
	if user := q.URL.User; user != nil {
		if password, ok := user.Password(); ok {
			r := http.Request{Header: h.header}
			r.SetBasicAuth(user.Username(), password)
		}
	}
	h.scrub = scrubbers{newScrubber(q.URL.String(), q.URL), hideAll(h.secrets(q.Header))}
	return h, nil
}

// secrets are what a server may not echo into an error: the credentials of the request and what a caller added to it.
func (h *hop) secrets(added http.Header) []string {
	var list []string
	if basic := h.header.Get("Authorization"); basic != "" {
		_, encoded, _ := strings.Cut(basic, " ")
		list = append(list, basic, encoded)
	}
	for name, values := range added {
		if http.CanonicalHeaderKey(name) != "Accept" {
			list = append(list, values...)
		}
	}
	return list
}

// scrubbers hide, one after the other, what texts of servers and libraries may not tell.
type scrubbers []scrubber

func (list scrubbers) text(t string) string {
	for _, s := range list {
		t = s.text(t)
	}
	return t
}

func hideAll(secrets []string) scrubber {
	pairs := map[string]string{}
	for _, s := range secrets {
		if len(s) >= minSecret {
			pairs[s] = hidden
		}
	}
	return scrubber{strings.NewReplacer(longestFirst(pairs)...)}
}

// lead sets where the hop goes.
func (h *hop) lead(to *url.URL) error {
	if to.Scheme != "http" && to.Scheme != "https" {
		return stepError(StepParse, drydock.ErrInvalid, "", "scheme %.32q is not spoken over HTTP", to.Scheme)
	}
	e, err := parseEndpoint(to)
	if err != nil {
		return err
	}
	for i := range len(to.RawQuery) {
		if c := to.RawQuery[i]; c <= ' ' || c >= 0x7f {
			return stepError(StepParse, drydock.ErrInvalid, "write it as %XX", "its query has a character that cannot be sent")
		}
	}
	bare := *to
	bare.User, bare.Fragment, bare.RawFragment = nil, "", ""
	bare.Host = e.host
	if e.addr.Is6() {
		bare.Host = "[" + e.host + "]"
	}
	if e.port != defaultPort(to.Scheme) {
		bare.Host = e.String()
	}
	h.url, h.endpoint = &bare, e
	return nil
}

// redirected returns the hop that a redirect to location leads to, or why it is not followed.
func (h *hop) redirected(location string) (*hop, error) {
	to, err := h.url.Parse(location)
	if err != nil {
		return nil, stepError(StepStatus, drydock.ErrInvalid, "", "the server redirects to what is not a URI")
	}
	next := *h
	to.User = nil
	upgrade := h.url.Scheme == "http" && to.Scheme == "https"
	refused := func(remedy, format string, args ...any) (*hop, error) {
		return nil, stepError(StepPolicy, drydock.ErrDenied, remedy, format, args...)
	}
	if to.Scheme != h.url.Scheme && !upgrade {
		return refused("", "it redirects from %s to %s, which is not followed", h.url.Scheme, drydock.OneLine(to.Scheme, 32))
	}
	if err := next.lead(to); err != nil {
		return nil, err
	}
	if next.endpoint.host != h.endpoint.host || !upgrade && next.endpoint.port != h.endpoint.port {
		return refused("name that host in the reference, if it is meant", "it redirects to another host (%s), which is not followed", drydock.OneLine(next.endpoint.String(), 100))
	}
	if upgrade {
		next.scheme = strings.TrimSuffix(h.scheme, "http") + "https"
		if h.endpoint.port != "80" || next.endpoint.port != "443" { // another service, as far as one can tell: not to be told secrets
			next.header = http.Header{}
			for _, name := range []string{"User-Agent", "Accept", "Accept-Encoding"} {
				next.header[name] = h.header[name]
			}
			next.asked = false
		}
	}
	next.scrub = append(scrubbers{newScrubber(to.String(), to)}, h.scrub...)
	return &next, nil
}

// ask makes one request. It returns an answer, or where the server sends us instead.
func (f *httpFetcher) ask(ctx context.Context, h *hop) (Answer, *hop, error) {
	d := f.o.Policy.Explain(ctx, h.url, h.scheme)
	if err := d.check(); err != nil {
		return Answer{}, nil, err
	}
	x, err := connect(ctx, d, h, f.o)
	if err != nil {
		return Answer{}, nil, err
	}
	defer x.close()
	resp, err := x.ask()
	if err != nil {
		return Answer{}, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
		body, err := x.body(resp)
		if err != nil {
			return Answer{}, nil, err
		}
		return Answer{Body: body, ETag: h.validator(resp, "ETag"), Modified: h.validator(resp, "Last-Modified")}, nil, nil
	case http.StatusNotModified:
		if h.asked {
			return Answer{NotModified: true, ETag: h.validator(resp, "ETag"), Modified: h.validator(resp, "Last-Modified")}, nil, nil
		}
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if location := resp.Header.Get("Location"); location != "" {
			next, err := h.redirected(location)
			return Answer{}, next, err
		}
	}
	return Answer{}, nil, x.statusError(resp)
}

// validator returns a header that is to be sent back later, if it is fit for that and tells no secret.
func (h *hop) validator(resp *http.Response, name string) string {
	const most = 256
	v := resp.Header.Get(name)
	if v != drydock.OneLine(v, most) || h.scrub.text(v) != v {
		return ""
	}
	return v
}
