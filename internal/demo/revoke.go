package demo

import (
	"net/http"
	"strings"
)

// serveRevoke is RFC 7009. An unknown token is fine; the client must be who it says.
func (d *Demo) serveRevoke(w http.ResponseWriter, r *http.Request) {
	if d.habits.NoRevocation {
		http.NotFound(w, r)
		return
	}
	form, ok := d.tokenForm(w, r)
	if !ok {
		return
	}
	// Google asks no client authentication here: who has the token may revoke it. One that is offered must be right.
	if _, _, basic := r.BasicAuth(); (basic || form.Has("client_secret")) && !d.authenticate(w, r, form) {
		return
	}
	token := form.Get("token")
	if token == "" {
		d.refuse(w, http.StatusBadRequest, "invalid_request", "Missing required parameter: token")
		return
	}
	d.revoke(token)
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, map[string]any{})
}

func (d *Demo) revoke(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fam := d.refresh[token]
	if a := d.access[token]; a != nil {
		fam = a.family
	}
	if fam == nil || fam.dead != "" {
		d.note("revocation", "", "a token that is not known here was revoked")
		return
	}
	if d.habits.RevokeTakes == RevokeTakesGrant {
		d.revokeGrant(fam.person.Name)
		d.note("revocation", fam.person.Name, "the app gave %s's grant back: all its tokens are dead", fam.person.GivenName())
	} else {
		d.end(fam, "revoked")
		d.note("revocation", fam.person.Name, "the app gave %s's tokens back", fam.person.GivenName())
	}
	d.count(fam.person.Name, func(c *Counts) { c.Revocations++ })
}

// serveUserinfo is OpenID Connect Core section 5.3.
func (d *Demo) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	a, ok := d.bearer(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", challenge(r))
		writeJSON(
			w,
			http.StatusUnauthorized,
			map[string]any{"error": "invalid_token", "error_description": "Invalid Credentials"},
		)
		return
	}
	field := d.habits.SubjectField
	if field == "" {
		field = "sub"
	}
	claims := map[string]any{field: a.family.person.Subject}
	if d.habits.SubjectNumber {
		claims[field] = number(a.family.person.Subject)
	}
	d.addPersonal(claims, a.family.person, a.scopes)
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, claims)
}

// number makes a subject one that fits a JSON number without loss: its last nine digits.
func number(subject string) int {
	n := 0
	for _, c := range strings.TrimLeft(subject[max(0, len(subject)-9):], "0") {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}

// bearer finds the access token of a request, when it is good.
func (d *Demo) bearer(r *http.Request) (*accessToken, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(r.Header.Values("Authorization")) != 1 {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.access[token]
	if a == nil || a.family.dead != "" || !d.cfg.Now().Before(a.expires) {
		return nil, false
	}
	return a, true
}

// challenge is RFC 6750 section 3: without a token there is no error code.
func challenge(r *http.Request) string {
	const realm = `Bearer realm="https://accounts.google.com/"`
	if r.Header.Get("Authorization") == "" {
		return realm
	}
	return realm + `, error="invalid_token"`
}
