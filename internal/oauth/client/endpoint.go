package client

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"bff/internal/dial"
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
	case u.Scheme == "http" && (from.Scheme != "http" || !dial.Loopback(u.Hostname())):
		return errors.New("is not https")
	case insideName(u.Hostname()) && !insideName(from.Hostname()):
		return errors.New("is an address of the inner network, which its issuer is not")
	}
	return nil
}

func insideName(host string) bool {
	ip, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
	return dial.Loopback(host) || err == nil && dial.Inside(ip)
}

// NewTransport makes the transport for requests to providers. It decides when it dials whether an address leads
// inside, so that a name that resolves inside, or is changed to between a check and its use, is refused.
// connectTimeout bounds dialling and the TLS handshake.
func NewTransport(connectTimeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.Context(net.Dialer{Timeout: connectTimeout}),
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
