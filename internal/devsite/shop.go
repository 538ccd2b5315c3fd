package devsite

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"bff/internal/api/frontend"
	"bff/web"
)

// shopOrigin is the origin of the second front of `bff dev`, at the address where browsers reach it: a name of this
// machine that is another site than the first front's 127.0.0.1 and the provider's localhost. Browsers know it
// (RFC 6761, section 6.3) as 127.0.0.1 and ::1; where bff listens at neither there is no second front.
func shopOrigin(listens net.Addr) []string {
	at, err := netip.ParseAddrPort(listens.String())
	if err != nil || at.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 1}) && at.Addr() != netip.IPv6Loopback() {
		return nil
	}
	return []string{"http://shop.localhost:" + strconv.Itoa(int(at.Port()))}
}

// shopPages are the frontends of the further fronts.
func shopPages(fronts []string) map[string]http.Handler {
	all := map[string]http.Handler{}
	for _, front := range fronts {
		files := frontend.Static(web.Shop())
		all[front] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			setPolicy(w.Header())
			files.ServeHTTP(w, r)
		})
	}
	return all
}
