package rules

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"drydock/site"
)

// cidr checks that every network has a CIDR that is one, without host bits.
func cidr(d *site.Design, r *Report) {
	if len(d.Networks) == 0 {
		r.Warnf(Place{}, "is the design complete?", "there are no networks")
		return
	}
	for _, n := range d.Networks {
		at := in(n.Ref, "cidr")
		p, err := parseCIDR(n.CIDR)
		switch {
		case err != nil:
			r.Errorf(at, "write it as address/length, such as 10.0.0.0/24", "the CIDR %q of network %s cannot be read: %v", n.CIDR, n.Name, err)
		case p.Masked() != p:
			r.Errorf(at, "the network is "+p.Masked().String(), "the CIDR %s of network %s has host bits set", n.CIDR, n.Name)
		}
	}
}

// parseCIDR reads a CIDR with its host bits. An address alone is a network of one; for IPv4 the length may be a mask.
func parseCIDR(s string) (netip.Prefix, error) {
	text, length, cut := strings.Cut(s, "/")
	a, err := parseAddress(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	bits := a.BitLen()
	if cut {
		if bits, err = prefixLength(a, length); err != nil {
			return netip.Prefix{}, err
		}
	}
	return netip.PrefixFrom(a, bits), nil
}

var (
	errAddress = errors.New("it is no IP address")
	errLength  = errors.New("the length of its prefix is wrong")
)

// parseAddress reads an IP address without zone.
func parseAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, errAddress
	}
	return a, nil
}

// prefixLength reads what stands behind the slash: a number or, for IPv4, a mask, either way round.
func prefixLength(a netip.Addr, s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && strings.Trim(s, "0123456789") == "" && n <= a.BitLen() {
		return n, nil
	}
	mask, err := netip.ParseAddr(s)
	if err != nil || !mask.Is4() || !a.Is4() {
		return 0, errLength
	}
	b := mask.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	if v>>31 == 0 && v != 0 {
		v = ^v // a host mask
	}
	for n := range 33 {
		if v == ^uint32(0)<<(32-n) {
			return n, nil
		}
	}
	return 0, errLength
}
