package app

import (
	"net"
	"net/http"
	"net/url"

	"bff/internal/api/route"
)

// redirect leads plain http to https: to the front of that host, else to the origin. It answers the challenges of
// ACME as well.
func (in *Instance) redirect() http.Handler {
	h := route.Unread(func(w http.ResponseWriter, r *http.Request) {
		cfg := in.now().cfg
		to := url.URL{
			Scheme:   "https",
			Host:     cfg.Origin.Host,
			Path:     r.URL.Path,
			RawPath:  r.URL.RawPath,
			RawQuery: r.URL.RawQuery,
		}
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		for _, f := range cfg.Fronts {
			if f.Origin.Hostname() == host {
				to.Host = f.Origin.Host
			}
		}
		w.Header().Set("Location", to.String())
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	if in.certs != nil && in.certs.manager != nil {
		return in.certs.manager.HTTPHandler(h)
	}
	return h
}
