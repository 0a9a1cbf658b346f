package design

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"

	"drydock"
)

// metadata are addresses outside of the link-local ranges at which clouds hand out credentials to whoever can reach them.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("192.0.0.192"),
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// controlDial refuses connections to link-local and metadata addresses. It sees the address that is really dialled, after name resolution and
// at every redirect, so a name that points there is of no use either.
func controlDial(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: address %q cannot be checked", drydock.ErrDenied, address)
	}
	if a := ap.Addr(); forbidden(a) {
		return fmt.Errorf("%w: %s is a link-local or metadata address; designs are never read from there", drydock.ErrDenied, a)
	}
	return nil
}

func forbidden(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast() || a.IsMulticast() {
		return true
	}
	for _, m := range metadata {
		if a == m {
			return true
		}
	}
	return false
}
