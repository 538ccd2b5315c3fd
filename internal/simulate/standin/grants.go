package standin

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth/providers"
)

const (
	tokenPrefix = "at-" // of access tokens
	typedPrefix = "ak-" // of keys that people type
)

// Key is what a person types at a provider whose accounts are linked by an API key, and the password at one with a
// password.
func Key(person string) string { return typedPrefix + person + "-0123456789abcdef" }

// Grants keeps what a stand-in has issued: codes, tokens, and the consents behind them.
type Grants struct {
	*played
	shape *shape

	mu       sync.Mutex
	codes    map[string]*code
	short    map[string]*grant // by tokens that are only good for being exchanged
	list     []*grant
	issued   []string // every secret that was made
	renewed  int
	revoked  int
	consents map[string]bool // people who consented before
}

// A code is one authorization.
type code struct {
	choice    Choice
	scopes    []string
	nonce     string
	challenge string
	method    string // of the challenge
	refresh   bool   // it brings a refresh token
	used      bool
}

// verifies is RFC 7636 section 4.6.
func (c *code) verifies(verifier string) bool {
	if c.challenge == "" {
		return verifier == ""
	}
	if c.method == providers.PKCEPlain {
		return verifier == c.challenge
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

// newGrant is a grant without tokens.
func newGrant(person string, scopes []string) *grant {
	return &grant{person: person, scopes: scopes, access: map[string]time.Time{}, live: map[string]bool{},
		used: map[string]time.Time{}, exchangeable: map[string]bool{}}
}

// made keeps a secret that was made.
func (s *Grants) made(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued = append(s.issued, secret)
}

// isRenewal says whether a request spends a refresh token.
func (s *Grants) isRenewal(in request) bool {
	return in.form.Get("grant_type") == cmp.Or(s.file.Token.RefreshParams["grant_type"], "refresh_token")
}

// grantOf finds the grant of a refresh token. s.mu is held.
func (s *Grants) grantOf(token string) *grant {
	i := slices.IndexFunc(s.list, func(g *grant) bool { _, used := g.used[token]; return g.live[token] || used })
	if i < 0 {
		return nil
	}
	return s.list[i]
}

// owner is whose refresh token or access token a request carries.
func (s *Grants) owner(in request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	in = in.renamed(s.shape.tokenNames(Refresh))
	if g := s.grantOf(in.form.Get("refresh_token")); g != nil {
		return g.person
	}
	if g := s.holder(in.bearer()); g != nil {
		return g.person
	}
	token := in.form.Get("refresh_token")
	if i := slices.IndexFunc(s.list, func(g *grant) bool { return g.exchangeable[token] }); i >= 0 {
		return s.list[i].person
	}
	if c := s.codes[in.form.Get("code")]; c != nil {
		return c.choice.Person
	}
	return ""
}

// holder finds the grant of an access token that is good now. s.mu is held.
func (s *Grants) holder(access string) *grant {
	i := slices.IndexFunc(s.list, func(g *grant) bool { return !g.dead && s.cfg.Now().Before(g.access[access]) })
	if i < 0 {
		return nil
	}
	return s.list[i]
}

// newTokens makes an access token and, where it is wanted, a refresh token.
func (s *Grants) newTokens(g *grant, refresh bool) (access, renewal string) {
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

// personOf is whose a token is: one that was issued, or one that a person types.
func (s *Grants) personOf(token string) string {
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

// hasRefresh says whether there is a refresh token beside an access token. s.mu is held.
func (s *Grants) hasRefresh(access string) bool {
	g := s.holder(access)
	return g != nil && len(g.live) > 0
}

// isShort reports whether a request carries a token that is good for being exchanged.
func (s *Grants) isShort(in request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range s.file.Shapes.LongLivedParams {
		if value == "{access_token}" && s.short[in.form.Get(name)] != nil {
			return true
		}
	}
	return false
}

// bringsRefresh says whether a code brings a refresh token: always, but where the file has parameters that make the
// provider issue one again, only at a person's first consent and with those. s.mu is held.
func (s *Grants) bringsRefresh(person string, q url.Values) bool {
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

// typed is whose a typed credential is.
func (s *Grants) typed(token string) (person string, ok bool) {
	if s.file.Auth == "basic" {
		plain, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return "", false
		}
		user, password, _ := strings.Cut(string(plain), ":")
		return user, user != "" && password == Key(user) && s.accepts(user)
	}
	person, ok = strings.CutPrefix(token, typedPrefix)
	person, _, _ = strings.Cut(person, "-")
	return person, ok && s.file.Auth != "" && token == Key(person) && s.accepts(person)
}

// accepts says whether a person's key was not revoked.
func (s *Grants) accepts(person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.consents["revoked "+person]
}

// RevokeKey has the provider refuse a person's key from now on, or take it again.
func (s *Grants) RevokeKey(person string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consents["revoked "+person] = revoked
}

// authorize keeps a code.
func (s *Grants) authorize(value string, c *code, q url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.refresh = s.bringsRefresh(c.choice.Person, q)
	s.codes[value] = c
}

// redeem takes a code, once; nil where it is not good.
func (s *Grants) redeem(form url.Values) (*code, *grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.codes[form.Get("code")]
	if c == nil || c.used || form.Get("redirect_uri") != s.cfg.Redirect || !c.verifies(form.Get("code_verifier")) {
		return nil, nil
	}
	c.used = true
	g := newGrant(c.choice.Person, c.scopes)
	g.nonce, g.claims = c.nonce, c.choice.Claims
	s.list = append(s.list, g)
	return c, g
}

// renew takes a refresh token; nil where it is not good. One that was replaced ends its grant when it comes again, but
// for the leeway that the file gives it.
func (s *Grants) renew(old string) *grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grantOf(old)
	if g == nil {
		return nil
	}
	if g.dead || !g.live[old] && s.cfg.Now().Sub(g.used[old]) >= s.file.Token.ReuseLeeway {
		g.end()
		return nil
	}
	if s.shape.rotates() {
		delete(g.live, old)
		g.used[old] = s.cfg.Now()
	}
	s.renewed++
	return g
}

// exchange takes an access token that is exchanged for the next; nil where it is not good.
func (s *Grants) exchange(old string) *grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(g *grant) bool { return !g.dead && g.exchangeable[old] })
	if i < 0 {
		return nil
	}
	s.renewed++
	return s.list[i]
}

// obtain gives the application a grant of its own.
func (s *Grants) obtain() *grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := newGrant(Application, s.file.Scopes)
	s.list = append(s.list, g)
	s.renewed++
	return g
}

// shorten makes a token that is only good for being exchanged; lengthen takes it, nil where it is not good.
func (s *Grants) shorten(g *grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	short := "short-" + rand.Text() + rand.Text()
	s.short[short] = g
	s.issued = append(s.issued, short)
	return short
}

func (s *Grants) lengthen(short string) *grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.short[short]
	delete(s.short, short)
	return g
}

// revoke ends the grant of a token, and is false where the file wants the other one of its tokens.
func (s *Grants) revoke(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grantOf(token)
	wanted := s.file.Revocation.Token
	if g != nil && wanted == "access" || g == nil && wanted != "access" && s.holder(token) != nil && s.hasRefresh(token) {
		return false
	}
	if g == nil {
		g = s.holder(token)
	}
	if g != nil && !g.dead {
		g.end()
		s.revoked++
	}
	return true
}

// Secrets are every credential that was made.
func (s *Grants) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}

// Renewals counts the refreshes that were granted.
func (s *Grants) Renewals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewed
}

// Revocations counts the grants that were revoked.
func (s *Grants) Revocations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked
}

// ExpireAll ends every access token.
func (s *Grants) ExpireAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.list {
		clear(g.access)
	}
}

// RevokeAll ends every grant, as somebody does on the provider's own pages.
func (s *Grants) RevokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.list {
		g.end()
	}
}

// somebody reports whether a person with a grant is the one that is meant.
func (s *Grants) somebody(meant func(person string) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.list, func(g *grant) bool { return meant(g.person) })
}
