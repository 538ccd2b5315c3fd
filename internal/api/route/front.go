package route

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A Front is one origin that bff answers for.
type Front struct {
	Origin   string // "https://app.example.com"
	Host     string // of the origin
	Cookie   string // the session cookie's whole name
	Secure   bool   // the origin is https
	Loopback bool   // the origin is of this machine: for developing
	origins  map[string]bool
}

// NewFront makes a front. origins are further ones that may call it with credentials.
func NewFront(origin, cookie string, origins []string) (*Front, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || cookie == "" {
		return nil, errors.New("a front needs a cookie name and an origin that is an absolute URL")
	}
	f := &Front{Origin: origin, Host: u.Host, Cookie: cookie, Secure: u.Scheme == "https",
		Loopback: isLoopback(u.Hostname()), origins: map[string]bool{origin: true}}
	for _, o := range origins {
		f.origins[o] = true
	}
	return f, nil
}

// home is where a request at r's host belongs. At a loopback origin, localhost and 127.0.0.1 are two sites with two
// sets of cookies: a person is led to the origin, since a sign-in that began on the other would end in "expired". A
// foreign name that leads to this machine (DNS rebinding) is foreign.
func (f *Front) home(r *http.Request) (redirect, foreign bool) {
	if !f.Loopback || r.Host == f.Host {
		return false, false
	}
	name, port := splitHost(r.Host)
	_, own := splitHost(f.Host)
	if !isLoopback(name) {
		return false, net.ParseIP(name) == nil
	}
	return port == own && r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") != "" && isNavigation(r), false
}

func splitHost(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), "80" // a loopback origin without a port is http
}

func isLoopback(name string) bool {
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost")
}
