package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// CheckEndpoint keeps a metadata document from pointing bff at something its issuer is not: plain http where the
// issuer is not itself on loopback, or an address of the inner network where the issuer is not one. What the operator
// wrote (issuer "") may be inside; plain http is for loopback only. Names that resolve inside are refused when they
// are dialled, by [NewTransport].
func CheckEndpoint(raw, issuer string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("is missing or not an absolute URL")
	}
	from := &url.URL{Scheme: "http", Host: "localhost"}
	if issuer != "" {
		if from, err = url.Parse(issuer); err != nil {
			return errors.New("has an issuer that does not parse")
		}
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not https")
	case u.Scheme == "http" && (from.Scheme != "http" || !Loopback(u.Hostname())):
		return errors.New("is not https")
	case insideName(u.Hostname()) && !insideName(from.Hostname()):
		return errors.New("is an address of the inner network, which its issuer is not")
	}
	return nil
}

// Loopback reports whether a host is this machine by its name: an address of loopback, localhost, or a name below it.
func Loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

func insideName(host string) bool {
	ip, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
	return Loopback(host) || err == nil && Inside(ip)
}

// Inside reports whether an address is not of the internet: loopback, private, link-local, shared (100.64/10),
// unspecified, multicast, or one of these inside an IPv6 form (mapped, NAT64, 6to4).
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

var errInside = errors.New("its address is of the inner network, which its issuer's is not")

type outsideKey struct{}

// outside marks a request whose host the operator did not write: it may only be dialled on the internet.
func outside(ctx context.Context, host string) context.Context {
	return context.WithValue(ctx, outsideKey{}, strings.ToLower(host))
}

// NewTransport makes the transport for requests to providers. It decides when it dials whether an address leads
// inside, so that a name that resolves inside, or is changed to between a check and its use, is refused.
// connectTimeout bounds dialling and the TLS handshake.
func NewTransport(connectTimeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			d := net.Dialer{Timeout: connectTimeout}
			host, _, err := net.SplitHostPort(address)
			// Another host than the request's is the proxy of the environment, which is the operator's word.
			if limited, ok := ctx.Value(outsideKey{}).(string); ok && err == nil && strings.EqualFold(host, limited) {
				d.Control = refuseInside
			}
			return d.DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// refuseInside runs with the address that was resolved, before the connection is made.
func refuseInside(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || Inside(at.Addr()) {
		return errInside
	}
	return nil
}
