package route

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The rules of the reload are:
//
//  1. A navigation from another site brings no Strict cookie. Where it would need a session it is first answered by a
//     page of bff that loads the same address again, from this origin: the second one brings the cookie, if there is
//     one.
//  2. That happens once: a cookie of a few seconds marks the first time. A browser that takes a page's own navigation
//     for another site's (an opaque origin) would go round for ever.
//  3. It changes who seems to start a navigation. So it is for reading alone: a row that asks from where a person
//     comes before it changes something (OwnNavigation) is never reloaded, and a sign-in checks what only this origin
//     may choose before. Nor does /bff/continue, or the way back from a sign-in, lead to an address where something
//     begins (ReturnPath): any site can link to them.

const (
	reloadPath = "/bff/continue"
	reloadLife = 3 * time.Second
)

//go:embed reload.html
var reloadText string

//go:embed reload.js
var reloadScript string

var reloadPage = template.Must(template.New("reload").Parse(reloadText))

// Reload answers with the page that loads the request's own address again. A fragment, which only the browser knows,
// goes through /bff/continue: to replace an address by itself with a fragment would load nothing.
func (c *Call) Reload() error {
	own := c.R.URL.RequestURI() // one clean path: CheckLine passed it
	c.setReloadCookie(reloadMark(own), int(reloadLife/time.Second))
	if Begins(c.R.URL.Path) { // it knows no fragment
		return c.goOn(own, "")
	}
	return c.goOn(own, reloadPath+"?to="+url.QueryEscape(own))
}

// ReloadThrough sends a person to the page that goes on to an address: through a front proxy, which drops bodies.
func (c *Call) ReloadThrough(address string) error {
	c.setReloadCookie(reloadMark(address), int(reloadLife/time.Second))
	return c.Redirect(reloadPath+"?to="+url.QueryEscape(address), http.StatusFound)
}

// AllowReload forgets that the browser was sent somewhere by a reload page: the way back from a provider is from
// another site again, and within the seconds of the mark it would not be loaded again.
func (c *Call) AllowReload() {
	if len(c.R.CookiesNamed(c.reloadCookie())) > 0 {
		c.setReloadCookie("", -1)
	}
}

// Continue answers GET /bff/continue: it goes on to the address in `to`, from this origin. A front proxy that drops
// bodies sends people here instead of answering with the page itself.
func Continue(c *Call) error { return c.goOn(ReturnPath(c.R.URL.Query().Get("to")), "") }

func (c *Call) goOn(address, through string) error {
	NoStore.set(c.W.Header())
	return c.Page(http.StatusOK, reloadPage, struct {
		Address, Through string
		Bare             bool // without the fragment
		Script           template.JS
	}{address, through, Begins(address[:strings.IndexAny(address+"?", "?#")]), template.JS(reloadScript)},
		"default-src 'none'; script-src '"+scriptHash(reloadScript)+
			"'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
}

func (c *Call) reloadCookie() string { return c.Front.Cookie + "-again" }

func (c *Call) setReloadCookie(value string, maxAge int) {
	c.SetLaxCookie(c.reloadCookie(), value, maxAge)
}

// SetLaxCookie sets a cookie of this front that a link or a redirect of another site brings along. name begins with the
// session cookie's and a hyphen, by which no backend sees it.
func (c *Call) SetLaxCookie(name, value string, maxAge int) {
	http.SetCookie(c.W, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: c.Front.Secure,
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// reloadMark names the address: another one that a person follows at once has a reload of its own.
func reloadMark(address string) string {
	sum := sha256.Sum256([]byte(address))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Reloaded says whether the browser was just sent to this address by its reload page.
func (c *Call) Reloaded() bool { return c.reloadedAt(c.R.URL.RequestURI()) }

func (c *Call) reloadedAt(address string) bool {
	cookies := c.R.CookiesNamed(c.reloadCookie())
	return len(cookies) == 1 && cookies[0].Value == reloadMark(address)
}

// arrived drops the mark once the reload has brought the session.
func (c *Call) arrived() {
	if c.R.Header.Get("Sec-Fetch-Mode") == "navigate" && c.Reloaded() {
		c.setReloadCookie("", -1)
	}
}

// FromAnotherSite says whether a person comes here by a link or a redirect of another site, as far as the browser says
// so: one without Sec-Fetch-Site by Origin or Referer.
func (c *Call) FromAnotherSite() bool {
	if site := c.R.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) > 1 || site[0] != "same-origin" && site[0] != "none"
	}
	from, known := cameFrom(c.R)
	return known && from != c.Front.Origin
}

// FromHere says whether a navigation comes from this origin, or from nobody's page: a browser that says nothing at all
// comes from any.
func (c *Call) FromHere() bool { return !c.FromAnotherSite() && !mute(c.R) }

// ReloadDue is rules 1 and 2: whether a call without a session should be answered by Reload.
func (c *Call) ReloadDue() bool { return c.ReloadDueAt(c.R.URL.RequestURI()) }

// ReloadDueAt is ReloadDue for a call that a front proxy makes on behalf of an address.
func (c *Call) ReloadDueAt(address string) bool {
	return c.Session == nil && c.R.Method == http.MethodGet && c.FromAnotherSite() &&
		c.R.Header.Get("Sec-Fetch-Mode") == "navigate" && isNavigation(c.R) && !c.reloadedAt(address)
}

// reloadDue is ReloadDue for rows where the pipeline itself decides: those that need a session, and backends that
// take anybody.
func (c *Call) reloadDue() bool {
	wants := c.Row.Who == Somebody && c.Row.From != OwnNavigation || c.Row.Who == Anybody && c.Row.From == Visiting
	return wants && c.ReloadDue()
}

func scriptHash(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
