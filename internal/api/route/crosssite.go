package route

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jub0bs/cors"
)

// The rules are:
//
//  1. Sec-Fetch-Site decides where it is there: a page cannot forge it. "same-origin" passes; "none" (a person typed
//     it) passes for what is safe; "same-site" and "cross-site" pass for the further origins the operator listed, by
//     Origin.
//  2. Where it is missing, Origin decides: this origin or a listed one. "null" is neither.
//  3. Where both are missing it is no browser of the last years: X-CSRF: 1, which no form can send.
//  4. A navigation cannot send X-CSRF: of one, Referer counts. A browser of before 2023 that sends neither may come from
//     any page, and is not believed where only this origin may choose (FromHere).
//  5. SameSite=Strict is a second wall, not this one: it does not hold against sibling sub-domains.
//  6. Sign-ins start by a person going there: no script, no prefetch, no frame.
func (c *Call) admitted() bool {
	switch c.Row.From {
	case Anywhere, Reading, Page, FrontProxy:
		return true
	case Navigation:
		return isNavigation(c.R)
	case OwnNavigation:
		return isNavigation(c.R) && c.Front.sent(c.R, true)
	case NoPage:
		// A page that made a name of its own point here (DNS rebinding) would read metrics as "same-origin".
		site := c.R.Header["Sec-Fetch-Site"]
		return len(site) == 0 || len(site) == 1 && site[0] == "none"
	case Visiting:
		return isVisit(c.R) || c.Front.sent(c.R, false)
	case Changing:
		return c.Front.sent(c.R, false)
	}
	return false
}

// sent is rules 1 to 3: whether r comes from this front, or from an origin that may call it. A navigation needs no
// X-CSRF: it cannot send one, and it asks a person.
func (f *Front) sent(r *http.Request, navigation bool) bool {
	site, origin := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	if len(site) > 1 || len(origin) > 1 {
		return false
	}
	if len(site) == 1 {
		switch site[0] {
		case "same-origin":
			return true
		case "none":
			return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		case "same-site", "cross-site":
			return len(origin) == 1 && origin[0] != f.Origin && f.origins[origin[0]]
		}
		return false
	}
	if len(origin) == 1 {
		return f.origins[origin[0]]
	}
	if navigation {
		from, known := cameFrom(r)
		return known && from == f.Origin || !known && !mute(r)
	}
	return r.Header.Get("X-CSRF") == "1"
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

// isNavigation is rule 5. A client without Sec-Fetch headers is taken at its word: a browser that lacks them still
// asks the person.
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

// cors lets the listed further origins of a front call with credentials, and nobody else. Without any there is nothing
// to do.
func (s *site) cors(next http.Handler) (http.Handler, error) {
	if len(s.front.origins) == 1 {
		return next, nil
	}
	origins := slices.DeleteFunc(slices.Sorted(maps.Keys(s.front.origins)), func(o string) bool {
		return o == s.front.Origin
	})
	m, err := cors.NewMiddleware(cors.Config{
		Origins: origins, Credentialed: true,
		Methods:        []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		RequestHeaders: []string{"*"},
		ResponseHeaders: []string{"BFF-Error", "BFF-Request-Id", "Retry-After", "Location", "Link", "ETag", "Content-Range",
			"Content-Disposition"},
		MaxAgeInSeconds: 600,
		// The configuration takes plain http on loopback alone.
		ExtraConfig: cors.ExtraConfig{DangerouslyTolerateInsecureOrigins: true},
	})
	if err != nil {
		return nil, err
	}
	return m.Wrap(next), nil
}
