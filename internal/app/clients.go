package app

import (
	"net/http"

	"bff/internal/probe"
)

// CheckClient returns the client of what reaches out to see whether something answers.
func CheckClient() *http.Client {
	return &http.Client{
		Timeout:       probe.Timeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
