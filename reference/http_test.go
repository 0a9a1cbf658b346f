package reference

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func zip(t *testing.T, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(plain)
	must(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

// anyHost is a policy for tests whose servers are on this machine.
func anyHost(t *testing.T) *Policy { return policyOf(t, "http=any", "https=any") }

func policyOf(t *testing.T, lines ...string) *Policy {
	t.Helper()
	p, err := ParsePolicy(lines)
	must(t, err)
	return p
}

func fetchHTTP(t *testing.T, o HTTPOptions, ref string) ([]byte, error) {
	t.Helper()
	u, err := url.Parse(ref)
	must(t, err)
	if o.Policy == nil {
		o.Policy = anyHost(t)
	}
	a, err := FetchHTTP(o).Fetch(t.Context(), Request{URL: u})
	return a.Body, err
}

// wantError checks kind and text of an error.
func wantError(t *testing.T, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want kind %v and %q", err, kind, text)
	}
}

func TestFetchHTTPStatus(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "line one\r\n\x1b[31mred\x00 %s %s", r.URL.RawQuery, strings.Repeat("long ", 500))
	})
	for status, kind := range map[int]error{
		201: drydock.ErrInvalid, 204: drydock.ErrInvalid, 206: drydock.ErrInvalid, 300: drydock.ErrInvalid, 304: drydock.ErrInvalid, 400: drydock.ErrInvalid, 401: drydock.ErrDenied, 403: drydock.ErrDenied, 404: drydock.ErrNotFound,
		405: drydock.ErrInvalid, 408: drydock.ErrUnavailable, 410: drydock.ErrNotFound, 418: drydock.ErrInvalid, 425: drydock.ErrUnavailable,
		429: drydock.ErrUnavailable, 500: drydock.ErrUnavailable, 502: drydock.ErrUnavailable, 503: drydock.ErrUnavailable, 504: drydock.ErrUnavailable,
	} {
		body, err := fetchHTTP(t, HTTPOptions{}, fmt.Sprintf("%s/%d?token=hunter2", s.URL, status))
		wantError(t, err, kind, fmt.Sprint(status))
		if body != nil || strings.ContainsAny(err.Error(), "\x1b\r\n\x00") || len(err.Error()) > 500 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: body %q, error %q", status, body, err)
		}
		if status >= 400 && !strings.Contains(err.Error(), "line one [31mred") {
			t.Errorf("%d: no excerpt in %q", status, err)
		}
		var wish interface{ RetryAfter() time.Duration }
		if errors.Is(kind, drydock.ErrUnavailable) && (!errors.As(err, &wish) || wish.RetryAfter() != 7*time.Second) {
			t.Errorf("%d: the server's wish is lost", status)
		}
	}
}

func TestFetchHTTPRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		_, _ = fmt.Fprintf(w, "%s %s|%v %s %s|%s", r.Method, r.RequestURI, ok, user, password, r.UserAgent())
	})
	host := strings.TrimPrefix(s.URL, "http://")
	for ref, want := range map[string]string{
		"http://" + host + "/a%20b?schema=drydock#frag": "GET /a%20b?schema=drydock|false  |drydock",
		"http://us%3Aer:p%40ss%20w@" + host + "/":       "GET /|false  |drydock",
		"http://user:p%40ss%20w@" + host + "/":          "GET /|true user p@ss w|drydock",
		"http://user:@" + host:                          "GET /|true user |drydock",
		"http://user@" + host + "/x":                    "GET /x|false  |drydock",
	} {
		if strings.Contains(ref, "us%3A") { // a colon in the user name cannot be told from the separator: the server sees it cut there
			want = "GET /|true us er:p@ss w|drydock"
		}
		got, err := fetchHTTP(t, HTTPOptions{}, ref)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", ref, got, err, want)
		}
	}
	_, err := fetchHTTP(t, HTTPOptions{}, "http:opaque")
	wantError(t, err, drydock.ErrInvalid, "needs a host")
	_, err = fetchHTTP(t, HTTPOptions{}, "http://:80/x")
	wantError(t, err, drydock.ErrInvalid, "needs a host")
}

func TestFetchHTTPRedirect(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "stolen "+r.Header.Get("Authorization"))
	})
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/host":
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
		case "/port":
			http.Redirect(w, r, other.URL+"/", http.StatusTemporaryRedirect)
		case "/ftp":
			http.Redirect(w, r, strings.Replace(s.URL, "http:", "ftp:", 1), http.StatusFound)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		default:
			_, _ = io.WriteString(w, "end "+r.Header.Get("Authorization"))
		}
	})
	base := strings.Replace(s.URL, "http://", "http://u:pw-secret@", 1)
	if got, err := fetchHTTP(t, HTTPOptions{}, base+"/same"); err != nil || string(got) != "end Basic dTpwdy1zZWNyZXQ=" {
		t.Errorf("same host: %q, %v", got, err)
	}
	for path, want := range map[string]struct {
		kind error
		text string
	}{
		"/host": {drydock.ErrDenied, "another host"}, "/port": {drydock.ErrDenied, "another host"}, "/ftp": {drydock.ErrDenied, "from http to ftp"},
		"/metadata": {drydock.ErrDenied, "another host"}, "/loop": {drydock.ErrInvalid, "redirects"}, "/nowhere": {drydock.ErrInvalid, "302"},
	} {
		_, err := fetchHTTP(t, HTTPOptions{}, base+path)
		wantError(t, err, want.kind, want.text)
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, s.URL, http.StatusFound) }))
	defer secure.Close()
	_, err := fetchHTTP(t, HTTPOptions{TLS: trust(secure)}, secure.URL)
	wantError(t, err, drydock.ErrDenied, "from https to http")
}

func trust(s *httptest.Server) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{RootCAs: pool}
}

func TestFetchHTTPS(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto) }))
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	if got, err := fetchHTTP(t, HTTPOptions{TLS: trust(s)}, s.URL); err != nil || len(got) == 0 {
		t.Errorf("%q, %v", got, err)
	}
	f := &counted{Fetcher: FetchHTTP(HTTPOptions{Policy: anyHost(t)})}
	_, _, err := NewResolver(map[string]Fetcher{"https": f}, ResolverOptions{Wait: time.Millisecond}).Resolve(t.Context(), s.URL)
	wantError(t, err, drydock.ErrUnavailable, "certificate is not trusted")
	if f.calls != 1 {
		t.Errorf("%d tries with a certificate that will not get better", f.calls)
	}
	old := httptest.NewUnstartedServer(s.Config.Handler)
	old.Config.ErrorLog = quiet
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	_, err = fetchHTTP(t, HTTPOptions{TLS: trust(old)}, old.URL)
	wantError(t, err, drydock.ErrUnavailable, "tls")
}

type counted struct {
	Fetcher
	calls int
}

func (c *counted) Fetch(ctx context.Context, q Request) (Answer, error) {
	c.calls++
	return c.Fetcher.Fetch(ctx, q)
}

func TestFetchHTTPLimits(t *testing.T) {
	fits, over := bytes.Repeat([]byte("x"), 1000), bytes.Repeat([]byte("x"), 1001)
	bomb := zip(t, make([]byte, 10<<20))
	raw := map[string]func(w http.ResponseWriter){
		"/fits":    func(w http.ResponseWriter) { _, _ = w.Write(fits) },
		"/length":  func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1001"); _, _ = w.Write(over) },
		"/chunked": func(w http.ResponseWriter) { w.(http.Flusher).Flush(); _, _ = w.Write(over) },
		"/gzip-fits": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zip(t, fits))
		},
		"/gzip-over": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zip(t, over))
		},
		"/gzip-bomb":  func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip"); _, _ = w.Write(bomb[:900]) },
		"/gzip-false": func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip"); _, _ = w.Write(fits) },
		"/gzip-cut": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zip(t, fits)[:15])
		},
		"/brotli": func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "br"); _, _ = w.Write(fits) },
		"/short":  func(w http.ResponseWriter) { w.Header().Set("Content-Length", "500"); _, _ = w.Write(fits[:100]) },
		"/long":   func(w http.ResponseWriter) { w.Header().Set("Content-Length", "5"); _, _ = w.Write(fits[:5]) },
		"/break": func(w http.ResponseWriter) {
			_, _ = w.Write(fits[:10])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { raw[r.URL.Path](w) })
	for path, size := range map[string]int{"/fits": 1000, "/gzip-fits": 1000, "/long": 5} {
		if got, err := fetchHTTP(t, HTTPOptions{MaxBytes: 1000}, s.URL+path); err != nil || len(got) != size {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	for path, want := range map[string]struct {
		kind error
		text string
	}{
		"/length": {drydock.ErrInvalid, "longer than"}, "/chunked": {drydock.ErrInvalid, "longer than"}, "/gzip-over": {drydock.ErrInvalid, "longer than"},
		"/gzip-bomb": {drydock.ErrInvalid, "longer than"}, "/gzip-false": {drydock.ErrInvalid, "gzip"}, "/gzip-cut": {drydock.ErrUnavailable, "broke off"},
		"/brotli": {drydock.ErrInvalid, `"br"`}, "/short": {drydock.ErrUnavailable, "broke off"}, "/break": {drydock.ErrUnavailable, "broke off"},
	} {
		got, err := fetchHTTP(t, HTTPOptions{MaxBytes: 1000}, s.URL+path)
		wantError(t, err, want.kind, want.text)
		if got != nil {
			t.Errorf("%s: %d bytes with an error", path, len(got))
		}
	}
}

// A server that counts too few bytes is not believed, and what it sends beyond them is never taken for a second answer.
func TestFetchHTTPLyingLength(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na: 1 and much more that was not announced")
			_ = c.Close()
		}
	}()
	for range 2 {
		got, err := fetchHTTP(t, HTTPOptions{}, "http://"+l.Addr().String())
		wantError(t, err, drydock.ErrInvalid, "goes on after the 4 bytes")
		if got != nil {
			t.Errorf("%q", got)
		}
	}
}

func TestFetchHTTPSilence(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "a: 1\n")
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	for path, text := range map[string]string{"/body": "broke off: the server fell silent", "/header": "no answer: the server fell silent"} {
		start := time.Now()
		_, err := fetchHTTP(t, HTTPOptions{ReadTimeout: 50 * time.Millisecond}, s.URL+path)
		wantError(t, err, drydock.ErrUnavailable, text)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	u, err := url.Parse(s.URL + "/body")
	must(t, err)
	_, err = FetchHTTP(HTTPOptions{Policy: anyHost(t)}).Fetch(ctx, Request{URL: u})
	wantError(t, err, context.Canceled, "")
}

func TestFetchHTTPConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	closed := l.Addr().String()
	must(t, l.Close())
	_, err = fetchHTTP(t, HTTPOptions{}, "http://user:pw-secret@"+closed+"/p?token=hunter2")
	wantError(t, err, drydock.ErrUnavailable, "refused")
	for _, leak := range []string{"pw-secret", "hunter2"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("%q leaks %q", err, leak)
		}
	}
	for _, host := range []string{"169.254.169.254", "[fe80::1]", "[::ffff:169.254.0.1]", "[fd00:ec2::254]"} {
		_, err := fetchHTTP(t, HTTPOptions{ConnectTimeout: time.Second}, "http://"+host+":1/latest/meta-data")
		wantError(t, err, drydock.ErrDenied, "link-local, multicast, unspecified or metadata")
	}
}

func TestRetryAfter(t *testing.T) {
	now := "Tue, 01 Dec 2026 10:00:00 GMT"
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "soon": 0, "99999999999999": 0, "Tue, 01 Dec 2026 10:01:30 GMT": 90 * time.Second, "Tue, 01 Dec 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestResolveOverHTTP(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "a: 1")
	})
	r := NewResolver(map[string]Fetcher{"http": FetchHTTP(HTTPOptions{Policy: anyHost(t)})}, ResolverOptions{Wait: time.Millisecond})
	if got, _, err := r.Resolve(t.Context(), s.URL); err != nil || string(got) != "a: 1" || calls.Load() != 3 {
		t.Errorf("%d calls: %q, %v", calls.Load(), got, err)
	}
}
