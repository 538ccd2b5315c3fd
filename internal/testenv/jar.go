package testenv

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A jar keeps cookies as browsers do, SameSite included, which net/http/cookiejar forgets. Cookies belong to a host,
// not to a port.
type jar struct {
	mu  sync.Mutex
	all []*http.Cookie // Domain is the host, always
}

// set takes in the Set-Cookie headers of an answer of u.
func (j *jar) set(u *url.URL, h http.Header) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range h.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.Domain != "" || refused(c, u) {
			continue
		}
		c.Domain = u.Hostname()
		if c.Path == "" || c.Path[0] != '/' {
			c.Path = "/"
		}
		if c.MaxAge > 0 {
			c.Expires = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
		kept := j.all[:0]
		for _, old := range j.all {
			if old.Name != c.Name || old.Domain != c.Domain || old.Path != c.Path {
				kept = append(kept, old)
			}
		}
		j.all = kept
		if c.MaxAge >= 0 && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
			j.all = append(j.all, c)
		}
	}
}

// refused says whether a browser would drop the cookie: a __Host- name without its attributes, Secure over plain http.
func refused(c *http.Cookie, u *url.URL) bool {
	if strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || c.Path != "/") {
		return true
	}
	return c.Secure && u.Scheme != "https"
}

// header is the Cookie header for a request to u. crossSite leaves out Strict cookies, and Lax ones too unless it is
// a top-level GET.
func (j *jar) header(u *url.URL, crossSite, topLevelGet bool) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var pairs []string
	for _, c := range j.all {
		lax := c.SameSite != http.SameSiteStrictMode && c.SameSite != http.SameSiteNoneMode
		switch {
		case c.Domain != u.Hostname() || !under(c.Path, u.Path) || (c.Secure && u.Scheme != "https"):
		case !c.Expires.IsZero() && c.Expires.Before(time.Now()):
		case crossSite && (c.SameSite == http.SameSiteStrictMode || lax && !topLevelGet):
		default:
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

func under(cookie, path string) bool {
	return cookie == "/" || path == cookie || strings.HasPrefix(path, strings.TrimSuffix(cookie, "/")+"/")
}

func (j *jar) forget(host string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = slices.DeleteFunc(j.all, func(c *http.Cookie) bool { return c.Domain == host })
}

func (j *jar) named(host string) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []*http.Cookie
	for _, c := range j.all {
		if c.Domain == host {
			copied := *c
			all = append(all, &copied)
		}
	}
	return all
}

// siteOf is the value of Sec-Fetch-Site for a request from one origin to another.
func siteOf(from, to *url.URL) string {
	switch {
	case from == nil:
		return "none"
	case from.Scheme == to.Scheme && from.Host == to.Host:
		return "same-origin"
	case from.Scheme == to.Scheme && registrable(from.Hostname()) == registrable(to.Hostname()):
		return "same-site"
	}
	return "cross-site"
}

// registrable is the site of a host, near enough for tests: addresses and names without dots are their own, else the
// last two labels.
func registrable(host string) string {
	labels := strings.Split(host, ".")
	if net.ParseIP(host) != nil || len(labels) < 2 {
		return host
	}
	return strings.Join(labels[len(labels)-2:], ".")
}
