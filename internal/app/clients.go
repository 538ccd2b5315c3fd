package app

import (
	"net/http"
	"time"

	"bff/internal/probe"
)

// CheckClient returns the client of what reaches out to see whether something answers.
func CheckClient() *http.Client {
	return &http.Client{
		Timeout: probe.Timeout,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// authorityClient returns the client of the certificate authority.
func authorityClient() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment,
		MaxResponseHeaderBytes: 64 << 10, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true}}
}
