package reference

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"drydock"
)

// dial connects to the host of a decision. Every address is held against the policy when it is dialled, after name resolution: what a name
// meant when somebody else looked it up is of no matter.
func dial(ctx context.Context, d Decision, o HTTPOptions) (net.Conn, error) {
	dialer := &net.Dialer{
		Timeout: o.ConnectTimeout, Resolver: o.Resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return stepError(StepPolicy, drydock.ErrDenied, "", "address %q cannot be checked", address)
			}
			return d.At(ap.Addr()).check()
		},
	}
	conn, err := dialer.DialContext(ctx, "tcp", d.endpoint.String())
	if err != nil {
		return nil, dialError(ctx, err, o.ConnectTimeout)
	}
	return conn, nil
}

// dialError is for a connection that did not come about. Of several addresses the first one's failure is told.
func dialError(ctx context.Context, err error, limit time.Duration) error {
	var refused *fetchError
	if errors.As(err, &refused) {
		return refused
	}
	if cause := context.Cause(ctx); cause != nil {
		return stepError(StepConnect, drydock.ErrUnavailable, "", "%w", cause)
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		e := stepError(StepDNS, drydock.ErrUnavailable, "check the host in the reference, and the name service of this machine", "%s", drydock.OneLine(name.Error(), 300))
		e.final = name.IsNotFound
		return e
	}
	const remedy = "check that the host is up and that this machine may connect to it"
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return stepError(StepConnect, drydock.ErrUnavailable, remedy, "no connection within %v", limit)
	}
	return stepError(StepConnect, drydock.ErrUnavailable, remedy, "no connection: %s", drydock.OneLine(err.Error(), 300))
}
