package demo

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// serveToken is RFC 6749 section 3.2: authenticate the client, then one of two grants.
func (d *Demo) serveToken(w http.ResponseWriter, r *http.Request) {
	form, ok := d.tokenForm(w, r)
	if !ok || !d.authenticate(w, r, form) {
		return
	}
	kind := form.Get("grant_type")
	refreshPath := r.URL.Path == "/token/refresh"
	switch {
	case kind == "authorization_code" && !refreshPath:
		d.exchange(w, r, form)
	case kind == "refresh_token" && refreshPath == d.habits.SeparateRefresh:
		d.serveRefresh(w, r, form)
	default:
		d.refuse(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type")
	}
}

// tokenForm reads the parameters, each at most once (RFC 6749 section 3.2).
func (d *Demo) tokenForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := url.Values{}
	switch {
	case d.habits.JSONBody && kind == "application/json":
		fields := map[string]string{}
		if json.NewDecoder(r.Body).Decode(&fields) != nil {
			d.refuse(w, http.StatusBadRequest, "invalid_request", "The body is not a JSON object of strings.")
			return nil, false
		}
		for k, v := range fields {
			form.Set(k, v)
		}
	case !d.habits.JSONBody && kind == "application/x-www-form-urlencoded" && r.ParseForm() == nil:
		form = r.PostForm
	default:
		d.refuse(w, http.StatusBadRequest, "invalid_request", "The body cannot be read.")
		return nil, false
	}
	for _, v := range form {
		if len(v) > 1 {
			d.refuse(w, http.StatusBadRequest, "invalid_request", "A parameter is repeated.")
			return nil, false
		}
	}
	return form, true
}

// authenticate is RFC 6749 section 2.3.1: HTTP Basic or body parameters, not both.
func (d *Demo) authenticate(w http.ResponseWriter, r *http.Request, form url.Values) bool {
	id, secret, basic := r.BasicAuth()
	method := "client_secret_post"
	if basic {
		method = "client_secret_basic"
		id, secret = unescape(id), unescape(secret)
		if form.Has("client_secret") || form.Has("client_id") && form.Get("client_id") != id {
			d.refuse(w, http.StatusBadRequest, "invalid_request", "The client authenticates in two ways.")
			return false
		}
	} else {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	same := subtle.ConstantTimeCompare([]byte(secret), []byte(d.ClientSecret)) == 1
	if id == d.ClientID && same && (d.habits.ClientAuth == "" || d.habits.ClientAuth == method) {
		return true
	}
	if basic {
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
	}
	d.refuse(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	return false
}

func unescape(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

// exchange is the authorization_code grant: code once, same redirect URI, PKCE.
func (d *Demo) exchange(w http.ResponseWriter, r *http.Request, form url.Values) {
	d.mu.Lock()
	c, ok := d.codes.get(form.Get("code"))
	if !ok || d.cfg.Now().After(c.expires) {
		d.mu.Unlock()
		d.refuse(w, http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
		return
	}
	if c.used {
		if c.family != nil {
			d.end(c.family, "code used twice")
		}
		d.count(c.flow.person.Name, func(n *Counts) { n.Reuses++ })
		d.note("reuse", c.flow.person.Name, "a code came a second time: what the first use brought is revoked")
		d.mu.Unlock()
		d.refuse(w, http.StatusBadRequest, "invalid_grant", "Bad Request")
		return
	}
	c.used = true
	if form.Get("redirect_uri") != c.flow.redirect || !verifies(c.flow.challenge, form.Get("code_verifier")) {
		d.mu.Unlock()
		d.refuse(w, http.StatusBadRequest, "invalid_grant", "Bad Request")
		return
	}
	fam := d.newFamily(c)
	c.family = fam
	access, refresh := d.newAccess(fam), ""
	if d.wantsRefresh(c) {
		refresh = d.newRefresh(fam)
		d.dropOldest(fam.person)
		d.note(
			"exchange",
			fam.person.Name,
			"%s's code became tokens: an access token for %s, a refresh token, an ID token",
			fam.person.GivenName(),
			d.cfg.TokenLifetime,
		)
	} else {
		d.note("exchange", fam.person.Name, "%s's code became tokens, but no refresh token: that comes with a first consent", fam.person.GivenName())
	}
	d.mu.Unlock()
	d.grant(w, r, fam, c.flow.nonce, access, refresh, true)
}

// verifies is RFC 7636 section 4.6.
func verifies(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 &&
		subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// serveRefresh is RFC 6749 section 6.
func (d *Demo) serveRefresh(w http.ResponseWriter, r *http.Request, form url.Values) {
	d.mu.Lock()
	fam, old := d.refresh[form.Get("refresh_token")], form.Get("refresh_token")
	if fam == nil || !d.usable(fam, old) {
		d.mu.Unlock()
		d.refuse(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
		return
	}
	if asked := d.habits.canonical(d.habits.split(form.Get("scope"))); !covers(fam.scopes, asked) {
		d.mu.Unlock()
		d.refuse(w, http.StatusBadRequest, "invalid_scope", "More than was granted.")
		return
	}
	if d.habits.OldAccessDies {
		for value := range fam.access {
			delete(d.access, value)
		}
		clear(fam.access)
	}
	access, refresh := d.newAccess(fam), ""
	rotated := ""
	if d.habits.Rotate {
		if !d.habits.OldRefreshLives {
			delete(fam.live, old)
			fam.used[old] = d.cfg.Now()
		}
		refresh, rotated = d.newRefresh(fam), " and the refresh token was replaced"
	}
	fam.refreshes++
	d.count(fam.person.Name, func(c *Counts) { c.Refreshes++ })
	d.note(
		"refresh",
		fam.person.Name,
		"%s's access token was renewed (no. %d of this sign-in)%s",
		fam.person.GivenName(),
		fam.refreshes,
		rotated,
	)
	d.mu.Unlock()
	d.grant(w, r, fam, "", access, refresh, d.habits.IDTokenAlways)
}

// usable says whether a refresh token is good, and ends its family when it is a used one (RFC 9700 section 4.14.2).
// d.mu is held.
func (d *Demo) usable(fam *family, token string) bool {
	if fam.dead != "" {
		return false
	}
	if issued, ok := fam.live[token]; ok {
		return d.habits.RefreshLifetime == 0 || d.cfg.Now().Before(issued.Add(d.habits.RefreshLifetime))
	}
	used, ok := fam.used[token]
	if !ok {
		return false
	}
	if d.habits.ReuseLeeway > 0 && d.cfg.Now().Before(used.Add(d.habits.ReuseLeeway)) {
		return true
	}
	d.count(fam.person.Name, func(c *Counts) { c.Reuses++ })
	if d.habits.ReuseSpares {
		d.note("reuse", fam.person.Name, "a used refresh token came back and was refused")
		return false
	}
	d.end(fam, "reuse")
	d.note("reuse", fam.person.Name, "a used refresh token came back: everything of that sign-in is revoked")
	return false
}

// grant writes the answer of RFC 6749 section 5.1, as the habits have it.
func (d *Demo) grant(
	w http.ResponseWriter,
	r *http.Request,
	fam *family,
	nonce, access, refresh string,
	identity bool,
) {
	fields := map[string]any{"access_token": access, "token_type": "Bearer"}
	if d.habits.TokenType != "" {
		fields["token_type"] = d.habits.TokenType
	}
	if refresh != "" {
		fields["refresh_token"] = refresh
		if d.habits.RefreshLifetime > 0 {
			fields["refresh_token_expires_in"] = int(d.habits.RefreshLifetime / time.Second)
		}
	}
	d.addExpiry(fields)
	d.addScope(fields, fam.scopes)
	if identity && !d.habits.NoIDToken && slices.Contains(fam.scopes, "openid") {
		token, err := d.idToken(fam, nonce, access)
		if err != nil {
			d.refuse(w, http.StatusInternalServerError, "server_error", "The ID token could not be signed.")
			return
		}
		d.issued("id_token", token)
		fields["id_token"] = token
	}
	for k, v := range d.habits.Extra {
		fields[k] = v
	}
	d.answer(w, r, http.StatusOK, fields)
}
