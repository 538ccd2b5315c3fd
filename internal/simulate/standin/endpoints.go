package standin

import (
	"net/http"
	"strings"
)

// resources answer for what tokens open, and end them.
type resources struct {
	*played
	journal *Journal
	grants  *Grants
	people  *People
	clients *clients
}

// serveUserinfo says whose an access token is.
func (s *resources) serveUserinfo(w http.ResponseWriter, r *http.Request, in request) {
	u := &s.file.Userinfo
	method := u.Method
	if method == "" {
		method = http.MethodGet
	}
	why := in.unlike(u.Headers, nil)
	switch {
	case r.Method != method:
		why = "it is no " + method
	case in.raw != u.Body:
		why = "its body is another than `userinfo_body`"
	}
	if why != "" {
		s.journal.refuse(w, "the userinfo request: "+why, http.StatusBadRequest)
		return
	}
	name, scheme := u.TokenHeader, u.TokenScheme
	if name == "" {
		name = "Authorization"
	}
	if scheme == "" && name == "Authorization" {
		scheme = "Bearer"
		if s.file.Auth == "basic" {
			scheme = "Basic"
		}
	}
	if scheme != "" {
		scheme += " "
	}
	token, ok := strings.CutPrefix(r.Header.Get(name), scheme)
	if param := s.file.Shapes.UserinfoTokenQuery; param != "" {
		token, ok = r.URL.Query().Get(param), r.Header.Get("Authorization") == ""
	}
	person := s.grants.personOf(token)
	if !ok || person == "" {
		s.journal.refuse(w, "the userinfo request: "+name+" has no token that is good", http.StatusUnauthorized)
		return
	}
	if a := s.cfg.Answers; a != nil && a.Userinfo != nil {
		a.Userinfo.write(w, plain(a.Userinfo.Body))
		return
	}
	out := fields{}
	s.people.describe(out, person)
	if s.file.Issuer != "" && s.file.Userinfo.Subject == "" {
		out["sub"] = s.people.Subject(person)
	}
	writeJSON(w, http.StatusOK, listed(out))
}

// serveAPI is the API behind the provider: any token that is good opens it.
func (s *resources) serveAPI(w http.ResponseWriter, in request) {
	token := in.bearer()
	if token == "" {
		_, token, _ = strings.Cut(in.r.Header.Get("Authorization"), " ")
	}
	if s.grants.personOf(token) == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"person": s.grants.personOf(token)})
}

// serveRevocation is RFC 7009, or what the provider has instead.
func (s *resources) revoke(w http.ResponseWriter, r *http.Request, in request) {
	token, why := s.wrongRevocation(r, in)
	if why != "" {
		s.journal.refuse(w, "the revocation: "+why, http.StatusBadRequest)
		return
	}
	if !s.grants.revoke(token) {
		s.journal.refuse(w, "the revocation: it is not the token that is wanted", http.StatusBadRequest)
		return
	}
	if a := s.cfg.Answers; a != nil && a.Revocation != nil {
		a.Revocation.write(w, plain(a.Revocation.Body))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{})
}

// wrongRevocation reads the token of a revocation, or says what is wrong with the request.
func (s *resources) wrongRevocation(r *http.Request, in request) (token, why string) {
	f := &s.file.Revocation
	method, param := f.Method, f.Param
	if method == "" {
		method = http.MethodPost
	}
	if param == "" {
		param = "token"
	}
	if r.Method != method {
		return "", "it is no " + method
	}
	if why := in.body(f.Body); why != "" {
		return "", why
	}
	if f.Body != "none" {
		if why := in.unlike(nil, s.file.Shapes.RevocationParams); why != "" {
			return "", why
		}
	}
	token = in.form.Get(param)
	before, after, wild := strings.Cut(s.urls[Revocation], "{token}")
	if wild {
		full := schemeOf(before) + r.Host + r.URL.EscapedPath()
		if r.URL.RawQuery != "" {
			full += "?" + r.URL.RawQuery
		}
		token = unescape(strings.TrimSuffix(strings.TrimPrefix(full, strings.ReplaceAll(before, "{client_id}", ClientID)), after))
	}
	if f.Body == "none" && !wild {
		token = in.bearer()
	}
	if token == "" {
		return "", "the parameter " + param + " is missing"
	}
	return token, s.clients.revocationAuth(in, token)
}

// metadata is the discovery document: what the file does not say itself.
func (s *resources) metadata() fields {
	out := fields{"issuer": s.file.Issuer, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"authorization_response_iss_parameter_supported": true,
		"token_endpoint_auth_methods_supported":          []string{s.clients.clientAuth()}}
	f := s.file
	for name, e := range map[string]struct {
		given string
		at    Endpoint
	}{
		"authorization_endpoint": {f.Authorization.URL, Authorization}, "token_endpoint": {f.Token.URL, Token},
		"userinfo_endpoint": {f.Userinfo.URL, Userinfo}, "revocation_endpoint": {f.Revocation.URL, Revocation},
		"jwks_uri": {f.JWKSURL, Keys}, "end_session_endpoint": {f.EndSessionURL, EndSession},
	} {
		if e.given == "" {
			out[name] = s.urls[e.at]
		}
	}
	return out
}
