package route

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Peers are the networks of front proxies whose X-Forwarded-For and trace context are believed.
type Peers []netip.Prefix

// Address is who is on the other end: the connection's peer, or, as long as a trusted proxy speaks, what it says in
// X-Forwarded-For, read from the right. Anybody else's header is not looked at.
func (p Peers) Address(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.contain(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr
}

// Trusts says whether the connection's peer is a trusted proxy.
func (p Peers) Trusts(r *http.Request) bool {
	if len(p) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.contain(peer.Addr().Unmap())
}

func (p Peers) contain(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}
