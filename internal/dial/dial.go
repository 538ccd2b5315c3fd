package dial

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"unicode"
)

// ErrInside is why a connection was not made.
var ErrInside = errors.New("its address is of the inner network, where it may not lead")

// Inside reports whether an address is not of the internet: loopback, private, link-local, shared (100.64/10), unspecified, multicast, or
// one of these inside an IPv6 form (mapped, NAT64, 6to4).
func Inside(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() {
		return true
	}
	for _, inner := range [...]string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "fec0::/10",
		"64:ff9b:1::/48"} {
		if netip.MustParsePrefix(inner).Contains(ip) {
			return true
		}
	}
	if !ip.Is6() {
		return false
	}
	b := ip.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip), netip.MustParsePrefix("::/96").Contains(ip):
		return Inside(netip.AddrFrom4([4]byte(b[12:16])))
	case netip.MustParsePrefix("2002::/16").Contains(ip):
		return Inside(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return false
}

// Loopback reports whether a host is this machine by its name: an address of loopback, localhost, or a name below it.
func Loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

type outsideKey struct{}

// Outside marks a request whose host the operator did not write: it may only be dialled on the internet.
func Outside(ctx context.Context, host string) context.Context {
	return context.WithValue(ctx, outsideKey{}, strings.ToLower(host))
}

// Context returns the DialContext of a transport. It honours [Outside].
func Context(d net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		// Another host than the request's is the proxy of the environment, which is the operator's word. A name that is
		// not ASCII is dialled under another spelling, which may be an address: net/http takes "１27.0.0.1" for one.
		limited, ok := ctx.Value(outsideKey{}).(string)
		if ok && err == nil && (strings.EqualFold(host, limited) || !ascii(limited)) {
			limitedDialer := d
			limitedDialer.Control = refuseInside
			return limitedDialer.DialContext(ctx, network, address)
		}
		return d.DialContext(ctx, network, address)
	}
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// refuseInside runs with the address that was resolved, before the connection is made.
func refuseInside(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || Inside(at.Addr()) {
		return ErrInside
	}
	return nil
}
