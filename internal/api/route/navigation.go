package route

import (
	"net/http"
	"net/url"
	"strings"
)

// What a browser says in the header fields of a request: whether a person goes somewhere, and from where.

// isNavigation is rule 6 of crosssite.go. A client without Sec-Fetch headers is taken at its word: a browser that lacks
// them still asks the person.
func isNavigation(r *http.Request) bool {
	if !Navigates(r) {
		return false
	}
	// A service worker that passes a navigation on sends "empty", which no script can send together with "navigate".
	dest := r.Header["Sec-Fetch-Dest"]
	return len(dest) == 0 || dest[0] == "document" ||
		len(r.Header["Sec-Fetch-Mode"]) == 1 && oneOf(r.Header["Sec-Fetch-Site"]) == "same-origin"
}

// Navigates reports whether r is a navigation of a whole page, and no prefetch: from any site, through a service worker
// too. For addresses that carry a proof of their own.
func Navigates(r *http.Request) bool {
	h := r.Header
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"} {
		purpose := strings.ToLower(h.Get(name))
		if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "preview") {
			return false
		}
	}
	mode, dest := h["Sec-Fetch-Mode"], h["Sec-Fetch-Dest"]
	if len(mode) > 1 || len(dest) > 1 || len(mode) == 1 && mode[0] != "navigate" {
		return false
	}
	return len(dest) == 0 || dest[0] == "document" || dest[0] == "empty"
}

// LooksAtPages reports whether r is a person's navigation, of which the answer is shown: what a browser says it is,
// and, where it says nothing, a GET that takes HTML.
func LooksAtPages(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !isNavigation(r) {
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" || strings.Contains(r.Header.Get("Accept"), "text/html")
}

// isVisit reports whether r is a GET navigation, of a page or of a frame: what a browser calls one, and, where it
// says nothing, a GET that takes HTML.
func isVisit(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	if mode := r.Header["Sec-Fetch-Mode"]; len(mode) > 0 {
		return len(mode) == 1 && mode[0] == "navigate"
	}
	return len(r.Header["Sec-Fetch-Site"]) == 0 && len(r.Header["Origin"]) == 0 &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// cameFrom is the origin of the page that a navigation without Sec-Fetch-Site comes from: "null" where that is hidden
// or no one's.
func cameFrom(r *http.Request) (origin string, known bool) {
	if all := r.Header["Origin"]; len(all) > 0 {
		return oneOf(all), true
	}
	all := r.Header["Referer"]
	if len(all) == 0 {
		return "", false
	}
	u, err := url.Parse(oneOf(all))
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "null", true
	}
	return u.Scheme + "://" + u.Host, true
}

// mute reports whether a browser says nothing of where a navigation comes from: an old one, which says "Mozilla/" of
// itself as all do. A program that is none has nobody's cookies.
func mute(r *http.Request) bool {
	return len(r.Header["Sec-Fetch-Site"])+len(r.Header["Origin"])+len(r.Header["Referer"]) == 0 &&
		strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/")
}

// oneOf is the value of a field that may come once.
func oneOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return ""
}
