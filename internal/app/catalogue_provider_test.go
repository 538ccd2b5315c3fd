package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"bff/internal/oauth/providers"
)

// A catalogue plays every built-in provider at one host, each below its name, in the shape that its file describes
// and, where the test has one, with an answer of userinfo that was written down from its documentation. Its api is
// below /api/ of the name.
type catalogue struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey
	all map[string]providers.Config // by name, with addresses here

	mu     sync.Mutex
	nonces map[string]string // by code
	people map[string]string // by token or code
	dead   map[string]bool   // tokens
	wrong  []string          // what a request did that it must not
}

func newCatalogue(t *testing.T) *catalogue {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &catalogue{t: t, key: key, all: map[string]providers.Config{},
		nonces: map[string]string{}, people: map[string]string{}, dead: map[string]bool{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

// note records a mistake of a request.
func (c *catalogue) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// of is what a token or code stands for: the person, and whether it still works.
func (c *catalogue) of(token string) (person string, works bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	person, works = c.people[token]
	return person, works && !c.dead[token]
}

// kill ends every token of a person whose name begins so.
func (c *catalogue) kill(prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for token := range c.people {
		if strings.HasPrefix(token, prefix) {
			c.dead[token] = true
		}
	}
}

func (c *catalogue) serve(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p, ok := c.all[name]
	at := func(address string) bool {
		u, err := url.Parse(address)
		return address != "" && err == nil && u.Path == r.URL.Path
	}
	switch {
	case !ok:
		http.NotFound(w, r)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		answer(w, http.StatusOK, c.metadata(p))
	case strings.HasPrefix(rest, "api/me"):
		c.serveAPI(w, r, p)
	case rest == "keys" || at(p.JWKSURL):
		answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: c.key.Public(), KeyID: "k", Use: "sig"}}})
	case at(p.Token.URL) || at(p.Token.RefreshURL) || rest == "token":
		c.serveToken(w, r, p)
	case at(p.Userinfo.URL) || rest == "userinfo":
		c.serveUserinfo(w, r, p)
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// metadata is the discovery document of an OpenID Provider.
func (c *catalogue) metadata(p providers.Config) map[string]any {
	here := c.URL + "/" + p.Name
	return map[string]any{"issuer": p.Issuer, "authorization_endpoint": here + "/authorize", "token_endpoint": here + "/token",
		"userinfo_endpoint": here + "/userinfo", "jwks_uri": here + "/keys", "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}}
}

// serveAPI is an api that takes the access tokens of its provider.
func (c *catalogue) serveAPI(w http.ResponseWriter, r *http.Request, p providers.Config) {
	person, works := c.of(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if !works || !strings.HasPrefix(person, p.Name+"-") {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answer(w, http.StatusUnauthorized, map[string]any{})
		return
	}
	answer(w, http.StatusOK, map[string]any{"person": person})
}

// parameters reads a token request in the form that the provider wants, and notes what it does not.
func (c *catalogue) parameters(r *http.Request, p providers.Config) url.Values {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	form, err := url.ParseQuery(string(body))
	if p.Token.Body == "json" {
		var fields map[string]string
		err = json.Unmarshal(body, &fields)
		form = url.Values{}
		for k, v := range fields {
			form.Set(k, v)
		}
	}
	if err != nil {
		c.note("%s: a token request is no %q: %v", p.Name, p.Token.Body, err)
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		idParam := "client_id"
		if p.Client.IDParam != "" {
			idParam = p.Client.IDParam
		}
		id, secret = form.Get(idParam), form.Get("client_secret")
	}
	want, public := "secret", p.Client.Auth == providers.NoClientAuth
	if public {
		want = ""
	}
	if id != "id-"+p.Name || secret != want || public && form.Has("client_secret") || p.Client.Auth != "" && basic != (p.Client.Auth == "client_secret_basic") {
		c.note("%s: the client authenticates as %q, basic: %v, and its file says %q", p.Name, id, basic, p.Client.Auth)
	}
	params := p.Token.Params
	if form.Get("grant_type") == "refresh_token" && len(p.Token.RefreshParams) > 0 {
		params = p.Token.RefreshParams
	}
	for k, v := range params {
		if !strings.Contains(v, "{") && form.Get(k) != v {
			c.note("%s: a token request lacks %s", p.Name, k)
		}
	}
	for k, v := range p.Token.Headers {
		if r.Header.Get(k) != v {
			c.note("%s: a token request lacks the header %s", p.Name, k)
		}
	}
	return form
}

// serveToken is the token endpoint: a code, or a refresh. What is refused is refused in the provider's own words.
func (c *catalogue) serveToken(w http.ResponseWriter, r *http.Request, p providers.Config) {
	form := c.parameters(r, p)
	code := form.Get("code") + form.Get("refresh_token")
	person, works := c.of(code)
	if !works {
		status, body, _ := refusal(p)
		answer(w, status, body)
		return
	}
	c.mu.Lock()
	nonce := c.nonces[form.Get("code")]
	n := len(c.people)
	access, refresh := fmt.Sprintf("%s-at%d", person, n), fmt.Sprintf("%s-rt%d", person, n)
	c.people[access], c.people[refresh] = person, person
	c.mu.Unlock()
	tokens := map[string]any{"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600}
	top := map[string]any{}
	if form.Get("code") != "" { // who it is comes with the first tokens
		if p.Userinfo.URL == "" && p.Issuer == "" {
			describe(top, p, person)
		}
		if p.Issuer != "" {
			tokens["id_token"] = c.idToken(p, person, nonce)
		}
	}
	if p.Token.Path == "" {
		for k, v := range tokens {
			top[k] = v
		}
	} else {
		for k, v := range tokens {
			put(top, p.Token.Path+"."+k, v)
		}
	}
	answer(w, http.StatusOK, top)
}

func (c *catalogue) idToken(p providers.Config, person, nonce string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: c.key, KeyID: "k"}}, nil)
	if err != nil {
		c.note("%s: %v", p.Name, err)
		return ""
	}
	now := time.Now().Unix()
	payload, _ := json.Marshal(map[string]any{"iss": p.Issuer, "sub": person, "aud": "id-" + p.Name, "nonce": nonce, "iat": now,
		"exp": now + 600, "name": "Ada", "email": "ada@example.com", "email_verified": true})
	signed, err := signer.Sign(payload)
	if err != nil {
		c.note("%s: %v", p.Name, err)
		return ""
	}
	text, _ := signed.CompactSerialize()
	return text
}

func (c *catalogue) serveUserinfo(w http.ResponseWriter, r *http.Request, p providers.Config) {
	header, scheme := "Authorization", "Bearer "
	if p.Userinfo.TokenHeader != "" {
		header, scheme = p.Userinfo.TokenHeader, ""
	}
	if p.Userinfo.TokenScheme != "" {
		scheme = p.Userinfo.TokenScheme + " "
	}
	token, found := strings.CutPrefix(r.Header.Get(header), scheme)
	person, works := c.of(token)
	method := http.MethodGet
	if p.Userinfo.Method != "" {
		method = p.Userinfo.Method
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if !found || !works || r.Method != method || p.Userinfo.Body != "" && string(body) != p.Userinfo.Body {
		c.note("%s: userinfo was asked by %s with %q", p.Name, r.Method, body)
	}
	for k, v := range p.Userinfo.Headers {
		if r.Header.Get(k) != strings.ReplaceAll(v, "{client_id}", "id-"+p.Name) {
			c.note("%s: userinfo was asked without the header %s", p.Name, k)
		}
	}
	fields := map[string]any{}
	describe(fields, p, person)
	if first, list := fields["0"]; list {
		answer(w, http.StatusOK, []any{first})
		return
	}
	answer(w, http.StatusOK, fields)
}

// describe writes who somebody is to the places that the provider's file names.
func describe(top map[string]any, p providers.Config, person string) {
	for _, path := range strings.Split(p.Userinfo.SubjectPath(), "+") {
		put(top, path, person)
	}
	for claim, path := range p.Userinfo.Profile {
		if path != p.Userinfo.SubjectPath() && !strings.Contains(path, ".0") {
			put(top, path, map[string]any{"email_verified": true, "picture": "https://p.example/p"}[claim])
		}
	}
}

// put writes a value to a path of objects and lists.
func put(top map[string]any, path string, v any) {
	keys := strings.Split(strings.TrimPrefix(path, "$."), ".")
	for i, key := range keys[:len(keys)-1] {
		if keys[i+1] == "0" { // a list of one
			next := map[string]any{}
			top[key] = []any{next}
			if i+2 == len(keys) {
				top[key] = []any{v}
				return
			}
			put(next, strings.Join(keys[i+2:], "."), v)
			return
		}
		next, _ := top[key].(map[string]any)
		if next == nil {
			next = map[string]any{}
			top[key] = next
		}
		top = next
	}
	top[keys[len(keys)-1]] = v
}

// refusal is how the provider refuses a refresh of a dead grant, and the reason that people are given.
func refusal(p providers.Config) (status int, body map[string]any, reason string) {
	body = map[string]any{}
	codeAt := "error"
	if p.Token.ErrorField != "" {
		codeAt = p.Token.ErrorField
	}
	if len(p.Token.RefusedRefresh) > 0 {
		r := p.Token.RefusedRefresh[0]
		status = r.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		if r.Code != "" {
			put(body, codeAt, r.Code)
		}
		if r.Description != "" {
			put(body, "error_description", "The "+strings.ToUpper(r.Description)+" is no more.")
		}
		if r.Path != "" {
			put(body, r.Path, r.Value)
		}
		return status, body, r.Reason
	}
	codes := make([]string, 0, len(p.Token.GrantErrors))
	for code := range p.Token.GrantErrors {
		codes = append(codes, code)
	}
	if len(codes) == 0 {
		put(body, codeAt, "invalid_grant")
		return http.StatusBadRequest, body, "revoked"
	}
	slices.Sort(codes)
	put(body, codeAt, codes[0])
	return http.StatusBadRequest, body, p.Token.GrantErrors[codes[0]]
}

// code is a fresh authorization code of a person.
func (c *catalogue) code(person, nonce string) string {
	b := make([]byte, 9)
	_, _ = rand.Read(b)
	code := person + "-code" + base64.RawURLEncoding.EncodeToString(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.people[code], c.nonces[code] = person, nonce
	return code
}
