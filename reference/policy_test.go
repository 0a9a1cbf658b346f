package reference

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"drydock"
)

func TestForbiddenAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"169.254.0.0": true, "169.254.169.254": true, "169.254.255.255": true, "::ffff:169.254.1.1": true, "fe80::1": true, "febf::1": true, "fe80::1%eth0": true,
		"64:ff9b::a9fe:a9fe": true, "64:ff9b:1::a9fe:a9fe": true, "64:ff9b:1:a9fe:a9:fe00::": true, "2002:a9fe:a9fe::1": true, "::169.254.169.254": true,
		"::ffff:0:a9fe:a9fe": true, "2001:0:a9fe:a9fe::": true, "2001:0:1:2:3:4:5601:5601": true, "2600::5efe:a9fe:a9fe": true, "2600::200:5efe:a9fe:a9fe": true,
		"fd00:ec2::254": true, "fd00:ec2::23": true, "100.100.100.200": true, "168.63.129.16": true, "192.0.0.192": true, "64:ff9b::6464:64c8": true,
		"224.0.0.1": true, "239.255.255.255": true, "ff02::1": true, "ff0e::1": true, "0.0.0.0": true, "0.1.2.3": true, "::": true, "255.255.255.255": true,
		"::ffff:0.0.0.0": true, "64:ff9b::": true,
		"169.253.255.255": false, "169.255.0.0": false, "127.0.0.1": false, "::1": false, "10.1.2.3": false, "192.168.1.1": false, "fd00::1": false,
		"fec0::1": false, "2001:db8::1": false, "64:ff9b::a00:1": false, "2002:a00:1::1": false, "::ffff:127.0.0.1": false, "2600::1": false,
	} {
		if got := forbidden(netip.MustParseAddr(addr)); got != want {
			t.Errorf("forbidden(%s) = %v", addr, got)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "9.255.255.255": true, "11.0.0.0": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.255.255": true,
		"172.32.0.0": true, "192.0.1.0": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true, "2600::1": true, "2a00:1450::1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::808:808": true,
		"10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.255.254": false, "172.16.0.1": false, "192.168.0.1": false, "192.0.2.1": false,
		"192.0.0.9": false, "192.88.99.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"169.254.1.1": false, "0.0.0.0": false, "224.0.0.1": false, "::1": false, "::": false, "fc00::1": false, "fd12::1": false, "fe80::1": false, "fec0::1": false,
		"2001:db8::1": false, "2001:2::1": false, "2001::1": false, "2002:808:808::1": false, "3fff::1": false, "5f00::1": false, "ff0e::1": false, "100::1": false,
		"64:ff9b::a00:1": false, "64:ff9b:1::808:808": false, "::8.8.8.8": false, "::ffff:10.0.0.1": false, "::ffff:0:808:808": false, "4000::1": false,
	} {
		if got := public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("public(%s) = %v", addr, got)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	good := []string{
		"http=public", " HTTPS = any ", "https=10.0.0.0/8", "http=fd00::/8", "http=127.0.0.1:9000", "http=[::1]:80", "http=::1", "https=Designs.Example.:8443",
		"https=*.example", "deckhand+http=catalog", "promenade+https=catalog", "deckhand+https=deckhand-int:9000", "http=my_host", "http=localhost",
	}
	if p, err := ParsePolicy(good); err != nil || len(p.rules) != len(good) {
		t.Error(err)
	}
	if _, err := ParsePolicy(nil); err != nil {
		t.Errorf("a policy without lines: %v", err)
	}
	for line, text := range map[string]string{
		"": "not SCHEME=RULE", "https": "not SCHEME=RULE", "https=": "not SCHEME=RULE", "ftp=any": `no scheme "ftp"`, "file=/srv": "--design-root",
		"htps=any": `no scheme "htps"`, "https=catalog": "deckhand+https", "https=10.0.0.1/8": "is 10.0.0.0/8 meant", "https=10.0.0.0/33": "no CIDR",
		"https=host/path": "not paths", "https=https://h": "not paths", "https=h:0": "port", "https=h:99999": "port", "https=h:http": "port", "https=a b": "not a host name",
		"https=*": "not a host name", "https=*.10.0.0.1": "an address has no names", "https=a.*.b": "not a host name", "https=2130706433": "neither a host name nor",
		"https=0x7f.1": "neither a host name nor", "https=010.0.0.1": "neither a host name nor", "https=bücher.example": "beyond ASCII", "https=fe80::1%eth0": "zone",
		"https=*.": "not a host name", "https=user@h": "not a host name",
	} {
		_, err := ParsePolicy([]string{"https=public", line})
		wantError(t, err, drydock.ErrInvalid, text)
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", line)) {
			t.Errorf("%q: the error does not name the line: %v", line, err)
		}
	}
}

// The policy that several tests ask.
var mixed = []string{
	"http=public", "https=designs.example:8443", "https=*.cluster.local", "https=10.0.0.0/8", "https=127.0.0.1:9000", "deckhand+http=catalog", "deckhand+https=catalog",
}

func TestExplain(t *testing.T) {
	p := policyOf(t, mixed...)
	p.Catalog = func(_ context.Context, service string) ([]*url.URL, error) {
		if service != "deckhand" {
			return nil, fmt.Errorf("%w: asked for %q", drydock.ErrUnavailable, service)
		}
		return []*url.URL{{Scheme: "http", Host: "deckhand-int.ucp:9000", Path: "/api/v1.0"}, {Scheme: "https", Host: "deckhand.example"}}, nil
	}
	for _, c := range []struct {
		ref     string // with the scheme that the policy is asked about
		verdict Verdict
		line    string
		text    string
	}{
		{"http://h.example/x", ByAddress, "http=public", "the address of h.example"},
		{"http://8.8.8.8/x", Allowed, "http=public", ""},
		{"http://127.0.0.1/x", Refused, "", "no line of the policy allows 127.0.0.1:80 for http"},
		{"http://169.254.169.254/x", Refused, "", "metadata"},
		{"https://designs.example:8443/x", Allowed, "https=designs.example:8443", ""},
		{"https://DESIGNS.example.:08443/x", Allowed, "https=designs.example:8443", ""},
		{"https://designs.example/x", ByAddress, "https=10.0.0.0/8", ""},
		{"https://a.b.cluster.local/x", Allowed, "https=*.cluster.local", ""},
		{"https://cluster.local/x", ByAddress, "https=10.0.0.0/8", ""},
		{"https://evilcluster.local/x", ByAddress, "https=10.0.0.0/8", ""},
		{"https://10.1.2.3:1/x", Allowed, "https=10.0.0.0/8", ""},
		{"https://[::ffff:10.1.2.3]/x", Allowed, "https=10.0.0.0/8", ""},
		{"https://11.1.2.3/x", Refused, "", "11.1.2.3:443"},
		{"https://127.0.0.1:9000/x", Allowed, "https=127.0.0.1:9000", ""},
		{"https://127.0.0.1:9001/x", Refused, "", "127.0.0.1:9001"},
		{"https://user:pw@127.0.0.1:9001/x", Refused, "", "127.0.0.1:9001"},
		{"deckhand+http://deckhand-int.ucp:9000/x", Allowed, "deckhand+http=catalog", ""},
		{"deckhand+http://deckhand-int.ucp:9001/x", Refused, "", "the catalogue has http://deckhand-int.ucp:9000"},
		{"deckhand+http://deckhand.example:443/x", Refused, "", "the catalogue has"}, // the token would go there without TLS
		{"deckhand+https://deckhand.example/x", Allowed, "deckhand+https=catalog", ""},
		{"deckhand+http://169.254.169.254/x", Refused, "", "metadata"},
		{"promenade+http://h/x", Refused, "", "no line of the policy allows h:80 for promenade+http"},
		{"http://2130706433/x", Refused, "", "neither a host name nor a plain address"},
		{"http://0x7f.1/x", Refused, "", "neither a host name nor a plain address"},
		{"http://0177.0.0.1/x", Refused, "", "neither a host name nor a plain address"},
		{"http://127.1/x", Refused, "", "neither a host name nor a plain address"},
		{"http://bücher.example/x", Refused, "", "beyond ASCII"},
		{"http://１２７.0.0.1/x", Refused, "", "beyond ASCII"},
		{"http://good@127.0.0.1/x", Refused, "", "127.0.0.1:80"},
	} {
		u, err := url.Parse(c.ref)
		must(t, err)
		scheme := u.Scheme
		if _, bare, ok := strings.Cut(scheme, "+"); ok {
			u.Scheme = bare
		}
		d := p.Explain(t.Context(), u, scheme)
		if d.Verdict != c.verdict || !strings.Contains(d.Reason, c.text) || c.line != "" && !slices.Contains(d.Lines, c.line) || c.line == "" && d.Lines != nil {
			t.Errorf("%s: %+v; want %s by %q, %q", c.ref, d, c.verdict, c.line, c.text)
		}
		if d.Verdict == Refused && d.Err == nil && d.Remedy == "" {
			t.Errorf("%s: nothing is said of what to do", c.ref)
		}
		if strings.Contains(d.Reason+d.Remedy, "pw") {
			t.Errorf("%s: a password is told: %+v", c.ref, d)
		}
	}
}

// What a decision makes of the address that a name turns out to have.
func TestDecisionAt(t *testing.T) {
	p := policyOf(t, mixed...)
	for _, c := range []struct {
		ref, addr string
		verdict   Verdict
	}{
		{"http://h.example/", "8.8.8.8", Allowed},
		{"http://h.example/", "10.0.0.1", Refused},
		{"http://h.example/", "127.0.0.1", Refused},
		{"http://h.example/", "169.254.169.254", Refused},
		{"http://h.example/", "::ffff:8.8.8.8", Allowed},
		{"https://designs.example:8443/", "127.0.0.1", Allowed},
		{"https://designs.example:8443/", "fd00::1", Allowed},
		{"https://designs.example:8443/", "169.254.169.254", Refused},
		{"https://designs.example:8443/", "64:ff9b::a9fe:a9fe", Refused},
		{"https://designs.example:8443/", "0.0.0.0", Refused},
		{"https://other.example/", "10.1.2.3", Allowed},
		{"https://other.example/", "8.8.8.8", Refused},
		{"https://other.example/", "127.0.0.1", Refused},
		{"https://other.example:9000/", "127.0.0.1", Allowed},
	} {
		u, err := url.Parse(c.ref)
		must(t, err)
		if d := p.Explain(t.Context(), u, "").At(netip.MustParseAddr(c.addr)); d.Verdict != c.verdict {
			t.Errorf("%s at %s: %+v", c.ref, c.addr, d)
		}
	}
}

func TestPolicyCatalogFails(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "deckhand:9000"}
	p := policyOf(t, DefaultPolicy()...)
	d := p.Explain(t.Context(), u, "deckhand+http")
	if d.Verdict != Refused || !strings.Contains(d.Reason, "Keystone is not configured") || !errors.Is(d.check(), drydock.ErrDenied) {
		t.Errorf("without Keystone: %+v", d)
	}
	p.Catalog = func(context.Context, string) ([]*url.URL, error) {
		return nil, fmt.Errorf("%w: down", drydock.ErrUnavailable)
	}
	if d := p.Explain(t.Context(), u, "deckhand+http"); d.Verdict != Refused || !errors.Is(d.check(), drydock.ErrUnavailable) {
		t.Errorf("Keystone is down: %+v", d)
	}
	p = policyOf(t, "deckhand+http=catalog", "deckhand+http=deckhand:9000")
	p.Catalog = func(context.Context, string) ([]*url.URL, error) {
		return nil, fmt.Errorf("%w: down", drydock.ErrUnavailable)
	}
	if d := p.Explain(t.Context(), u, "deckhand+http"); d.Verdict != Allowed {
		t.Errorf("Keystone is down, but another line allows the host: %+v", d)
	}
}
