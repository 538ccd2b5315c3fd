package api

import (
	"net/http"
	"strings"

	"github.com/jub0bs/cors"
)

// The rules are:
//
//  1. Sec-Fetch-Site decides where it is there: a page cannot forge it. "same-origin" passes; "none" (a person typed it) passes for what is
//     safe; "same-site" and "cross-site" pass for the further origins the operator listed, by Origin.
//  2. Where it is missing, Origin decides: this origin or a listed one. "null" is neither.
//  3. Where both are missing it is no browser of the last years: X-CSRF: 1, which no form can send.
//  4. SameSite=Strict is a second wall, not this one: it does not hold against sibling sub-domains.
//  5. Sign-ins start by a person going there: no script, no prefetch, no frame.
func (s *Server) admits(r *http.Request, from from) bool {
	switch from {
	case anywhere, reading:
		return true
	case navigation:
		return isNavigation(r)
	case ownNavigation:
		return isNavigation(r) && s.fromHere(r, true)
	}
	return s.fromHere(r, false)
}

// fromHere is rules 1 to 3. A navigation needs no X-CSRF: it cannot send one, and it asks a person.
func (s *Server) fromHere(r *http.Request, navigation bool) bool {
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
			return len(origin) == 1 && origin[0] != s.cfg.Origin && s.origins[origin[0]]
		}
		return false
	}
	if len(origin) == 1 {
		return s.origins[origin[0]]
	}
	return navigation || r.Header.Get("X-CSRF") == "1"
}

// isNavigation is rule 5. A client without Sec-Fetch headers is taken at its word: a browser that lacks them still asks the person.
func isNavigation(r *http.Request) bool {
	h := r.Header
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"} {
		if strings.Contains(strings.ToLower(h.Get(name)), "prefetch") || strings.Contains(strings.ToLower(h.Get(name)), "preview") {
			return false
		}
	}
	mode, dest := h["Sec-Fetch-Mode"], h["Sec-Fetch-Dest"]
	return (len(mode) == 0 || len(mode) == 1 && mode[0] == "navigate") && (len(dest) == 0 || len(dest) == 1 && dest[0] == "document")
}

// cors lets the listed further origins call with credentials, and nobody else. Without any there is nothing to do.
func (s *Server) cors(next http.Handler) (http.Handler, error) {
	if len(s.cfg.Origins) == 0 {
		return next, nil
	}
	m, err := cors.NewMiddleware(cors.Config{
		Origins: s.cfg.Origins, Credentialed: true,
		Methods:         []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		RequestHeaders:  []string{"*"},
		ResponseHeaders: []string{"BFF-Error", "Retry-After", "Location", "Link", "ETag", "Content-Range", "Content-Disposition"},
		MaxAgeInSeconds: 600,
	})
	if err != nil {
		return nil, err
	}
	return m.Wrap(next), nil
}
