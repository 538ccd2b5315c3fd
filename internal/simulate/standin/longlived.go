package standin

import (
	"cmp"
	"net/http"
	"time"
)

// shortLived answers a code with a token that is only good for being exchanged.
func (s *tokens) shortLived(w http.ResponseWriter, g *grant, alter func(fields)) {
	short := s.grants.shorten(g)
	tokens := fields{"access_token": short, "token_type": "Bearer", "expires_in": 3600}
	if a := s.cfg.Answers; a != nil && a.Token != nil {
		tokens, _ = plain(a.Token.Body).(map[string]any)
		place(tokens, keysOf(cmp.Or(s.file.Shapes.AnswerNames["access_token"], "access_token")), short)
		alter(tokens)
		writeJSON(w, http.StatusOK, tokens)
		return
	}
	if scope := s.scopes.join(g.scopes); scope != "" && s.file.Authorization.GrantedScopes != "callback" {
		tokens["scope"] = scope
	}
	alter(tokens)
	out := s.shape.ownNames(tokens)
	if s.file.Issuer == "" && s.file.Userinfo.URL == "" {
		s.people.describe(out, g.person)
	}
	writeJSON(w, http.StatusOK, out)
}

// serveLongLived exchanges a short-lived token.
func (s *tokens) serveLongLived(w http.ResponseWriter, in request, t *Trouble) {
	f := &s.file.Shapes
	method, short := cmp.Or(f.LongLivedMethod, http.MethodPost), ""
	why := ""
	for name, value := range f.LongLivedParams {
		switch got := in.form.Get(name); {
		case value == "{access_token}":
			short = got
		case got != value:
			why = "the parameter " + name + "=" + value + " is missing"
		}
	}
	g := s.grants.lengthen(short)
	switch {
	case in.r.Method != method:
		why = "it is no " + method
	case g == nil:
		why = "the short-lived token is not good"
	}
	if why != "" {
		s.journal.refuse(w, "the exchange for a long-lived token: "+why, http.StatusBadRequest)
		return
	}
	access, _ := s.grants.newTokens(g, false)
	tokens := fields{"access_token": access, "token_type": "Bearer"}
	if s.file.Token.Lifetime == 0 {
		tokens["expires_in"] = int(s.cfg.Life / time.Second)
	}
	t.alter(tokens)
	writeJSON(w, http.StatusOK, tokens)
}
