package api_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"bff/internal/api"
)

// Forwarded addresses are believed from the operator's proxies alone, and read from the right: what a client wrote
// itself stands further left.
func TestForwardedAddressesAreBelievedFromTheOperatorsProxiesAlone(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []string
		forged  func(n int) edit // of the same client, each time another
		bound   bool             // it is one client all the same
	}{
		"nobody is trusted": {nil, func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)) }, true},
		"another proxy is trusted": {[]string{"10.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)) }, true},
		"a client puts others in front of itself": {[]string{"127.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d, 198.51.100.7", n)) }, true},
		"in a line of its own": {[]string{"127.0.0.0/8"}, forwardedLines, true},
		"a client takes the name of a trusted proxy": {[]string{"127.0.0.0/8", "10.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d, nonsense, 10.0.0.1", n)) }, true},
		"other headers are not looked at": {[]string{"127.0.0.0/8"}, otherForwarded, true},
		"an IPv6 client is its network": {[]string{"127.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("2001:db8::%d", n)) }, true},
		"clients behind a trusted proxy are distinguished": {[]string{"127.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)) }, false},
		"and those behind two": {[]string{"127.0.0.0/8", "10.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d, 10.0.0.9", n)) }, false},
		"and where one of them writes addresses as IPv6": {[]string{"127.0.0.0/8"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("::ffff:203.0.113.%d", n)) }, false},
		"a client that is nobody's proxy forges its way in": {[]string{"0.0.0.0/32"},
			func(n int) edit { return header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			w := newWorld(t, func(s *settings) {
				s.now = clock.now
				s.api = func(cfg *api.Config) {
					cfg.Limits.LoginPerMinute = 3
					for _, p := range c.trusted {
						cfg.TrustedProxies = append(cfg.TrustedProxies, netip.MustParsePrefix(p))
					}
				}
			})
			limited := 0
			for n := range 8 {
				if w.browser().visit("/bff/login/demo", "none", c.forged(n+1)).StatusCode == http.StatusTooManyRequests {
					limited++
				}
			}
			if want := map[bool]int{true: 5, false: 0}[c.bound]; limited != want {
				t.Errorf("%d of 8 attempts were over the limit, want %d", limited, want)
			}
		})
	}
}

func forwardedLines(n int) edit {
	return func(r *http.Request) {
		r.Header["X-Forwarded-For"] = []string{fmt.Sprintf("203.0.113.%d", n), "198.51.100.7"}
	}
}

func otherForwarded(n int) edit {
	return func(r *http.Request) {
		for _, name := range []string{"X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip"} {
			r.Header.Set(name, fmt.Sprintf("203.0.113.%d", n))
		}
		r.Header.Set("Forwarded", fmt.Sprintf("for=203.0.113.%d", n))
	}
}
