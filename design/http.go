package design

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"drydock"
)

// HTTPOptions are the bounds of a fetch over HTTP. Zero fields take the default.
type HTTPOptions struct {
	ConnectTimeout time.Duration // for the connection and again for its TLS handshake; default 16 s
	ReadTimeout    time.Duration // longest silence of the server, before and inside its answer; default 300 s
	MaxBytes       int64         // of the body, also when decompressed; a longer one is an error; default DefaultMaxBytes
	TLS            *tls.Config   // trusted authorities and client certificate; default: the system's. Below TLS 1.2 nothing is spoken
	UserAgent      string        // default "drydock"
}

const (
	maxRedirects = 10
	maxHeader    = 256 << 10
	excerptBytes = 2 << 10
	excerptRunes = 200
)

// FetchHTTP returns a fetcher for http: and https: URIs. User and password of the URI become basic authentication (both must be there). A
// redirect is followed only on the same host and port, or from http to https on that host. Link-local and metadata addresses are refused.
// Proxies named in the environment are not used. Errors: ErrUnavailable (no connection, a broken or stalled answer, status 408, 425, 429 and
// 5xx), ErrNotFound (404, 410), ErrDenied (401, 403, a forbidden address or redirect), ErrInvalid (the rest).
func FetchHTTP(o HTTPOptions) Fetcher {
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
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, ControlContext: controlDial}
	return &httpFetcher{o: o, client: &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would dial for us, past the check of the address
			DialContext:            dialer.DialContext,
			TLSClientConfig:        secure,
			TLSHandshakeTimeout:    o.ConnectTimeout,
			ResponseHeaderTimeout:  o.ReadTimeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // we ask for gzip ourselves, to bound both the compressed and the plain bytes
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // designs are rarely asked for, and an idle connection logs what it hears
		},
	}}
}

type httpFetcher struct {
	o      HTTPOptions
	client *http.Client
}

// Fetch implements Fetcher.
func (f *httpFetcher) Fetch(ctx context.Context, q Request) (Answer, error) {
	u := q.URL
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return Answer{}, fmt.Errorf("%w: %s reference needs a host, as in https://host/path", drydock.ErrInvalid, u.Scheme)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := f.request(ctx, u)
	if err != nil {
		return Answer{}, err
	}
	scrub := newScrubber(u.String(), u)
	resp, err := f.client.Do(req)
	if err != nil {
		return Answer{}, transportError(ctx, err, scrub)
	}
	defer func() { _ = resp.Body.Close() }()
	body := newWatch(resp.Body, f.o.ReadTimeout, cancel)
	defer body.stop()
	if resp.StatusCode/100 != 2 {
		return Answer{}, statusError(resp, body, scrub)
	}
	all, err := f.read(ctx, resp, body, scrub)
	return Answer{Body: all, ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified")}, err
}

func (f *httpFetcher) request(ctx context.Context, u *url.URL) (*http.Request, error) {
	bare := *u
	bare.User, bare.Fragment, bare.RawFragment = nil, "", ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: no request can be made of the reference", drydock.ErrInvalid)
	}
	req.Header.Set("User-Agent", f.o.UserAgent)
	req.Header.Set("Accept", "application/x-yaml, application/yaml, text/yaml, text/plain;q=0.9, */*;q=0.5")
	req.Header.Set("Accept-Encoding", "gzip")
	if u.User != nil {
		if password, ok := u.User.Password(); ok {
			req.SetBasicAuth(u.User.Username(), password)
		}
	}
	return req, nil
}

// checkRedirect keeps a fetch on the host, port and at least the scheme that the reference names.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL, req.URL
	upgrade := from.Scheme == "http" && to.Scheme == "https"
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d redirects", drydock.ErrInvalid, maxRedirects)
	case to.Scheme != from.Scheme && !upgrade:
		return fmt.Errorf("%w: it redirects from %s to %s, which is not followed", drydock.ErrDenied, from.Scheme, clean(to.Scheme, 32))
	case !strings.EqualFold(from.Hostname(), to.Hostname()) || !upgrade && portOf(from) != portOf(to):
		return fmt.Errorf("%w: it redirects to another host (%s), which is not followed; name that host in the reference", drydock.ErrDenied, clean(to.Host, 100))
	}
	return nil
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// read returns the plain bytes of the body. Both what comes over the wire and what it decompresses to are bounded.
func (f *httpFetcher) read(ctx context.Context, resp *http.Response, body io.Reader, scrub scrubber) ([]byte, error) {
	tooLong := fmt.Errorf("%w: the answer is longer than the %d bytes allowed", drydock.ErrInvalid, f.o.MaxBytes)
	if resp.ContentLength > f.o.MaxBytes {
		return nil, tooLong
	}
	plain := io.Reader(&bounded{from: body, left: f.o.MaxBytes, err: tooLong})
	switch encoding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unzip, err := gzip.NewReader(plain)
		if err != nil {
			return nil, bodyError(ctx, err, scrub)
		}
		plain = &bounded{from: unzip, left: f.o.MaxBytes, err: tooLong}
	default:
		return nil, fmt.Errorf("%w: the answer has the content encoding %q, which is not understood", drydock.ErrInvalid, clean(encoding, 40))
	}
	all, err := io.ReadAll(plain)
	if err != nil {
		return nil, bodyError(ctx, err, scrub)
	}
	return all, nil
}

// bounded fails with err when there is more to read than left bytes; it never ends early as if that were all.
type bounded struct {
	from io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if int64(n) > b.left {
		return 0, b.err
	}
	b.left -= int64(n)
	return n, err
}

// errStalled is the cause of a request's end when the server fell silent.
var errStalled = errors.New("the server fell silent")

// watch ends the request when a body stays silent for too long. A total limit would punish slow lines; the resolver has one anyway.
type watch struct {
	from  io.Reader
	limit time.Duration
	timer *time.Timer
}

func newWatch(from io.Reader, limit time.Duration, cancel context.CancelCauseFunc) *watch {
	return &watch{from: from, limit: limit, timer: time.AfterFunc(limit, func() {
		cancel(fmt.Errorf("%w for %v", errStalled, limit))
	})}
}

func (w *watch) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if n > 0 {
		w.timer.Reset(w.limit)
	}
	return n, err
}

func (w *watch) stop() { w.timer.Stop() }
