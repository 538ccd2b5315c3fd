package standin

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Tenant is the tid claim of ID tokens where the file has a form of the issuer with one.
const Tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// describe writes who a person is where the file looks for it.
func (s *StandIn) describe(into fields, person string) {
	u := &s.file.Userinfo
	if s.file.Shapes.CallbackProfile["name"] == "" {
		put(into, pathOf(u.Profile, "name"), fullName(person))
	}
	put(into, pathOf(u.Profile, "email"), person+"@example.com")
	if s.file.Shapes.CallbackProfile["picture"] == "" {
		put(into, pathOf(u.Profile, "picture"), picture(person))
	}
	put(into, pathOf(u.Profile, "email_verified"), true)
	for i, path := range strings.Split(s.subjectPath(), "+") {
		put(into, path, person+"-"+string(rune('1'+i)))
	}
}

func (s *StandIn) subjectPath() string {
	if s.file.Userinfo.Subject != "" {
		return s.file.Userinfo.Subject
	}
	return "sub"
}

func pathOf(profile map[string]string, claim string) string {
	if profile[claim] != "" {
		return profile[claim]
	}
	return claim
}

// Subject is a person's id at the stand-in, as the file says that it is told.
func (s *StandIn) Subject(person string) string {
	o := fields{}
	s.describe(o, person)
	if s.file.Issuer != "" {
		return person + "-1"
	}
	var parts []string
	for path := range strings.SplitSeq(s.subjectPath(), "+") {
		parts = append(parts, text(at(o, path)))
	}
	return strings.Join(parts, "/")
}

// Address is where an endpoint is.
func (s *StandIn) Address(e Endpoint) string { return s.urls[e] }

// Issuer is the provider's.
func (s *StandIn) Issuer() string { return s.file.Issuer }

// Account is what bff should make of what the stand-in says of a person: what was recorded, read as a person reads it
// or, where nobody did, as the file says.
func (s *StandIn) Account(person string) Account {
	u := &s.file.Userinfo
	said := fields{}
	s.describe(said, person)
	a := s.cfg.Answers
	if a != nil {
		switch {
		case a.Account != nil:
			return *a.Account
		case a.Userinfo != nil && s.file.Issuer == "":
			said, _ = plain(a.Userinfo.Body).(map[string]any)
		case a.Token != nil && s.file.Issuer == "" && u.URL == "":
			said, _ = plain(a.Token.Body).(map[string]any)
		}
	}
	of := func(claim string) string {
		found := text(at(said, pathOf(u.Profile, claim)))
		if found == "" && u.Profile[claim] != "" {
			return "nothing is at " + u.Profile[claim]
		}
		return found
	}
	account := Account{Name: of("name"), Email: of("email"), Picture: of("picture"), Verified: of("email_verified")}
	if s.file.Shapes.CallbackProfile["name"] != "" {
		account.Name = s.introduced("name", person)
	}
	if s.file.Shapes.CallbackProfile["picture"] != "" {
		account.Picture = s.introduced("picture", person)
	}
	var parts []string
	for path := range strings.SplitSeq(s.subjectPath(), "+") {
		part := text(at(said, path))
		if part == "" {
			part = "nothing is at " + path
		}
		parts = append(parts, part)
	}
	account.Subject = strings.Join(parts, "/")
	if s.file.Issuer != "" {
		account.Subject = s.Subject(person)
	}
	return account
}

// serveUserinfo says whose an access token is.
func (s *StandIn) serveUserinfo(w http.ResponseWriter, r *http.Request, in request) {
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
		s.refuse(w, "the userinfo request: "+why, http.StatusBadRequest)
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
	person := s.personOf(token)
	if !ok || person == "" {
		s.refuse(w, "the userinfo request: "+name+" has no token that is good", http.StatusUnauthorized)
		return
	}
	if a := s.cfg.Answers; a != nil && a.Userinfo != nil {
		a.Userinfo.write(w, plain(a.Userinfo.Body))
		return
	}
	out := fields{}
	s.describe(out, person)
	if s.file.Issuer != "" && s.file.Userinfo.Subject == "" {
		out["sub"] = s.Subject(person)
	}
	writeJSON(w, http.StatusOK, out)
}

// personOf is whose a token is: one that was issued, or one that a person types.
func (s *StandIn) personOf(token string) string {
	if person, ok := s.typed(token); ok {
		return person
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.holder(token); g != nil {
		return g.person
	}
	return ""
}

// serveAPI is the API behind the provider: any token that is good opens it.
func (s *StandIn) serveAPI(w http.ResponseWriter, in request) {
	token := in.bearer()
	if token == "" {
		_, token, _ = strings.Cut(in.r.Header.Get("Authorization"), " ")
	}
	if s.personOf(token) == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"person": s.personOf(token)})
}

// serveRevocation is RFC 7009, or what the provider has instead.
func (s *StandIn) serveRevocation(w http.ResponseWriter, r *http.Request, in request) {
	token, why := s.wrongRevocation(r, in)
	if why != "" {
		s.refuse(w, "the revocation: "+why, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	g := s.grantOf(token)
	wanted := s.file.Revocation.Token
	if g != nil && wanted == "access" || g == nil && wanted != "access" && s.holder(token) != nil && s.hasRefresh(token) {
		s.mu.Unlock()
		s.refuse(w, "the revocation: it is not the token that is wanted", http.StatusBadRequest)
		return
	}
	if g == nil {
		g = s.holder(token)
	}
	if g != nil && !g.dead {
		g.end()
		s.revoked++
	}
	s.mu.Unlock()
	if a := s.cfg.Answers; a != nil && a.Revocation != nil {
		a.Revocation.write(w, plain(a.Revocation.Body))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{})
}

// hasRefresh says whether there is a refresh token beside an access token. s.mu is held.
func (s *StandIn) hasRefresh(access string) bool {
	g := s.holder(access)
	return g != nil && len(g.live) > 0
}

// wrongRevocation reads the token of a revocation, or says what is wrong with the request.
func (s *StandIn) wrongRevocation(r *http.Request, in request) (token, why string) {
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
	return token, s.revocationAuth(in, token)
}

func (s *StandIn) revocationAuth(in request, token string) string {
	switch s.file.Revocation.Auth {
	case "bearer":
		if in.r.Header.Get("Authorization") != "Bearer "+token {
			return "the token is not in Authorization"
		}
	case "basic":
		if id, secret, ok := in.r.BasicAuth(); !ok || unescape(id) != ClientID || unescape(secret) != ClientSecret {
			return "id and secret are not the client's"
		}
	case "none":
		if in.r.Header.Get("Authorization") != "" || in.form.Has("client_secret") {
			return "the client authenticates, and no authentication is taken"
		}
	default:
		return s.unauthenticated(in)
	}
	return ""
}

// metadata is the discovery document: what the file does not say itself.
func (s *StandIn) metadata() fields {
	out := fields{"issuer": s.file.Issuer, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"authorization_response_iss_parameter_supported": true,
		"token_endpoint_auth_methods_supported":          []string{s.clientAuth()}}
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

func (s *StandIn) serveKeys(w http.ResponseWriter) {
	s.mu.Lock()
	kid := s.kid
	s.mu.Unlock()
	key := jose.JSONWebKey{Key: s.cfg.Key.Public(), KeyID: kid, Algorithm: "RS256", Use: "sig"}
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
}

// idToken makes the ID token of a grant (OpenID Connect Core section 2).
func (s *StandIn) idToken(g *grant, t *Trouble) string {
	now := s.cfg.Now()
	c := claims{"iss": s.file.Issuer, "aud": ClientID, "sub": s.Subject(g.person), "nonce": g.nonce, "iat": now.Unix(),
		"exp": now.Add(10 * time.Minute).Unix()}
	if slices.ContainsFunc(s.file.Issuers, func(form string) bool { return strings.Contains(form, "{tid}") }) {
		c["tid"] = Tenant
	}
	if hd := s.file.Authorization.Params["hd"]; hd != "" && hd != "*" {
		c["hd"] = hd
	}
	if s.file.Userinfo.URL == "" && (s.cfg.Answers == nil || s.cfg.Answers.IDToken == nil) {
		s.describe(c, g.person)
	}
	if a := s.cfg.Answers; a != nil && a.IDToken != nil {
		for name, v := range a.IDToken {
			if !slices.Contains([]string{"iss", "aud", "nonce", "iat", "exp", "at_hash", "azp"}, name) {
				c[name] = v
			}
		}
	}
	if g.claims != nil {
		g.claims(c)
	}
	return s.Sign(c, "JWT", t)
}

// Sign signs claims with the provider's key.
func (s *StandIn) Sign(c claims, typ string, t *Trouble) string {
	c = maps.Clone(c)
	s.mu.Lock()
	kid := s.kid
	s.mu.Unlock()
	key := jose.SigningKey{Algorithm: jose.RS256, Key: s.cfg.Key}
	if t != nil && t.Algorithm != "" {
		key = jose.SigningKey{Algorithm: jose.SignatureAlgorithm(t.Algorithm), Key: []byte(ClientSecret + ClientSecret + ClientSecret)}
	}
	if t != nil && t.KeyID != "" {
		kid = t.KeyID
	}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", kid))
	if err != nil {
		return "unsigned-" + rand.Text()
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		return "unsigned-" + rand.Text()
	}
	s.mu.Lock()
	s.issued = append(s.issued, token)
	s.mu.Unlock()
	return token
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
