package reference

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"drydock"
)

func TestConditionalRequests(t *testing.T) {
	const tag, date = `W/"v1"`, "Tue, 01 Dec 2026 10:00:00 GMT"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Last-Modified", date)
		if r.Header.Get("If-None-Match") == tag || r.Header.Get("If-Modified-Since") == date {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "a: 1")
	})
	u, err := url.Parse(s.URL)
	must(t, err)
	f := FetchHTTP(HTTPOptions{Policy: anyHost(t)})
	for _, q := range []Request{{ETag: tag}, {Modified: date}, {ETag: tag, Modified: date}} {
		q.URL = u
		if a, err := f.Fetch(t.Context(), q); err != nil || !a.NotModified || a.Body != nil || a.ETag != tag || a.Modified != date {
			t.Errorf("%+v: %+v, %v", q, a, err)
		}
	}
	if a, err := f.Fetch(t.Context(), Request{URL: u, ETag: `"v0"`}); err != nil || a.NotModified || string(a.Body) != "a: 1" || a.ETag != tag || a.Modified != date {
		t.Errorf("another version: %+v, %v", a, err)
	}
	r := NewResolver(map[string]Fetcher{"http": f}, ResolverOptions{})
	for i, want := range []drydock.Origin{drydock.OriginSource, drydock.OriginConfirmed} {
		body, got, err := r.Resolve(t.Context(), s.URL)
		if err != nil || string(body) != "a: 1" || got.Origin != want || got.ETag != tag {
			t.Errorf("resolve %d: %q, %+v, %v", i, body, got, err)
		}
	}
}

// What a server gives as validators goes into records, and back to it. It cannot be used to have a secret recorded, or to fill a disk.
func TestUnfitValidators(t *testing.T) {
	for _, tag := range []string{`"` + strings.Repeat("x", 300) + `"`, `"hunter2-secret"`, "\"a\tb\""} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", tag)
			_, _ = io.WriteString(w, "a: 1")
		})
		u, err := url.Parse(strings.Replace(s.URL, "http://", "http://agent:hunter2-secret@", 1))
		must(t, err)
		if a, err := FetchHTTP(HTTPOptions{Policy: anyHost(t)}).Fetch(t.Context(), Request{URL: u}); err != nil || a.ETag != "" {
			t.Errorf("%.40q: %+v, %v", tag, a, err)
		}
	}
}

func TestRequestHeader(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "%s, %s, %s", r.Header.Get("Accept"), r.Header.Get("X-Auth-Token"), r.UserAgent())
	})
	u, err := url.Parse(s.URL)
	must(t, err)
	_, err = FetchHTTP(HTTPOptions{Policy: anyHost(t)}).Fetch(t.Context(), Request{
		URL: u, Scheme: "http", Header: http.Header{"Accept": {"application/x-yaml"}, "x-auth-token": {"gAAAA-token-of-keystone"}},
	})
	wantError(t, err, drydock.ErrDenied, "application/x-yaml, ***, drydock")
}

// The scheme of the reference, not that of the connection, is what the policy is asked about.
func TestPolicyOfScheme(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a: 1") })
	u, err := url.Parse(s.URL)
	must(t, err)
	f := FetchHTTP(HTTPOptions{Policy: policyOf(t, "deckhand+http=127.0.0.0/8")})
	if a, err := f.Fetch(t.Context(), Request{URL: u, Scheme: "deckhand+http"}); err != nil || string(a.Body) != "a: 1" {
		t.Errorf("%q, %v", a.Body, err)
	}
	_, err = f.Fetch(t.Context(), Request{URL: u})
	wantError(t, err, drydock.ErrDenied, "no line of the policy allows")
	_, err = FetchHTTP(HTTPOptions{}).Fetch(t.Context(), Request{URL: u})
	wantError(t, err, drydock.ErrDenied, "no line of the policy allows")
}

// Where a redirect leads, and what goes along.
func TestRedirected(t *testing.T) {
	f := FetchHTTP(HTTPOptions{}).(*httpFetcher)
	for _, c := range []struct{ from, scheme, to, url, want, secret string }{
		{"http://u:pw@h/a", "http", "/b?x=1#y", "http://h/b?x=1", "http", "yes"},
		{"http://u:pw@h/a", "http", "b", "http://h/b", "http", "yes"},
		{"http://u:pw@h:8080/a", "http", "http://H.:8080/b", "http://h:8080/b", "http", "yes"},
		{"http://u:pw@h/a", "deckhand+http", "https://h/b", "https://h/b", "deckhand+https", "yes"},
		{"http://u:pw@h/a", "http", "https://h:8443/b", "https://h:8443/b", "https", ""},
		{"http://u:pw@h:8080/a", "http", "https://h/b", "https://h/b", "https", ""},
		{"https://u:pw@[::1]:8443/a", "https", "//other:pw2@[0:0:0:0:0:0:0:1]:8443/b", "https://[::1]:8443/b", "https", "yes"},
	} {
		u, err := url.Parse(c.from)
		must(t, err)
		h, err := f.first(Request{URL: u, Scheme: c.scheme, ETag: "x", Header: http.Header{"X-Auth-Token": {"t"}}})
		must(t, err)
		next, err := h.redirected(c.to)
		if err != nil || next.url.String() != c.url || next.scheme != c.want {
			t.Errorf("%s to %s: %+v, %v", c.from, c.to, next, err)
			continue
		}
		for _, name := range []string{"Authorization", "X-Auth-Token", "If-None-Match"} {
			if got := next.header.Get(name); got != "" != (c.secret != "") {
				t.Errorf("%s to %s: %s is %q", c.from, c.to, name, got)
			}
		}
		if next.header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("%s to %s: %v", c.from, c.to, next.header)
		}
	}
}

// A redirect to https needs a line that allows it.
func TestRedirectToHTTPS(t *testing.T) {
	own := newAuthority(t)
	target := secure(t, &tls.Config{Certificates: []tls.Certificate{own.issue(t, nil)}}, map[string]func(net.Conn, *http.Request){
		"/x": send(ok200 + "Content-Length: 4\r\n\r\na: 1"),
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+target+"/x", http.StatusMovedPermanently)
	})
	o := HTTPOptions{TLS: &tls.Config{RootCAs: own.pool()}}
	if got, err := fetchHTTP(t, o, s.URL); err != nil || string(got) != "a: 1" {
		t.Errorf("%q, %v", got, err)
	}
	o.Policy = policyOf(t, "http=any", "https=public")
	_, err := fetchHTTP(t, o, s.URL)
	wantError(t, err, drydock.ErrDenied, "for https")
}

func TestClientCertificate(t *testing.T) {
	own := newAuthority(t)
	mine := own.issue(t, nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := secure(t, &tls.Config{
			Certificates: []tls.Certificate{own.issue(t, nil)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: own.pool(), MaxVersion: version,
		}, map[string]func(net.Conn, *http.Request){"/x": send(ok200 + "Content-Length: 4\r\n\r\na: 1")})
		got, err := fetchHTTP(t, HTTPOptions{TLS: &tls.Config{RootCAs: own.pool(), Certificates: []tls.Certificate{mine}}}, "https://"+server+"/x")
		if err != nil || string(got) != "a: 1" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// A host that is allowed by its name may have any address that is not forbidden; a certificate is for that name.
func TestAllowedName(t *testing.T) {
	own := newAuthority(t)
	good := map[string]func(net.Conn, *http.Request){"/x": send(ok200 + "Content-Length: 4\r\n\r\na: 1")}
	_, plain, err := net.SplitHostPort(scripted(t, good))
	must(t, err)
	_, tlsPort, err := net.SplitHostPort(secure(t, &tls.Config{Certificates: []tls.Certificate{own.issue(t, nil)}}, good))
	must(t, err)
	zone := &names{records: map[string][][]string{"named.test.": {{"127.0.0.1"}}, "a.b.test.": {{"127.0.0.1"}}, "half.test.": {{"169.254.169.254", "127.0.0.1"}}}}
	f := FetchHTTP(HTTPOptions{
		Policy: policyOf(t, "http=*.b.test", "https=named.test:"+tlsPort, "http=127.0.0.0/8"), TLS: &tls.Config{RootCAs: own.pool()}, Resolver: zone.resolver(t),
		ConnectTimeout: 5 * time.Second,
	})
	for _, ref := range []string{"https://Named.TEST.:" + tlsPort + "/x", "http://a.b.test:" + plain + "/x", "http://named.test:" + plain + "/x", "http://half.test:" + plain + "/x"} {
		u, err := url.Parse(ref)
		must(t, err)
		if a, err := f.Fetch(t.Context(), Request{URL: u}); err != nil || string(a.Body) != "a: 1" {
			t.Errorf("%s: %q, %v", ref, a.Body, err)
		}
	}
}

// An asset need not be a document.
func TestAnyContent(t *testing.T) {
	for _, text := range []string{html, "", `<?xml version="1.0"?>`, "\xff\xfe"} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-16")
			_, _ = io.WriteString(w, text)
		})
		if got, err := fetchHTTP(t, HTTPOptions{AnyContent: true}, s.URL); err != nil || string(got) != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// A large file takes little more memory than its own size: what is allocated altogether bounds what is held at any time.
func TestMemoryOfFile(t *testing.T) {
	large := bytes.Repeat([]byte("a: 1234567890 # and so on, line after line\n"), 1<<20)
	u := &url.URL{Scheme: "file", Path: write(t, t.TempDir()+"/large.yaml", string(large))}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := FetchFile([]string{"/"}, 0).Fetch(t.Context(), Request{URL: u})
	runtime.ReadMemStats(&after)
	if times := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(large)); err != nil || times > 1.2 || !bytes.Equal(a.Body, large) {
		t.Errorf("%.2f times the size of the file was allocated, %v", times, err)
	}
}

// A server that announces much and sends little costs what it sent.
func TestAnnouncedMemory(t *testing.T) {
	server := scripted(t, map[string]func(net.Conn, *http.Request){"/x": send(fmt.Sprintf("%sContent-Length: %d\r\n\r\na: 1", ok200, DefaultMaxBytes))})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := fetchHTTP(t, HTTPOptions{}, "http://"+server+"/x")
	runtime.ReadMemStats(&after)
	wantError(t, err, drydock.ErrUnavailable, "broke off")
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes were allocated for 4", got)
	}
}
