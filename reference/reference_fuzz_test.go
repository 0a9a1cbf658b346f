package reference

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// looseAddress reads host as old resolvers do: one to four numbers, decimal, octal or hexadecimal.
func looseAddress(host string) bool {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, p := range parts {
		if _, err := strconv.ParseUint(strings.ToLower(p), 0, 64); err != nil || strings.ContainsAny(p, "_bo") && !strings.HasPrefix(p, "0x") {
			return false
		}
	}
	return len(parts) <= 4
}

// FuzzReference checks of any text: reading it as a reference does not panic; what is accepted is asked of one host, however it is read
// again, by the policy and on the wire; and what is shown of it has no password.
func FuzzReference(f *testing.F) {
	for _, c := range hostileReferences() {
		f.Add(c.ref)
	}
	for _, ref := range []string{
		"http://h/p?x=1#y", "https://u:p@h.example.:8443/a%20b?token=t", "http://[2001:db8::1]:80/", "http://[::ffff:1.2.3.4]/", "HTTP://H/", "http://xn--bcher-kva.example/",
		"file:///srv/a%20b.yaml", "http://h:080/", "http://h:/", "https://h/..//./x", "http://1.2.3.4.:80", "deckhand+https://h/api/v1.0/revisions/1/rendered-documents",
	} {
		f.Add(ref)
	}
	policy := defaultPolicy()
	web := FetchHTTP(HTTPOptions{}).(*httpFetcher)
	r := NewResolver(map[string]Fetcher{"http": web, "https": web, "file": FetchFile([]string{"/srv"}, 0)}, ResolverOptions{})
	const secret = "pa55-W0RD-of-fuzz"
	f.Fuzz(func(t *testing.T, ref string) {
		accepted := r.Check(ref) == nil
		_ = Redact(ref)
		u, err := url.Parse(ref)
		if err != nil {
			return
		}
		d := policy.Explain(t.Context(), u, "")
		if accepted && u.Scheme != "file" {
			oneHost(t, web, u, d)
		}
		if strings.Contains(ref, secret) {
			return
		}
		u.User = url.UserPassword("agent", secret)
		told := Redact(u.String())
		if err := r.Check(u.String()); err != nil {
			told += err.Error()
		}
		if told += policy.Explain(t.Context(), u, "").Reason; strings.Contains(told, secret) {
			t.Errorf("%q: the password is told: %s", ref, told)
		}
	})
}

// oneHost checks that the policy, the dialler, the request and another reader of the same URL mean one host.
func oneHost(t *testing.T, web *httpFetcher, u *url.URL, d Decision) {
	h, err := web.first(Request{URL: u})
	if err != nil {
		t.Fatalf("%s: accepted, but: %v", u, err)
	}
	host, port, err := net.SplitHostPort(d.endpoint.String())
	if err != nil || host != h.endpoint.host || port != h.endpoint.port || d.endpoint != h.endpoint {
		t.Fatalf("%s: the policy sees %+v, the dialler %s", u, d.endpoint, h.endpoint)
	}
	again, err := url.Parse(h.url.String())
	if err != nil {
		t.Fatalf("%s becomes %q, which is no URI: %v", u, h.url, err)
	}
	if e, err := parseEndpoint(again); err != nil || e != h.endpoint {
		t.Fatalf("%s becomes %s, which is %+v, %v", u, again, e, err)
	}
	if _, err := netip.ParseAddr(host); err != nil && (looseAddress(host) || net.ParseIP(host) != nil) {
		t.Fatalf("%s: %q is an address for some", u, host)
	}
	var wire bytes.Buffer
	if err := (&http.Request{Method: http.MethodGet, URL: h.url, Host: h.url.Host, Header: h.header, Close: true}).Write(&wire); err != nil {
		t.Fatalf("%s: %v", u, err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil || got.Host != h.url.Host {
		t.Fatalf("%s: on the wire it is for %+v, %v", u, got, err)
	}
	for name := range got.Header {
		if h.header.Get(name) == "" && name != "Connection" {
			t.Fatalf("%s: it has put the header %q into the request", u, name)
		}
	}
}
