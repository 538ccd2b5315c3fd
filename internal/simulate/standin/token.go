package standin

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/providers"
)

// tokens are the token endpoint.
type tokens struct {
	*played
	journal *Journal
	grants  *Grants
	signer  *Signer
	people  *People
	words   *Words
	shape   *shape
	scopes  *scopes
	clients *clients
}

// serveToken is the token endpoint: the request as the file has it, the client, one of two grants.
func (s *tokens) serve(w http.ResponseWriter, e Endpoint, in request, t *Trouble) {
	if s.file.Operated() {
		s.serveOperated(w, in, t)
		return
	}
	in = in.renamed(s.shape.tokenNames(e))
	if why := s.wrongTokenRequest(in, e); why != "" {
		s.journal.refuse(w, "the token request: "+why, http.StatusBadRequest)
		return
	}
	if why := s.clients.unauthenticated(in); why != "" {
		s.journal.note("the token request: " + why)
		s.words.refuseToken(w, http.StatusUnauthorized, "invalid_client", why)
		return
	}
	if e == Refresh {
		s.serveRefresh(w, in, t)
		return
	}
	s.serveCode(w, in, t)
}

func (s *tokens) wrongTokenRequest(in request, e Endpoint) string {
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
	if method := s.shape.tokenMethod(e); in.r.Method != method {
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
func (s *tokens) serveCode(w http.ResponseWriter, in request, t *Trouble) {
	c, g := s.grants.redeem(in.form)
	if g == nil {
		s.words.refuseToken(w, http.StatusBadRequest, "invalid_grant", "The code is not good.")
		return
	}
	s.grantTokens(w, g, Token, c.refresh && s.file.Shapes.RefreshWith == "", func(f fields) {
		t.alter(f)
		if c.choice.Fields != nil {
			c.choice.Fields(f)
		}
	}, t)
}

// serveRefresh renews.
func (s *tokens) serveRefresh(w http.ResponseWriter, in request, t *Trouble) {
	old := in.form.Get("refresh_token")
	take, rotates := s.grants.renew, s.shape.rotates()
	if s.file.Shapes.RefreshWith == providers.RefreshWithAccess {
		take, rotates = s.grants.exchange, false
	}
	g := take(old)
	if g == nil {
		s.words.refuseDead(w)
		return
	}
	s.grantTokens(w, g, Refresh, rotates, t.alter, t)
}

// grantTokens writes a success in the shape of the file, or as it was recorded.
func (s *tokens) grantTokens(w http.ResponseWriter, g *grant, e Endpoint, refresh bool, alter func(fields), t *Trouble) {
	if e == Token && s.urls[LongLived] != "" {
		s.shortLived(w, g, alter)
		return
	}
	access, renewal := s.grants.newTokens(g, refresh)
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
		if s.file.Shapes.AnswerNames["refresh_token_expires_in"] != "" {
			tokens["refresh_token_expires_in"] = int(GrantLife / time.Second)
		}
	}
	if s.file.Authorization.GrantedScopes != "callback" {
		if scope := s.scopes.join(g.scopes); scope != "" {
			tokens["scope"] = scope
		}
	}
	if s.file.Issuer != "" && slices.Contains(g.scopes, "openid") {
		tokens["id_token"] = s.signer.idToken(g, t)
	}
	alter(tokens)
	out := s.shape.ownNames(tokens)
	if p := s.file.Token.Path; p != "" {
		out = fields{}
		put(out, p, s.shape.ownNames(tokens))
	}
	if s.file.Issuer == "" && s.file.Userinfo.URL == "" {
		s.people.describe(out, g.person)
	}
	if body, ok := out[wholeBody]; ok {
		(&Answer{}).write(w, body)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// writeRecorded sends a recorded answer with tokens of this trial in the place of the recorded ones.
func (s *tokens) writeRecorded(w http.ResponseWriter, a *Answer, g *grant, access, renewal string, alter func(fields), t *Trouble) {
	body := a.Body
	if m, ok := plain(body).(map[string]any); ok {
		own, _ := at(m, s.shape.tokensPath(m)).(map[string]any)
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
			m["id_token"] = s.signer.idToken(g, t)
		}
		alter(own)
		body = m
	}
	a.write(w, body)
}
