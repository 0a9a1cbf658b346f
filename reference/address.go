package reference

import (
	"net/netip"
	"slices"
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

// metadata are addresses outside of the link-local ranges at which clouds hand out credentials to whoever can reach them.
var metadata = prefixes("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
	"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128", "fd00:42::42/128")

// nowhere are addresses that no host has for its own: this network, broadcast, multicast, link-local.
var nowhere = prefixes("0.0.0.0/8", "255.255.255.255/32", "224.0.0.0/4", "169.254.0.0/16", "::/128", "ff00::/8", "fe80::/10")

// special are the ranges inside of what could be public that are not: private, shared, for documentation, benchmarks, protocols, reserved.
var special = prefixes("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

var (
	unicast6   = netip.MustParsePrefix("2000::/3") // what of IPv6 is given out as global
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	compatible = netip.MustParsePrefix("::/96")
	translated = netip.MustParsePrefix("::ffff:0:0:0/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
)

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// forbidden reports whether a is an address that designs are never read from, whatever the policy: link-local, multicast, unspecified or
// metadata, also where it hides in an IPv6 address that is translated on its way.
func forbidden(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	bad := func(a netip.Addr) bool { return within(nowhere, a) || within(metadata, a) }
	return bad(a) || slices.ContainsFunc(embedded(a), bad)
}

// public reports whether a is a globally routable unicast address.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case forbidden(a) || within(special, a):
		return false
	case a.Is4():
		return true
	case nat64.Contains(a):
		return public(embedded(a)[0])
	}
	return unicast6.Contains(a)
}

// embedded returns the IPv4 addresses that a translator, a tunnel or an old host may take out of an IPv6 address.
func embedded(a netip.Addr) []netip.Addr {
	if a.Is4() {
		return nil
	}
	b := a.As16()
	at := func(i ...int) netip.Addr { return netip.AddrFrom4([4]byte{b[i[0]], b[i[1]], b[i[2]], b[i[3]]}) }
	last := at(12, 13, 14, 15)
	switch {
	case compatible.Contains(a) && last != netip.AddrFrom4([4]byte{0, 0, 0, 1}): // ::1 is loopback, nothing else
		return []netip.Addr{last}
	case nat64.Contains(a), translated.Contains(a):
		return []netip.Addr{last}
	case nat64Local.Contains(a): // the length of the network's prefix is not known: /96 or /48
		return []netip.Addr{last, at(6, 7, 9, 10)}
	case sixToFour.Contains(a):
		return []netip.Addr{at(2, 3, 4, 5)}
	case teredo.Contains(a):
		return []netip.Addr{at(4, 5, 6, 7), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})}
	case (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP
		return []netip.Addr{last}
	}
	return nil
}
