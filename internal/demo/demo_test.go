package demo_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"bff/internal/demo"
	"bff/internal/demo/provider"
)

const origin = "http://127.0.0.1:9"

// start runs a demo for one test.
func start(t *testing.T, change func(*demo.Config)) *demo.Demo {
	t.Helper()
	cfg := demo.Config{Origin: origin}
	if change != nil {
		change(&cfg)
	}
	d, err := demo.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func withHabits(change func(*provider.Habits)) func(*demo.Config) {
	return func(c *demo.Config) {
		h := provider.Google()
		change(&h)
		c.Habits = &h
	}
}

// A client is the relying party: golang.org/x/oauth2 and go-oidc, which know nothing of the demo.
type client struct {
	t        *testing.T
	d        *demo.Demo
	http     *http.Client
	provider *oidc.Provider
	oauth2.Config
}

func newClient(t *testing.T, d *demo.Demo, scopes ...string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Client{
		Jar:       jar,
		Transport: &http.Transport{},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), d.Issuer+"/") { // from one page of the provider to the next
				return nil
			}
			return http.ErrUseLastResponse
		},
	}
	t.Cleanup(h.CloseIdleConnections)
	p, err := oidc.NewProvider(oidc.ClientContext(context.Background(), h), d.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Endpoint()
	e.AuthStyle = oauth2.AuthStyleInParams
	return &client{
		t:        t,
		d:        d,
		http:     h,
		provider: p,
		Config: oauth2.Config{ClientID: d.ClientID, ClientSecret: d.ClientSecret, Endpoint: e,
			RedirectURL: origin + "/bff/callback/demo", Scopes: append([]string{"openid", "email", "profile"}, scopes...)},
	}
}

func (c *client) ctx() context.Context { return oidc.ClientContext(context.Background(), c.http) }

// An attempt is what the client remembers between going and coming back.
type attempt struct{ url, state, nonce, verifier string }

func (c *client) attempt(params ...string) attempt {
	a := attempt{state: oauth2.GenerateVerifier(), nonce: oauth2.GenerateVerifier(), verifier: oauth2.GenerateVerifier()}
	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier), oidc.Nonce(a.nonce)}
	for i := 0; i < len(params); i += 2 {
		opts = append(opts, oauth2.SetAuthURLParam(params[i], params[i+1]))
	}
	a.url = c.AuthCodeURL(a.state, opts...)
	return a
}

// signIn goes the short way: no browser.
func (c *client) signIn(person string, params ...string) *oauth2.Token {
	c.t.Helper()
	a := c.attempt(append([]string{"access_type", "offline"}, params...)...)
	back, err := c.d.Approve(a.url, person)
	if err != nil {
		c.t.Fatal(err)
	}
	tok, err := c.exchange(a, back)
	if err != nil {
		c.t.Fatal(err)
	}
	return tok
}

func (c *client) exchange(a attempt, back string) (*oauth2.Token, error) {
	return c.Exchange(c.ctx(), query(c.t, back).Get("code"), oauth2.VerifierOption(a.verifier))
}

func (c *client) refresh(token string) (*oauth2.Token, error) {
	return c.TokenSource(c.ctx(), &oauth2.Token{RefreshToken: token}).Token()
}

// call asks the API and returns status and body.
func (c *client) call(address, token string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return c.do(r)
}

func (c *client) do(r *http.Request) (*http.Response, string) {
	c.t.Helper()
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(b)
}

func (c *client) get(address string) (*http.Response, string) { return c.call(address, "") }

func (c *client) post(address string, form url.Values) (*http.Response, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(r)
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

var flowField = regexp.MustCompile(`name="flow" value="([^"]+)"`)

func flowOf(t *testing.T, page string) string {
	t.Helper()
	m := flowField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no form of a flow:\n%s", page)
	}
	return m[1]
}

func TestSignInThroughThePages(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	a := c.attempt("access_type", "offline")
	_, page := c.get(a.url)
	_, page = c.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(t, page)}, "person": {"ada"}})
	resp, _ := c.post(
		d.Issuer+"/o/oauth2/v2/consent",
		url.Values{"flow": {flowOf(t, page)}, "scope": {provider.ScopeCalendarReadonly}, "allow": {"1"}},
	)
	back := query(t, resp.Header.Get("Location"))
	if resp.StatusCode != http.StatusSeeOther || back.Get("state") != a.state || back.Get("iss") != d.Issuer {
		t.Fatalf("the way back is %d %v", resp.StatusCode, back)
	}
	tok, err := c.exchange(a, resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tok.Extra("id_token").(string)
	id, err := c.provider.Verifier(&oidc.Config{ClientID: d.ClientID}).Verify(c.ctx(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Email string `json:"email"`
		Name  string `json:"name"`
		SID   string `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != a.nonce || id.VerifyAccessToken(tok.AccessToken) != nil || claims.Email != "ada@example.com" ||
		claims.Name != "Ada Lovelace" ||
		claims.SID == "" {
		t.Errorf("the ID token says %+v", claims)
	}
	if resp, body := c.call(d.APIURL+"/users/me/calendarList", tok.AccessToken); resp.StatusCode != http.StatusOK ||
		!strings.Contains(body, "ada@example.com") {
		t.Errorf("the calendar answers %d %s", resp.StatusCode, body)
	}
}
