package route

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/dial"
	"bff/internal/vault"
)

// A Front is one origin that bff answers for. It is never changed.
type Front struct {
	Name     string // of its sessions: the origin, "" for the first
	Origin   string // "https://app.example.com"
	Host     string // of the origin
	Cookie   string // the session cookie's whole name
	Secure   bool   // the origin is https
	Loopback bool   // the origin is of this machine: for developing
	origins  map[string]bool
}

// NewFront makes the first front. origins are further ones that may call it with credentials.
func NewFront(origin, cookie string, origins []string) (*Front, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || cookie == "" {
		return nil, errors.New("a front needs a cookie name and an origin that is an absolute URL")
	}
	f := &Front{Origin: origin, Host: u.Host, Cookie: cookie, Secure: u.Scheme == "https",
		Loopback: dial.Loopback(u.Hostname()), origins: map[string]bool{origin: true}}
	for _, o := range origins {
		f.origins[o] = true
	}
	return f, nil
}

// NewFurtherFront makes a front that is not the first.
func NewFurtherFront(origin, cookie string, origins []string) (*Front, error) {
	f, err := NewFront(origin, cookie, origins)
	if err == nil {
		f.Name = origin
	}
	return f, err
}

// Further reports whether f is another front than the first.
func (f *Front) Further() bool { return f.Name != "" }

// Vault is the front as the vault knows it.
func (f *Front) Vault() vault.Front {
	return vault.Front{Name: f.Name, Cookie: f.Cookie, Secure: f.Secure}
}

// Fronts are the origins that bff answers for. The Host of a request chooses one; its scheme cannot, so no two have one
// Host. They are never changed.
type Fronts struct {
	all      []*Front // the first in front
	byHost   map[string]*Front
	loopback bool // a loopback name that is no front's is the first's
}

// NewFronts puts fronts together.
func NewFronts(first *Front, further ...*Front) (*Fronts, error) {
	fs := &Fronts{all: append([]*Front{first}, further...), byHost: map[string]*Front{}}
	for i, f := range fs.all {
		if (i > 0) != f.Further() {
			return nil, errors.New("one of the fronts is the first, and no other")
		}
		for _, host := range f.hosts() {
			if fs.byHost[host] != nil {
				return nil, errors.New("two fronts have one host")
			}
			fs.byHost[host] = f
		}
	}
	return fs, nil
}

// WithLoopback makes a loopback name that is no front's one of the first front's, before any request is served. It is for
// developing, where a dev server passes its own Host on.
func (fs *Fronts) WithLoopback() *Fronts {
	fs.loopback = true
	return fs
}

// hosts are the values of a Host field that mean f: that of the origin, and the same with the scheme's own port.
func (f *Front) hosts() []string {
	host := strings.ToLower(f.Host)
	if _, _, err := net.SplitHostPort(host); err == nil {
		return []string{host}
	}
	if f.Secure {
		return []string{host, host + ":443"}
	}
	return []string{host, host + ":80"}
}

// First is the one that has the providers' redirect URIs.
func (fs *Fronts) First() *Front { return fs.all[0] }

// Several reports whether there is more than the first.
func (fs *Fronts) Several() bool { return len(fs.all) > 1 }

// Named returns the front of a session; nil: the configuration has none of that name.
func (fs *Fronts) Named(name string) *Front {
	for _, f := range fs.all {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Shown is the origin of a session's front, for people: "" where there is only one.
func (fs *Fronts) Shown(name string) string {
	switch {
	case fs == nil || !fs.Several():
		return ""
	case name == "":
		return fs.First().Origin
	}
	return name
}

// Issued returns the front whose origin it is, or nil.
func (fs *Fronts) Issued(origin string) *Front {
	for _, f := range fs.all {
		if f.Origin == origin {
			return f
		}
	}
	return nil
}

// At returns the front of a Host, nil if no front has it. Letter case does not count; another port, or a dot at the end,
// is another origin. Where there is only the first front, it answers at every host.
func (fs *Fronts) At(host string) *Front {
	if !fs.Several() {
		return fs.all[0]
	}
	if f := fs.byHost[host]; f != nil {
		return f
	}
	if f := fs.byHost[strings.ToLower(host)]; f != nil || !fs.loopback {
		return f
	}
	if name, _ := splitHost(host); dial.Loopback(name) {
		return fs.all[0]
	}
	return nil
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
	if !dial.Loopback(name) {
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
