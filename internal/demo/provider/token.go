package provider

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

// tokens is the token endpoint, the revocation endpoint and userinfo.
type tokens struct {
	*common
	keys   *Keys
	ledger *Ledger
}

// serve is RFC 6749 section 3.2: authenticate the client, then one of two grants.
func (t *tokens) serve(w http.ResponseWriter, r *http.Request) {
	form, ok := t.tokenForm(w, r)
	if !ok || !t.authenticate(w, r, form) {
		return
	}
	kind := form.Get("grant_type")
	refreshPath := r.URL.Path == "/token/refresh"
	switch {
	case kind == "authorization_code" && !refreshPath:
		out, no := t.ledger.exchange(form.Get("code"), form.Get("redirect_uri"), form.Get("code_verifier"))
		t.issue(w, r, out, no, true)
	case kind == "refresh_token" && refreshPath == t.habits.SeparateRefresh:
		scopes := t.habits.canonical(t.habits.split(form.Get("scope")))
		out, no := t.ledger.renew(form.Get("refresh_token"), scopes)
		t.issue(w, r, out, no, t.habits.IDTokenAlways)
	default:
		t.refuse(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type")
	}
}

// tokenForm reads the parameters, each at most once (RFC 6749 section 3.2).
func (t *tokens) tokenForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := url.Values{}
	switch {
	case t.habits.JSONBody && kind == "application/json":
		fields := map[string]string{}
		if json.NewDecoder(r.Body).Decode(&fields) != nil {
			t.refuse(w, http.StatusBadRequest, "invalid_request", "The body is not a JSON object of strings.")
			return nil, false
		}
		for k, v := range fields {
			form.Set(k, v)
		}
	case !t.habits.JSONBody && kind == "application/x-www-form-urlencoded" && r.ParseForm() == nil:
		form = r.PostForm
	default:
		t.refuse(w, http.StatusBadRequest, "invalid_request", "The body cannot be read.")
		return nil, false
	}
	for _, v := range form {
		if len(v) > 1 {
			t.refuse(w, http.StatusBadRequest, "invalid_request", "A parameter is repeated.")
			return nil, false
		}
	}
	return form, true
}

// authenticate is RFC 6749 section 2.3.1: HTTP Basic or body parameters, not both.
func (t *tokens) authenticate(w http.ResponseWriter, r *http.Request, form url.Values) bool {
	id, secret, basic := r.BasicAuth()
	method := "client_secret_post"
	if basic {
		method = "client_secret_basic"
		id, secret = unescape(id), unescape(secret)
		if form.Has("client_secret") || form.Has("client_id") && form.Get("client_id") != id {
			t.refuse(w, http.StatusBadRequest, "invalid_request", "The client authenticates in two ways.")
			return false
		}
	} else {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	if t.client.is(id, secret) && (t.habits.ClientAuth == "" || t.habits.ClientAuth == method) {
		return true
	}
	if basic {
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
	}
	t.refuse(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	return false
}

func unescape(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

// issue answers with what a grant brought, or its refusal.
func (t *tokens) issue(w http.ResponseWriter, r *http.Request, out issue, no *tokenError, identity bool) {
	if no != nil {
		t.refuse(w, http.StatusBadRequest, no.code, no.description)
		return
	}
	t.grant(w, r, out, identity)
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

// grant writes the answer of RFC 6749 section 5.1, as the habits have it.
func (t *tokens) grant(w http.ResponseWriter, r *http.Request, out issue, identity bool) {
	fam := out.family
	fields := map[string]any{"access_token": out.access, "token_type": "Bearer"}
	if t.habits.TokenType != "" {
		fields["token_type"] = t.habits.TokenType
	}
	if out.refresh != "" {
		fields["refresh_token"] = out.refresh
		if t.habits.RefreshLifetime > 0 {
			fields["refresh_token_expires_in"] = int(t.habits.RefreshLifetime / time.Second)
		}
	}
	t.addExpiry(fields)
	t.addScope(fields, fam.scopes)
	if identity && !t.habits.NoIDToken && slices.Contains(fam.scopes, "openid") {
		token, err := t.keys.idToken(fam, out.nonce, out.access)
		if err != nil {
			t.refuse(w, http.StatusInternalServerError, "server_error", "The ID token could not be signed.")
			return
		}
		t.cfg.Issued("id_token", token)
		fields["id_token"] = token
	}
	for k, v := range t.habits.Extra {
		fields[k] = v
	}
	t.answer(w, r, http.StatusOK, fields)
}
