package provider

import (
	"context"
	"net/http"
	"net/url"
)

// endSession signs people out of a browser.
type endSession struct {
	*common
	pages    *pages
	browsers *browsers
	signals  *Signals
	closing  context.Context
}

// serve is OpenID Connect RP-Initiated Logout 1.0. There is never an id_token_hint, so the person is asked
// (section 2).
func (e *endSession) serve(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		e.pages.showError(w, http.StatusBadRequest, "invalid_request", "The request cannot be read.")
		return
	}
	target, ok := e.afterLogout(r.Form)
	if !ok {
		e.pages.showError(
			w,
			http.StatusBadRequest,
			"invalid_request",
			"The address to go to after signing out is not registered for this client.",
		)
		return
	}
	id, b := e.browsers.of(w, r)
	waiting := e.browsers.anybody(b)
	if r.Method == http.MethodPost && r.PostForm.Get("confirm") == b.form || !waiting {
		e.endBrowser(id, b)
		if target != "" {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
		e.pages.showSignedOut(w)
		return
	}
	e.pages.showSignOut(w, b.form, r.Form, target)
}

// afterLogout reads where to go: only an address registered for the named client (section 3), with state added.
func (e *endSession) afterLogout(q url.Values) (string, bool) {
	target := q.Get("post_logout_redirect_uri")
	if target == "" {
		return "", true
	}
	if q.Get("client_id") != e.client.ClientID || !e.client.returns(target) {
		return "", false
	}
	if s := q.Get("state"); s != "" {
		target = backURL(target, url.Values{"state": {s}})
	}
	return target, true
}

// endBrowser signs everybody out of one browser and tells the client over the back channel.
func (e *endSession) endBrowser(id string, b *browser) {
	for name, sid := range e.browsers.end(id, b) {
		e.log.Note("sign-out", name, "%s signed out at the provider", e.people.Called(name))
		go func() {
			token, err := e.signals.LogoutToken(name, sid, nil)
			if err == nil {
				err = e.signals.post(
					e.closing,
					e.cfg.BackchannelLogoutURI,
					"application/x-www-form-urlencoded",
					url.Values{"logout_token": {token}}.Encode(),
				)
			}
			if err != nil {
				e.log.Note("logout", name, "the app did not take the notice that %s signed out", e.people.Called(name))
			}
		}()
	}
}
