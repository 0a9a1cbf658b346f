package reference

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"drydock"
)

// Policy says which hosts references may lead to, scheme by scheme. It is made by ParsePolicy and not changed once it is in use; then it is
// safe for concurrent use.
type Policy struct {
	// Catalog returns the endpoints that the catalogue of Keystone has for a service: "deckhand" or "promenade". Its errors carry a kind. If it
	// is nil, rules that ask the catalogue allow nothing.
	Catalog func(ctx context.Context, service string) ([]*url.URL, error)

	rules []rule
}

// rule is one line of a policy.
type rule struct {
	line   string // as it was written
	scheme string
	kind   ruleKind
	prefix netip.Prefix // of rulePrefix
	host   string       // of ruleHost; of ruleSuffix with its first dot
	port   string       // of rulePrefix, ruleHost, ruleSuffix; empty: any
}

type ruleKind int

const (
	rulePublic ruleKind = iota
	ruleAny
	rulePrefix
	ruleHost
	ruleSuffix
	ruleCatalog
)

// policySchemes are the schemes that lead to hosts.
var policySchemes = []string{"http", "https", "deckhand+http", "deckhand+https", "promenade+http", "promenade+https"}

// DefaultPolicy returns the lines of the policy that holds when none is set.
func DefaultPolicy() []string {
	return []string{
		"http=public", "https=public", "deckhand+http=catalog", "deckhand+https=catalog", "promenade+http=catalog", "promenade+https=catalog",
	}
}

// ParsePolicy reads a policy: lines SCHEME=RULE, any of which can allow. RULE is public (globally routable addresses), any, an address or CIDR,
// a host or *.suffix, or, for the schemes of services, catalog (the endpoints in Keystone's catalogue). Hosts and addresses may have a :port.
// Rules about addresses are held against the one that is dialled; a host is allowed whatever its address. No line can allow link-local,
// multicast, unspecified and metadata addresses. No lines allow nothing. The error is ErrInvalid and names the line.
func ParsePolicy(lines []string) (*Policy, error) {
	p := &Policy{}
	for _, line := range lines {
		r, err := parseRule(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("%w: policy line %q: %w", drydock.ErrInvalid, line, err)
		}
		p.rules = append(p.rules, r)
	}
	return p, nil
}

// defaultPolicy is the policy of DefaultPolicy, without a catalogue.
func defaultPolicy() *Policy {
	p, err := ParsePolicy(DefaultPolicy())
	if err != nil {
		panic(err) // the lines above are wrong
	}
	return p
}

func parseRule(line string) (rule, error) {
	scheme, text, ok := strings.Cut(line, "=")
	scheme, text = strings.ToLower(strings.TrimSpace(scheme)), strings.TrimSpace(text)
	switch {
	case !ok || text == "":
		return rule{}, errors.New("it is not SCHEME=RULE, as in https=designs.example:8443")
	case scheme == "file":
		return rule{}, errors.New("files are allowed by folder, with --design-root")
	case !slices.Contains(policySchemes, scheme):
		return rule{}, fmt.Errorf("there is no scheme %q; there are %s", scheme, strings.Join(policySchemes, ", "))
	}
	r := rule{line: scheme + "=" + text, scheme: scheme}
	switch strings.ToLower(text) {
	case "public":
		r.kind = rulePublic
		return r, nil
	case "any":
		r.kind = ruleAny
		return r, nil
	case "catalog":
		if serviceOf(scheme) == "" {
			return rule{}, fmt.Errorf("catalog is for the schemes of services, such as deckhand+%s", scheme)
		}
		r.kind = ruleCatalog
		return r, nil
	}
	return r, r.parseTarget(text)
}

// parseTarget reads a CIDR, an address, a host or a suffix.
func (r *rule) parseTarget(text string) error {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return fmt.Errorf("%q is no CIDR, as in 10.0.0.0/8; a line names hosts, not paths", text)
		case p.Addr() != p.Masked().Addr():
			return fmt.Errorf("%s has bits beyond its length; is %s meant?", p, p.Masked())
		}
		r.kind, r.prefix = rulePrefix, p
		return nil
	}
	host, port, err := splitPort(text)
	if err != nil {
		return err
	}
	r.kind, r.port = ruleHost, port
	suffix, wild := strings.CutPrefix(host, "*.")
	if host, err = parseHost(suffix); err != nil {
		var step *fetchError
		if errors.As(err, &step) {
			return errors.New(step.text)
		}
		return err
	}
	addr, notAddr := netip.ParseAddr(host)
	switch {
	case notAddr == nil && wild:
		return fmt.Errorf("%q: an address has no names below it; write a CIDR", text)
	case notAddr == nil:
		r.kind, r.prefix = rulePrefix, netip.PrefixFrom(addr, addr.BitLen())
	case wild:
		r.kind, r.host = ruleSuffix, "."+host
	default:
		r.host = host
	}
	return nil
}

// splitPort takes the port off, if there is one. IPv6 addresses with a port are in brackets, without one they need none.
func splitPort(text string) (host, port string, err error) {
	if _, err := netip.ParseAddr(text); err == nil {
		return text, "", nil
	}
	host = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		n, err := strconv.ParseUint(text[i+1:], 10, 16)
		if err != nil || n == 0 {
			return "", "", fmt.Errorf("port %q is not between 1 and 65535", text[i+1:])
		}
		host, port = text[:i], strconv.FormatUint(n, 10)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	return host, port, nil
}

// serviceOf returns the service that a scheme is for, empty for none.
func serviceOf(scheme string) string {
	service, _, ok := strings.Cut(scheme, "+")
	if !ok {
		return ""
	}
	return service
}

// byAddress reports that r is held against the address that is dialled.
func (r rule) byAddress() bool {
	return r.kind == rulePublic || r.kind == ruleAny || r.kind == rulePrefix
}

func (r rule) portFits(port string) bool { return r.port == "" || r.port == port }

// allowsName reports whether r allows the host of e by its name.
func (r rule) allowsName(e endpoint) bool {
	if e.addr.IsValid() || !r.portFits(e.port) {
		return false
	}
	return r.kind == ruleHost && e.host == r.host || r.kind == ruleSuffix && strings.HasSuffix(e.host, r.host)
}

// allowsAddress reports whether r allows a connection to a. That a is not forbidden is for the caller to know.
func (r rule) allowsAddress(a netip.Addr, port string) bool {
	switch r.kind {
	case rulePublic:
		return public(a)
	case ruleAny:
		return true
	case rulePrefix:
		return r.portFits(port) && r.prefix.Contains(a.Unmap().WithZone(""))
	}
	return false
}
