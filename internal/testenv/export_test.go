package testenv

import (
	"net/http"
	"net/url"
)

// Jar is a browser's jar for the tests of it.
type Jar struct{ j jar }

func (j *Jar) Set(u *url.URL, lines ...string) { j.j.set(u, http.Header{"Set-Cookie": lines}) }

func (j *Jar) Header(u *url.URL, crossSite, topLevelGet bool) string {
	return j.j.header(u, crossSite, topLevelGet)
}

// SiteOf is the value of Sec-Fetch-Site.
func SiteOf(from, to *url.URL) string { return siteOf(from, to) }
