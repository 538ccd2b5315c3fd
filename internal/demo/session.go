package demo

import (
	"net/http"
	"net/url"
	"slices"
)

// serveEndSession is OpenID Connect RP-Initiated Logout 1.0. There is never an id_token_hint, so the person is asked
// (section 2).
func (d *Demo) serveEndSession(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		d.showError(w, http.StatusBadRequest, "invalid_request", "The request cannot be read.")
		return
	}
	target, ok := d.afterLogout(r.Form)
	if !ok {
		d.showError(
			w,
			http.StatusBadRequest,
			"invalid_request",
			"The address to go to after signing out is not registered for this client.",
		)
		return
	}
	id, b := d.browserOf(w, r)
	d.mu.Lock()
	waiting := len(b.sids) > 0
	d.mu.Unlock()
	if r.Method == http.MethodPost && r.PostForm.Get("confirm") == b.form || !waiting {
		d.endBrowser(id, b)
		if target != "" {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
		d.showSignedOut(w)
		return
	}
	d.showSignOut(w, b.form, r.Form, target)
}

// afterLogout reads where to go: only an address registered for the named client (section 3), with state added.
func (d *Demo) afterLogout(q url.Values) (string, bool) {
	target := q.Get("post_logout_redirect_uri")
	if target == "" {
		return "", true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.Get("client_id") != d.ClientID || !slices.Contains(d.after, target) {
		return "", false
	}
	if s := q.Get("state"); s != "" {
		target = backURL(target, url.Values{"state": {s}})
	}
	return target, true
}

// endBrowser signs everybody out of one browser and tells the client over the back channel.
func (d *Demo) endBrowser(id string, b *browser) {
	d.mu.Lock()
	sids := b.sids
	b.sids = map[string]string{}
	d.browsers.remove(id)
	d.mu.Unlock()
	for name, sid := range sids {
		d.tell("sign-out", name, "%s signed out at the provider", d.called(name))
		go func() {
			token, err := d.LogoutToken(name, sid, nil)
			if err == nil {
				err = d.post(
					d.base,
					d.cfg.BackchannelLogoutURI,
					"application/x-www-form-urlencoded",
					url.Values{"logout_token": {token}}.Encode(),
				)
			}
			if err != nil {
				d.tell("logout", name, "the app could not be told that %s signed out", d.called(name))
			}
		}()
	}
}

// Sessions lists the session ids (sid claims) that a person has here, one for each browser.
func (d *Demo) Sessions(person string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, b := range d.browsers.items {
		if sid := b.sids[person]; sid != "" {
			out = append(out, sid)
		}
	}
	slices.Sort(out)
	return out
}
