package standin

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/providers"
)

// standardNames gives the parameters of an authorization request the standard's names.
func (s *StandIn) standardNames(q url.Values) url.Values {
	return request{form: q}.renamed(s.file.Authorization.Names).form
}

// tokenNames are the names of parameters of token requests.
func (s *StandIn) tokenNames(e Endpoint) map[string]string {
	names := maps.Clone(s.file.Shapes.TokenNames)
	if e == Refresh && len(s.file.Shapes.RefreshNames) > 0 {
		if names == nil {
			names = map[string]string{}
		}
		maps.Copy(names, s.file.Shapes.RefreshNames)
	}
	return names
}

func (s *StandIn) tokenMethod(e Endpoint) string {
	if e == Refresh {
		return cmp.Or(s.file.Shapes.RefreshMethod, s.file.Shapes.TokenMethod, http.MethodPost)
	}
	return cmp.Or(s.file.Shapes.TokenMethod, http.MethodPost)
}

// bodyOf is the form of a request's body: what is in the address has none.
func bodyOf(method, body string) string {
	if method == http.MethodGet {
		return "none"
	}
	return body
}

// ownNames puts the fields of a token answer where the file has them.
func (s *StandIn) ownNames(tokens fields) fields {
	names := s.file.Shapes.AnswerNames
	if len(names) == 0 || s.file.Token.Path != "" {
		return tokens
	}
	out := fields{}
	for name, v := range tokens {
		if path := names[name]; path != "" {
			put(out, path, v)
		} else {
			out[name] = v
		}
	}
	return out
}

// shortLived answers a code with a token that is only good for being exchanged.
func (s *StandIn) shortLived(w http.ResponseWriter, g *grant, alter func(fields)) {
	s.mu.Lock()
	short := "short-" + rand.Text() + rand.Text()
	s.short[short] = g
	s.issued = append(s.issued, short)
	s.mu.Unlock()
	tokens := fields{"access_token": short, "token_type": "Bearer", "expires_in": 3600}
	if a := s.cfg.Answers; a != nil && a.Token != nil {
		tokens, _ = plain(a.Token.Body).(map[string]any)
		place(tokens, keysOf(cmp.Or(s.file.Shapes.AnswerNames["access_token"], "access_token")), short)
		alter(tokens)
		writeJSON(w, http.StatusOK, tokens)
		return
	}
	if scope := s.joinScopes(g.scopes); scope != "" && s.file.Authorization.GrantedScopes != "callback" {
		tokens["scope"] = scope
	}
	alter(tokens)
	out := s.ownNames(tokens)
	if s.file.Issuer == "" && s.file.Userinfo.URL == "" {
		s.describe(out, g.person)
	}
	writeJSON(w, http.StatusOK, out)
}

// isShort reports whether a request carries a token that is good for being exchanged.
func (s *StandIn) isShort(in request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range s.file.Shapes.LongLivedParams {
		if value == "{access_token}" && s.short[in.form.Get(name)] != nil {
			return true
		}
	}
	return false
}

// serveLongLived exchanges a short-lived token.
func (s *StandIn) serveLongLived(w http.ResponseWriter, in request, t *Trouble) {
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
	s.mu.Lock()
	g := s.short[short]
	delete(s.short, short)
	s.mu.Unlock()
	switch {
	case in.r.Method != method:
		why = "it is no " + method
	case g == nil:
		why = "the short-lived token is not good"
	}
	if why != "" {
		s.refuse(w, "the exchange for a long-lived token: "+why, http.StatusBadRequest)
		return
	}
	access, _ := s.newTokens(g, false)
	tokens := fields{"access_token": access, "token_type": "Bearer"}
	if s.file.Token.Lifetime == 0 {
		tokens["expires_in"] = int(s.cfg.Life / time.Second)
	}
	t.alter(tokens)
	writeJSON(w, http.StatusOK, tokens)
}

// exchangeAccess exchanges an access token for the next. It came with the lock of s held.
func (s *StandIn) exchangeAccess(w http.ResponseWriter, old string, t *Trouble) {
	i := slices.IndexFunc(s.grants, func(g *grant) bool { return !g.dead && g.exchangeable[old] })
	if i < 0 {
		s.mu.Unlock()
		s.refuseDead(w)
		return
	}
	g := s.grants[i]
	s.renewed++
	s.mu.Unlock()
	s.grantTokens(w, g, Refresh, false, t.alter, t)
}

// introduce writes into the way back who a person is, where that alone says it.
func (s *StandIn) introduce(out url.Values, person string) {
	nested := fields{}
	for _, what := range []string{"name", "picture"} {
		for i, path := range strings.Split(s.file.Shapes.CallbackProfile[what], "+") {
			if path != "" {
				put(nested, path, s.part(what, person, i))
			}
		}
	}
	for name, v := range nested {
		if text := text(v); text != "" {
			out.Set(name, text)
			continue
		}
		if data, err := json.Marshal(v); err == nil {
			out.Set(name, string(data))
		}
	}
}

func (s *StandIn) part(what, person string, i int) string {
	if what == "picture" {
		return picture(person)
	}
	if words := strings.Fields(fullName(person)); strings.Contains(s.file.Shapes.CallbackProfile[what], "+") && i < len(words) {
		return words[i]
	}
	return fullName(person)
}

// introduced is what bff should make of that.
func (s *StandIn) introduced(what, person string) string {
	if a := s.cfg.Answers; a != nil && a.Callback != "" && !strings.Contains(a.Callback, "user=") {
		return ""
	}
	var parts []string
	for i := range strings.Split(s.file.Shapes.CallbackProfile[what], "+") {
		parts = append(parts, s.part(what, person, i))
	}
	return strings.Join(parts, " ")
}

func fullName(person string) string { return strings.ToUpper(person[:1]) + person[1:] + " Example" }

func picture(person string) string { return "https://pictures.example/" + person + ".png" }

// sign signs the way back, as the file's hooks check it.
func (s *StandIn) sign(out url.Values) {
	if !slices.Contains(s.file.Shapes.Hooks, providers.HookShopifyHMAC) {
		return
	}
	mac := hmac.New(sha256.New, []byte(ClientSecret))
	_, _ = mac.Write([]byte(out.Encode()))
	out.Set("hmac", hex.EncodeToString(mac.Sum(nil)))
}

// known reports whether somebody's account has that id.
func (s *StandIn) known(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return subject != "" && slices.ContainsFunc(s.grants, func(g *grant) bool { return s.Account(g.person).Subject == subject })
}
