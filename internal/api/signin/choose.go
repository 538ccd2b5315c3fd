package signin

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"bff/internal/api/route"
)

//go:embed choose.html
var chooseText string

var choosePage = template.Must(template.New("choose").Parse(chooseText))

// choosePolicy lets the page load the account page's styles and marks, and nothing else.
const choosePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// A choice is one provider on the page.
type choice struct{ Name, Title, URL string }

// Choose lets a person choose the provider of a sign-in. Where there is one, there is nothing to choose.
func (f *Flow) Choose(c *route.Call) error {
	q := c.R.URL.Query()
	to := route.ReturnPath(q.Get("return_to"))
	names := slices.DeleteFunc(slices.Clone(f.cfg.Providers), f.offered.linkedOnly)
	switch {
	case c.ReloadDue():
		return c.Reload()
	case c.Session != nil && (to != "/" || c.Reloaded()):
		return c.Redirect(to, http.StatusFound)
	}
	if len(names) == 1 {
		return c.Redirect(route.SignInURL(names, to), http.StatusFound)
	}
	if c.Front.Further() && f.cfg.SSO && c.Session == nil && q.Get("sso") != "none" && !loggedOut(c) &&
		c.R.Method == http.MethodGet {
		if err := f.limit(c); err != nil {
			return err
		}
		return f.crossing.leave(c, start{Attempt: attempt{ReturnTo: to}}) // perhaps there is nothing to choose
	}
	var choices []choice
	for _, p := range f.cfg.Broker.Providers() {
		if p.Auth != "" || f.offered.linkedOnly(p.Name) {
			continue
		}
		choices = append(
			choices,
			choice{p.Name, p.Title, "/bff/login/" + url.PathEscape(p.Name) + "?return_to=" + url.QueryEscape(to)},
		)
	}
	return c.Page(http.StatusOK, choosePage, choices, choosePolicy)
}
