package devsite

import (
	"embed"
	"io/fs"
	"net"
	"net/http"

	"bff/internal/api/frontend"
)

//go:embed shop
var shopFiles embed.FS

// shopOrigin is the second front of `bff dev`: another site at the same port, whose name browsers lead to this machine
// by themselves (RFC 6761 section 6.3).
func shopOrigin(listen net.Addr) string {
	_, port, _ := net.SplitHostPort(listen.String()) // an address of a listener
	return "http://shop.localhost:" + port
}

// shop serves the second front's page. origin is the first front's.
func shop(origin string) http.Handler {
	below, err := fs.Sub(shopFiles, "shop")
	if err != nil {
		panic("devsite: the name of an embedded folder is a constant")
	}
	files := frontend.Static(below)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.URL.Path == "/home" {
			h.Set("Location", origin+"/")
			w.WriteHeader(http.StatusFound)
			return
		}
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}
