package route

import "net/http"

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

// sent is rules 1 to 4: whether r comes from this front, or from an origin that may call it. A navigation needs no
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

// Changes reports whether a request that a front proxy asks about may change something. method is what the front
// proxy says of it, beside the question's own method: the stricter one counts. A WebSocket is a GET that changes
// something.
func Changes(r *http.Request, forwarded []string) bool {
	h := r.Header
	for _, name := range [...]string{"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	if h.Get("Sec-Fetch-Mode") == "websocket" || len(forwarded) > 1 {
		return true
	}
	for _, method := range append([]string{r.Method}, forwarded...) {
		switch method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
		default:
			return true
		}
	}
	return false
}

// Sent reports whether a request that a front proxy asks about, and that changes something, comes from this front or
// from an origin that may call it, by the rules above.
func (f *Front) Sent(r *http.Request) bool {
	changing := r.WithContext(r.Context())
	changing.Method = http.MethodPost
	return f.sent(changing, false)
}
