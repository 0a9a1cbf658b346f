package reference

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"drydock"
)

// Verdict is what a policy says of a reference, or of one address of its host.
type Verdict string

// The verdicts.
const (
	Allowed   Verdict = "allowed"
	Refused   Verdict = "refused"
	ByAddress Verdict = "by address" // some line may allow it; which one, if any, shows when the address of the host is known
)

// Decision is a verdict and why.
type Decision struct {
	Verdict Verdict
	Lines   []string // of the policy: the one that allows, or those that will be held against the address
	Reason  string   // in words, without secrets
	Remedy  string   // what to add or to change; empty if allowed
	Err     error    // the catalogue could not be asked, or the host not be read: refused, but not by the policy

	scheme   string
	endpoint endpoint
	rules    []rule // that addresses are held against; none: the name was enough
}

// Explain says whether a reference of that scheme (empty: u's) may lead to the host of u. It asks the catalogue if a rule says so, and no name
// service; for a host whose address matters the answer is ByAddress, and At completes it.
func (p *Policy) Explain(ctx context.Context, u *url.URL, scheme string) Decision {
	if scheme == "" {
		scheme = u.Scheme
	}
	d := Decision{scheme: scheme}
	e, err := parseEndpoint(u)
	if err != nil {
		d.Verdict, d.Err, d.Reason = Refused, err, err.Error()
		return d
	}
	d.endpoint = e
	why := ""
	for _, r := range p.rules {
		switch {
		case r.scheme != scheme:
		case r.allowsName(e):
			return d.allowedBy(r)
		case r.byAddress():
			d.rules = append(d.rules, r)
		case r.kind == ruleCatalog:
			ok, reason, err := p.inCatalog(ctx, u, e, scheme)
			if ok {
				return d.allowedBy(r)
			}
			why, d.Err = reason, err
		}
	}
	switch {
	case e.addr.IsValid() && len(d.rules) > 0 || e.addr.IsValid() && forbidden(e.addr):
		return d.At(e.addr)
	case len(d.rules) > 0:
		d.Verdict, d.Reason = ByAddress, "it depends on the address of "+e.host
		for _, r := range d.rules {
			d.Lines = append(d.Lines, r.line)
		}
		return d
	}
	return d.refused(why)
}

// At says whether a connection to a, which is an address of the host of the decision, is allowed.
func (d Decision) At(a netip.Addr) Decision {
	if forbidden(a) {
		d.Verdict, d.Lines, d.Err = Refused, nil, nil
		d.Reason = fmt.Sprintf("%s is a link-local, multicast, unspecified or metadata address; designs are never read from there", a.Unmap())
		d.Remedy = "name another host; no policy line can allow this one"
		return d
	}
	if d.Verdict == Allowed && len(d.rules) == 0 {
		return d
	}
	for _, r := range d.rules {
		if r.allowsAddress(a, d.endpoint.port) {
			return d.allowedBy(r)
		}
	}
	if d.endpoint.addr == a {
		return d.refused("")
	}
	return d.refused(fmt.Sprintf("%s has the address %s", d.endpoint.host, a.Unmap()))
}

func (d Decision) allowedBy(r rule) Decision {
	d.Verdict, d.Lines, d.Err, d.Remedy = Allowed, []string{r.line}, nil, ""
	d.Reason = "allowed by " + r.line
	if !r.byAddress() {
		d.rules = nil // whatever the address, the forbidden ones apart
	}
	return d
}

func (d Decision) refused(why string) Decision {
	d.Verdict, d.Lines = Refused, nil
	d.Reason = fmt.Sprintf("no line of the policy allows %s for %s", d.endpoint, d.scheme)
	if why != "" {
		d.Reason += " (" + why + ")"
	}
	d.Remedy = fmt.Sprintf("if designs may be read from there, add %s=%s to the lines of [design] allow (--allow-design)", d.scheme, d.endpoint)
	return d
}

// check is the decision as the error of a fetcher; nil unless it is refused.
func (d Decision) check() error {
	switch {
	case d.Verdict != Refused:
		return nil
	case d.Err != nil:
		return d.Err
	}
	return stepError(StepPolicy, drydock.ErrDenied, d.Remedy, "%s", d.Reason)
}

// inCatalog reports whether the catalogue has an endpoint of the scheme's service on the host and port that u names, or says why not. The
// transport must be the same: a token for an endpoint with TLS is not for the same port without.
func (p *Policy) inCatalog(ctx context.Context, u *url.URL, e endpoint, scheme string) (bool, string, error) {
	service := serviceOf(scheme)
	if p.Catalog == nil {
		return false, "its service catalogue is not known: Keystone is not configured", nil
	}
	endpoints, err := p.Catalog(ctx, service)
	if err != nil {
		return false, "the catalogue could not be asked", err
	}
	var known []string
	for _, at := range endpoints {
		own, err := parseEndpoint(at)
		if err != nil {
			continue // what the catalogue has wrong is no endpoint that anybody can use
		}
		if at.Scheme == strings.TrimPrefix(u.Scheme, service+"+") && own == e {
			return true, "", nil
		}
		known = append(known, at.Scheme+"://"+own.String())
	}
	if len(known) == 0 {
		return false, "the catalogue has no endpoint of " + service, nil
	}
	return false, "the catalogue has " + strings.Join(known, ", ") + " for " + service, nil
}
