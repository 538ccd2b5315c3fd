package standin

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/providers"
)

const (
	tokenPrefix = "at-" // of access tokens
	typedPrefix = "ak-" // of keys that people type
)

// isRenewal says whether a request spends a refresh token.
func (s *StandIn) isRenewal(in request) bool {
	return in.form.Get("grant_type") == cmp.Or(s.file.Token.RefreshParams["grant_type"], "refresh_token")
}

// serveToken is the token endpoint: the request as the file has it, the client, one of two grants.
func (s *StandIn) serveToken(w http.ResponseWriter, e Endpoint, in request, t *Trouble) {
	if s.file.Operated() {
		s.serveOperated(w, in, t)
		return
	}
	in = in.renamed(s.tokenNames(e))
	if why := s.wrongTokenRequest(in, e); why != "" {
		s.refuse(w, "the token request: "+why, http.StatusBadRequest)
		return
	}
	if why := s.unauthenticated(in); why != "" {
		s.note("the token request: " + why)
		s.refuseToken(w, http.StatusUnauthorized, "invalid_client", why)
		return
	}
	if e == Refresh {
		s.serveRefresh(w, in, t)
		return
	}
	s.serveCode(w, in, t)
}

func (s *StandIn) wrongTokenRequest(in request, e Endpoint) string {
	f := &s.file.Token
	params := maps.Clone(f.Params)
	if params == nil {
		params = map[string]string{}
	}
	if e == Refresh {
		for name, value := range f.RefreshParams {
			params[name] = strings.ReplaceAll(value, "{redirect_uri}", s.cfg.Redirect)
		}
	}
	if method := s.tokenMethod(e); in.r.Method != method {
		return "it is no " + method
	} else if why := in.body(bodyOf(method, f.Body)); why != "" {
		return why
	}
	if why := in.unlike(f.Headers, params); why != "" {
		return why
	}
	if e == Token && in.form.Get("grant_type") != "authorization_code" {
		return "the grant type is not taken here"
	}
	return ""
}

// serveCode redeems a code, once.
func (s *StandIn) serveCode(w http.ResponseWriter, in request, t *Trouble) {
	s.mu.Lock()
	c := s.codes[in.form.Get("code")]
	bad := c == nil || c.used || in.form.Get("redirect_uri") != s.cfg.Redirect || !c.verifies(in.form.Get("code_verifier"))
	if bad {
		s.mu.Unlock()
		s.refuseToken(w, http.StatusBadRequest, "invalid_grant", "The code is not good.")
		return
	}
	c.used = true
	g := &grant{person: c.choice.Person, scopes: c.scopes, nonce: c.nonce, claims: c.choice.Claims, access: map[string]time.Time{},
		live: map[string]bool{}, used: map[string]time.Time{}, exchangeable: map[string]bool{}}
	s.grants = append(s.grants, g)
	s.mu.Unlock()
	s.grantTokens(w, g, Token, c.refresh && s.file.Shapes.RefreshWith == "", func(f fields) {
		t.alter(f)
		if c.choice.Fields != nil {
			c.choice.Fields(f)
		}
	}, t)
}

// serveRefresh renews. A refresh token that was replaced ends its grant when it comes again, but for the leeway that the
// file gives it.
func (s *StandIn) serveRefresh(w http.ResponseWriter, in request, t *Trouble) {
	old := in.form.Get("refresh_token")
	s.mu.Lock()
	if s.file.Shapes.RefreshWith == providers.RefreshWithAccess {
		s.exchangeAccess(w, old, t)
		return
	}
	g := s.grantOf(old)
	good := g != nil && !g.dead && (g.live[old] || s.cfg.Now().Sub(g.used[old]) < s.file.Token.ReuseLeeway)
	if g != nil && !good {
		g.end()
	}
	if good && s.rotates() {
		delete(g.live, old)
		g.used[old] = s.cfg.Now()
	}
	if good {
		s.renewed++
	}
	s.mu.Unlock()
	if !good {
		s.refuseDead(w)
		return
	}
	s.grantTokens(w, g, Refresh, s.rotates(), t.alter, t)
}

func (s *StandIn) rotates() bool {
	if a := s.cfg.Answers; a != nil && a.Refresh != nil && !hasLeaf(a.Refresh.Body, "refresh_token") {
		return false
	}
	return s.file.Token.Rotates != "never"
}

// grantOf finds the grant of a refresh token. s.mu is held.
func (s *StandIn) grantOf(token string) *grant {
	i := slices.IndexFunc(s.grants, func(g *grant) bool { _, used := g.used[token]; return g.live[token] || used })
	if i < 0 {
		return nil
	}
	return s.grants[i]
}

// ownerOf is whose refresh token or access token a request carries. s.mu is held.
func (s *StandIn) ownerOf(in request) string {
	in = in.renamed(s.tokenNames(Refresh))
	if g := s.grantOf(in.form.Get("refresh_token")); g != nil {
		return g.person
	}
	if g := s.holder(in.bearer()); g != nil {
		return g.person
	}
	token := in.form.Get("refresh_token")
	if i := slices.IndexFunc(s.grants, func(g *grant) bool { return g.exchangeable[token] }); i >= 0 {
		return s.grants[i].person
	}
	if c := s.codes[in.form.Get("code")]; c != nil {
		return c.choice.Person
	}
	return ""
}

// holder finds the grant of an access token that is good now. s.mu is held.
func (s *StandIn) holder(access string) *grant {
	i := slices.IndexFunc(s.grants, func(g *grant) bool { return !g.dead && s.cfg.Now().Before(g.access[access]) })
	if i < 0 {
		return nil
	}
	return s.grants[i]
}

// newTokens makes an access token and, where it is wanted, a refresh token.
func (s *StandIn) newTokens(g *grant, refresh bool) (access, renewal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	access = tokenPrefix + rand.Text() + rand.Text()
	g.access[access] = s.cfg.Now().Add(s.cfg.Life)
	g.exchangeable[access] = true
	s.issued = append(s.issued, access)
	if refresh {
		renewal = "rt-" + rand.Text() + rand.Text()
		g.live[renewal] = true
		s.issued = append(s.issued, renewal)
	}
	return access, renewal
}

// grantTokens writes a success in the shape of the file, or as it was recorded.
func (s *StandIn) grantTokens(w http.ResponseWriter, g *grant, e Endpoint, refresh bool, alter func(fields), t *Trouble) {
	if e == Token && s.urls[LongLived] != "" {
		s.shortLived(w, g, alter)
		return
	}
	access, renewal := s.newTokens(g, refresh)
	var recorded *Answer
	if a := s.cfg.Answers; a != nil {
		recorded = map[Endpoint]*Answer{Token: a.Token, Refresh: a.Refresh}[e]
	}
	if recorded != nil {
		s.writeRecorded(w, recorded, g, access, renewal, alter, t)
		return
	}
	tokens := fields{"access_token": access, "token_type": "Bearer"}
	if s.file.Token.Lifetime == 0 {
		tokens["expires_in"] = int(s.cfg.Life / time.Second)
	}
	if renewal != "" {
		tokens["refresh_token"] = renewal
	}
	if s.file.Authorization.GrantedScopes != "callback" {
		if scope := s.joinScopes(g.scopes); scope != "" {
			tokens["scope"] = scope
		}
	}
	if s.file.Issuer != "" && slices.Contains(g.scopes, "openid") {
		tokens["id_token"] = s.idToken(g, t)
	}
	alter(tokens)
	out := s.ownNames(tokens)
	if p := s.file.Token.Path; p != "" {
		out = fields{}
		put(out, p, s.ownNames(tokens))
	}
	if s.file.Issuer == "" && s.file.Userinfo.URL == "" {
		s.describe(out, g.person)
	}
	if body, ok := out[wholeBody]; ok {
		(&Answer{}).write(w, body)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// writeRecorded sends a recorded answer with tokens of this trial in the place of the recorded ones.
func (s *StandIn) writeRecorded(w http.ResponseWriter, a *Answer, g *grant, access, renewal string, alter func(fields), t *Trouble) {
	body := a.Body
	if m, ok := plain(body).(map[string]any); ok {
		own, _ := at(m, s.tokensPath(m)).(map[string]any)
		if own == nil {
			own = m
		}
		decoys(m)
		if own["access_token"] != nil {
			own["access_token"] = access
		}
		if own["refresh_token"] != nil && renewal != "" {
			own["refresh_token"] = renewal
		}
		if m["id_token"] != nil || own["id_token"] != nil {
			delete(own, "id_token")
			m["id_token"] = s.idToken(g, t)
		}
		alter(own)
		body = m
	}
	a.write(w, body)
}

// tokensPath is where the person's own tokens are in a recorded answer.
func (s *StandIn) tokensPath(m map[string]any) string {
	if s.cfg.Answers.Tokens != "" {
		return s.cfg.Answers.Tokens
	}
	if p := s.file.Token.Path; p != "" && m["access_token"] != nil && at(m, p) != nil {
		return p
	}
	if m["access_token"] == nil {
		for name, v := range m {
			if inner, ok := v.(map[string]any); ok && inner["access_token"] != nil {
				return name
			}
		}
	}
	return "."
}

// decoys replaces every token of a recorded answer by one that opens nothing.
func decoys(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if _, ok := inner.(string); ok && (name == "access_token" || name == "refresh_token") {
				v[name] = "another's-" + rand.Text()
			}
			decoys(inner)
		}
	case []any:
		for _, inner := range v {
			decoys(inner)
		}
	}
}

func hasLeaf(v any, name string) bool {
	switch v := plain(v).(type) {
	case map[string]any:
		for key, inner := range v {
			if key == name || hasLeaf(inner, name) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return hasLeaf(inner, name) })
	}
	return false
}

// plain is a deep copy of what YAML or JSON was read to, as JSON has it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			out[name] = plain(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return v
}
