package reference

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"drydock"
)

// endpoint is the host and port that a URL names, in the one spelling that rules are compared with and that is dialled. There is no second
// reading of the same reference that could see another host.
type endpoint struct {
	host string     // lower case, without a dot at its end; an address as netip writes it
	addr netip.Addr // valid if host is an address
	port string     // decimal, never empty
}

// String returns host:port as it is dialled.
func (e endpoint) String() string { return net.JoinHostPort(e.host, e.port) }

// parseEndpoint reads the host of u, whose scheme is http or https. What some software takes for another spelling of a host is refused rather
// than guessed: letters beyond ASCII, addresses in decimal, octal or hexadecimal, zones.
func parseEndpoint(u *url.URL) (endpoint, error) {
	const remedy = "write it as in https://host.example/path"
	bad := func(format string, args ...any) (endpoint, error) {
		return endpoint{}, stepError(StepParse, drydock.ErrInvalid, remedy, format, args...)
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return bad("it needs a host")
	}
	host, err := parseHost(u.Hostname())
	if err != nil {
		return endpoint{}, err
	}
	e := endpoint{host: host, port: defaultPort(u.Scheme)}
	if a, err := netip.ParseAddr(host); err == nil {
		e.addr = a
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return bad("port %.16q is not between 1 and 65535", p)
		}
		e.port = strconv.FormatUint(n, 10)
	}
	return e, nil
}

// defaultPort is the port that a scheme has without saying so, also one of a service such as deckhand+https.
func defaultPort(scheme string) string {
	if strings.HasSuffix(scheme, "https") {
		return "443"
	}
	return "80"
}

// parseHost returns a host name or address in its one spelling, or an error of StepParse.
func parseHost(text string) (string, error) {
	bad := func(remedy, format string, args ...any) (string, error) {
		return "", stepError(StepParse, drydock.ErrInvalid, remedy, format, args...)
	}
	for i := range len(text) {
		if text[i] >= 0x80 {
			return bad("write it in its ASCII form, xn--…", "host %.80q has letters beyond ASCII", text)
		}
	}
	host := strings.ToLower(strings.TrimSuffix(text, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return bad("use an address that needs no zone", "address %.80q has a zone", text)
		}
		return a.Unmap().String(), nil
	}
	if len(host) > 253 {
		return bad("", "a host name of %d letters is too long", len(host))
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return bad("use letters, digits, hyphens and dots", "host %.80q is not a host name", text)
		}
		last = label
	}
	if addressLike(last) {
		return bad("write an address as four decimal numbers, as in 192.0.2.1", "host %.80q is neither a host name nor a plain address", text)
	}
	return host, nil
}

// addressLike reports whether some resolvers would read a last label as a part of an address, which makes the whole host one.
func addressLike(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
