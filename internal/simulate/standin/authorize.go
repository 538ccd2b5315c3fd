package standin

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kinds of authorization requests, as the person who starts them means them.
const (
	SignIn  = "sign-in"
	Connect = "connect"
	Consent = "consent" // a sign-in once more, for a refresh token
	Repair  = "repair"  // both: a dead connection is linked anew
)

// A Choice is what a person does on the provider's page.
type Choice struct {
	Person string
	Only   []string         // scopes that are allowed; all that were asked for when nil
	Error  string           // sent back instead of a code
	Change func(url.Values) // alters the way back
	Claims func(claims)     // alters the ID token that the code brings
	Fields func(fields)     // alters the answer that the code brings
}

type (
	claims = map[string]any
	fields = map[string]any
)

// A code is one authorization.
type code struct {
	choice    Choice
	scopes    []string
	nonce     string
	challenge string
	refresh   bool // it brings a refresh token
	used      bool
}

// A WayBack is where the provider sends the browser.
type WayBack struct {
	Query url.Values
	Form  bool // by a form that posts itself (OAuth 2.0 Form Post Response Mode)
}

// Authorize plays a person at the authorization endpoint. The error is what its page would say.
func (s *StandIn) Authorize(address, kind string, choice Choice) (WayBack, error) {
	u, err := url.Parse(address)
	if err != nil {
		return WayBack{}, s.unable("the address does not parse")
	}
	q := s.standardNames(u.Query())
	s.mu.Lock()
	s.asked[kind] = q
	s.mu.Unlock()
	scopes, why := s.readAuthorization(u, q, kind)
	if why != "" {
		return WayBack{}, s.unable(why)
	}
	if choice.Only == nil {
		choice.Only = scopes
	}
	out := url.Values{"state": {q.Get("state")}}
	if iss := s.callbackIssuer(); iss != "" {
		out.Set("iss", iss)
	}
	if choice.Error != "" {
		out.Set("error", choice.Error)
	} else {
		s.addCode(out, q, choice)
	}
	if choice.Change != nil {
		choice.Change(out)
	}
	s.sign(out)
	return WayBack{Query: out, Form: q.Get("response_mode") == "form_post"}, nil
}

func (s *StandIn) unable(why string) error {
	s.note(why)
	return fmt.Errorf("the provider's page says: %s", why)
}

// addCode makes a code and puts it, with what the file says of the way back, into the query.
func (s *StandIn) addCode(out, q url.Values, choice Choice) {
	value := "code-" + rand.Text()
	if a := s.cfg.Answers; a != nil && a.Callback != "" {
		recorded, _ := url.ParseQuery(a.callback())
		for name, values := range recorded {
			switch name {
			case "state", "iss", "hmac":
			case s.file.Shapes.Code():
				out.Set(name, value)
			default: // as it was recorded, one that goes by another name than `code` too
				out[name] = values
			}
		}
		if !recorded.Has(s.file.Shapes.Code()) { // it goes by another name than the file's
			value = recorded.Get("code") + recorded.Get("auth_code") + recorded.Get("authorization_code")
		}
	} else {
		s.callbackOf(out, value, choice.Person, choice.Only)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[value] = &code{choice: choice, scopes: choice.Only, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		refresh: s.bringsRefresh(choice.Person, q)}
}

// callbackOf is the way back as the file has it.
func (s *StandIn) callbackOf(out url.Values, value, person string, scopes []string) {
	out.Set(s.file.Shapes.Code(), value)
	if s.file.Authorization.GrantedScopes == "callback" {
		out.Set(cmp.Or(s.file.Shapes.GrantedParam, "scope"), s.joinScopes(scopes))
	}
	s.introduce(out, person)
}

// bringsRefresh says whether a code brings a refresh token: always, but where the file has parameters that make the
// provider issue one again, only at a person's first consent and with those. s.mu is held.
func (s *StandIn) bringsRefresh(person string, q url.Values) bool {
	again := s.file.Authorization.ConsentParams
	first := !s.consents[person]
	s.consents[person] = true
	return first || len(again) == 0 || hasAll(q, again)
}

func hasAll(q url.Values, params map[string]string) bool {
	for name, value := range params {
		if q.Get(name) != value {
			return false
		}
	}
	return true
}

// callbackIssuer is the `iss` of the way back, "" where there is none.
func (s *StandIn) callbackIssuer() string {
	if s.file.CallbackIssuer != "" {
		return s.file.CallbackIssuer
	}
	return s.file.Issuer
}

// readAuthorization compares a request with what the file says of it. why is what is wrong.
func (s *StandIn) readAuthorization(u *url.URL, q url.Values, kind string) (scopes []string, why string) {
	a, id := &s.file.Authorization, "client_id"
	if s.file.Client.IDParam != "" {
		id = s.file.Client.IDParam
	}
	switch {
	case !s.matches(s.urls[Authorization], u.Host, u):
		return nil, "there is no page at " + u.Host + u.Path
	case q.Get(id) != ClientID:
		return nil, "the parameter " + id + " is not the client's"
	case q.Get("redirect_uri") != s.cfg.Redirect:
		return nil, "the redirect URI is not registered"
	case q.Get("response_type") != cmp.Or(a.ResponseType, "code") || q.Get("state") == "":
		return nil, "response_type or state is missing"
	case a.PKCE == "off" && q.Has("code_challenge"):
		return nil, "code_challenge is not known here"
	case a.PKCE != "off" && (q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43):
		return nil, "code_challenge is missing"
	}
	if why := s.missingParam(q, kind); why != "" {
		return nil, why
	}
	return s.readScopes(q)
}

// missingParam names a parameter of the file, or of a recorded request, that is not sent.
func (s *StandIn) missingParam(q url.Values, kind string) string {
	a := &s.file.Authorization
	wanted := []map[string]string{a.Params}
	if kind == Connect || kind == Repair {
		wanted = append(wanted, a.ConnectParams)
	}
	if kind == Consent || kind == Repair {
		wanted = append(wanted, a.ConsentParams)
	}
	for i, params := range wanted {
		for name, value := range params {
			if i == 0 && (a.ConsentParams[name] == q.Get(name) || a.ConnectParams[name] == q.Get(name)) && q.Has(name) {
				continue // laid over it
			}
			if q.Get(name) != value && !(name == "prompt" && i < 2) {
				return "the parameter " + name + "=" + value + " is missing"
			}
		}
	}
	for name := range s.recordedRequest() {
		if !q.Has(name) {
			return "the parameter " + name + " of the recorded request is missing"
		}
	}
	return ""
}

// recordedRequest are the parameters of a recorded authorization request that every one of this provider has.
func (s *StandIn) recordedRequest() url.Values {
	if s.cfg.Answers == nil || s.cfg.Answers.Authorization == "" {
		return nil
	}
	u, err := url.Parse(s.cfg.Answers.Authorization)
	if err != nil {
		return nil
	}
	q := u.Query()
	for _, optional := range []string{"nonce", "prompt", "login_hint", "code_challenge", "code_challenge_method", "access_type",
		"include_granted_scopes", "response_mode"} {
		q.Del(optional)
	}
	return q
}

// recordedAddress has a recorded request say where the authorization endpoint is, and what stands between scopes.
func (s *StandIn) recordedAddress() {
	if s.cfg.Answers == nil || s.cfg.Answers.Authorization == "" {
		return
	}
	u, err := url.Parse(s.cfg.Answers.Authorization)
	if err != nil || u.Host == "" {
		return
	}
	f, param := *s.file, "scope"
	if f.Authorization.ScopeParam != "" {
		param = f.Authorization.ScopeParam
	}
	if i := strings.IndexAny(u.Query().Get(param), " ,;|+"); i > 0 {
		f.Authorization.ScopeSeparator = u.Query().Get(param)[i : i+1]
	}
	if f.Authorization.URL != "" {
		u.RawQuery, u.Fragment = "", ""
		f.Authorization.URL = u.String()
	}
	s.file = &f
}

// readScopes splits the scopes that are asked for, each of which must be known.
func (s *StandIn) readScopes(q url.Values) (scopes []string, why string) {
	a := &s.file.Authorization
	param, separator := "scope", " "
	if a.ScopeParam != "" {
		param = a.ScopeParam
	}
	if a.ScopeSeparator != "" {
		separator = a.ScopeSeparator
	}
	known := map[string]bool{}
	for _, name := range s.knownScopes() {
		known[s.sameScope(name)] = true
	}
	for one := range strings.SplitSeq(q.Get(param), separator) {
		switch {
		case one == "":
		case !known[s.sameScope(one)]:
			return nil, "the scope `" + one + "` is not known"
		default:
			scopes = append(scopes, one)
		}
	}
	if len(scopes) == 0 && len(s.file.Scopes) > 0 {
		return nil, "the parameter " + param + " is missing"
	}
	return scopes, ""
}

// sameScope is the one form of a scope's name: with the prefix or without, in one case.
func (s *StandIn) sameScope(name string) string {
	prefix := s.file.ScopePrefix
	if s.file.ScopeFold {
		name, prefix = strings.ToLower(name), strings.ToLower(prefix)
	}
	return strings.TrimPrefix(name, prefix)
}

// knownScopes are those of the file, what implies them, and one more.
func (s *StandIn) knownScopes() []string {
	known := append(slices.Clone(s.file.Scopes), ExtraScope)
	for of, implied := range s.file.ScopeImplies {
		known = append(append(known, of), implied...)
	}
	if a := s.cfg.Answers; a != nil && a.Token != nil { // what was granted can be asked for
		known = append(known, scopesIn(a.Token.Body)...)
	}
	return known
}

// scopesIn are the scopes of a recorded answer, wherever they stand.
func scopesIn(body any) (all []string) {
	m, _ := plain(body).(map[string]any)
	for name, v := range m {
		list, _ := v.([]any)
		switch {
		case name != "scope" && name != "scopes" && name != "permissions":
			all = append(all, scopesIn(v)...)
		case list != nil:
			for _, one := range list {
				all = append(all, text(one))
			}
		default:
			all = append(all, strings.FieldsFunc(text(v), func(r rune) bool { return strings.ContainsRune(" ,;|+", r) })...)
		}
	}
	return all
}

// joinScopes are granted scopes as an answer names them: by their aliases, with the prefix, in another case, and
// without those that are never repeated.
func (s *StandIn) joinScopes(scopes []string) string {
	separator := " "
	if s.file.Authorization.ScopeSeparator != "" {
		separator = s.file.Authorization.ScopeSeparator
	}
	var out []string
	for _, one := range scopes {
		if slices.Contains(s.file.ScopesNotEchoed, one) {
			continue
		}
		if alias := s.aliasOf(one); alias != "" {
			out = append(out, alias)
			continue
		}
		if s.file.ScopeFold {
			one = strings.ToUpper(one)
		}
		if p := s.file.ScopePrefix; p != "" && !strings.Contains(one, "://") {
			one = p + one
		}
		out = append(out, one)
	}
	return strings.Join(out, separator)
}

func (s *StandIn) aliasOf(scope string) string {
	for granted, asked := range s.file.ScopeAliases {
		if asked == scope {
			return granted
		}
	}
	return ""
}

// verifies is RFC 7636 section 4.6.
func (c *code) verifies(verifier string) bool {
	if c.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == c.challenge
}

// A grant is what one code brought.
type grant struct {
	person string
	scopes []string
	nonce  string
	access map[string]time.Time // and when it ends
	live   map[string]bool      // refresh tokens
	used   map[string]time.Time // refresh tokens that were replaced, and when
	dead   bool
	claims func(claims)

	exchangeable map[string]bool // access tokens that were given for it, where they are exchanged for the next
}

func (g *grant) end() {
	g.dead = true
	clear(g.access)
	clear(g.exchangeable)
}
