package proxy

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// A detour is where a redirect of an upstream would lead that must not: to a route of bff's own. A browser takes such a
// redirect for a navigation of this origin, as the application's own links are: by an upstream that redirects where it
// is asked to, another site would choose what a person is asked to consent to. Rewritten references lead into the
// mount, and are no detours.
type detour struct {
	root   string // the absolute URL of the mount
	origin string // of the application
	rest   string // of the call's path, below the mount
}

// drop drops a Location that leads there.
func (d detour) drop(h http.Header) {
	for _, v := range h["Location"] {
		if d.reached(v) {
			delete(h, "Location")
			return
		}
	}
}

// reached reports whether a browser may read ref, the target of an answer, as an address below /bff of this
// origin. Where this parser and a browser could differ, it may. Scheme and port are not looked at.
func (d detour) reached(ref string) bool {
	read := strings.Trim(strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(ref), " ")
	plain, err := url.PathUnescape(read)
	if err != nil {
		plain = read
	}
	if !strings.Contains(plain, "bff") {
		return false
	}
	own, err := url.Parse(d.root)
	if err != nil {
		return true
	}
	u, err := url.Parse(read)
	if err != nil {
		return true
	}
	web := u.Scheme == "http" || u.Scheme == "https"
	switch {
	case u.Scheme != "" && !web:
		return false
	case web && (u.Opaque != "" || u.Host == ""), strings.HasPrefix(read, "//") && u.Host == "":
		return true // a browser finds a host, or takes it for a path
	case u.Host != "" && isASCII(u.Host) && !d.ownHost(own, u.Hostname()):
		return false
	}
	own.Path += d.rest
	at := path.Clean("/" + own.ResolveReference(u).Path)
	return at == "/bff" || strings.HasPrefix(at, "/bff/")
}

func (d detour) ownHost(root *url.URL, name string) bool {
	origin, err := url.Parse(d.origin)
	return err != nil || strings.EqualFold(name, root.Hostname()) || strings.EqualFold(name, origin.Hostname())
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
