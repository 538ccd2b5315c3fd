package demo_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/demo"
	"bff/internal/demo/provider"
)

// raw makes a token call as form and returns the answer as it is.
func (c *client) raw(form url.Values) (*http.Response, string) {
	form.Set("client_id", c.d.ClientID)
	form.Set("client_secret", c.d.ClientSecret)
	return c.post(c.d.Issuer+"/token", form)
}

// plain is a client for providers without discovery.
func plain(t *testing.T, d *demo.Demo) *client {
	t.Helper()
	return &client{
		t: t,
		d: d,
		http: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Config: oauth2.Config{
			ClientID:     d.ClientID,
			ClientSecret: d.ClientSecret,
			RedirectURL:  origin + "/bff/callback/demo",
			Scopes:       []string{"openid", "email"},
			Endpoint: oauth2.Endpoint{
				AuthURL:   d.Issuer + "/o/oauth2/v2/auth",
				TokenURL:  d.Issuer + "/token",
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
	}
}

// issue gives tokens without a flow.
func issue(t *testing.T, d *demo.Demo, scopes ...string) provider.Tokens {
	t.Helper()
	tokens, ok := d.Issue("ada", scopes...)
	if !ok {
		t.Fatal("ada is unknown")
	}
	return tokens
}

// Each habit of the answers, as the bytes on the wire.
func TestShapesOfTokenAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		habits provider.Habits
		want   []string
		lacks  []string
	}{
		"plain": {provider.Habits{}, []string{`"expires_in":29`, `"scope":"openid a"`, `"token_type":"Bearer"`},
			[]string{"refresh_token", "id_token"}},
		"expires_in as a string":    {provider.Habits{ExpiresIn: provider.ShapeString}, []string{`"expires_in":"29"`}, nil},
		"expires_in as a float":     {provider.Habits{ExpiresIn: provider.ShapeFloat}, []string{`"expires_in":29.0`}, nil},
		"no expires_in":             {provider.Habits{ExpiresIn: provider.ShapeAbsent}, nil, []string{"expires"}},
		"expires_at":                {provider.Habits{ExpiresIn: provider.ShapeExpiresAt}, []string{`"expires_at":1`}, []string{"expires_in"}},
		"scope as an array":         {provider.Habits{ScopeShape: provider.ShapeArray}, []string{`"scope":["openid","a"]`}, nil},
		"scope with commas":         {provider.Habits{ScopeShape: provider.ShapeComma}, []string{`"scope":"openid,a"`}, nil},
		"no scope":                  {provider.Habits{ScopeShape: provider.ShapeAbsent}, nil, []string{`"scope"`}},
		"another token type":        {provider.Habits{TokenType: "bot"}, []string{`"token_type":"bot"`}, nil},
		"an ID token with refreshs": {provider.Habits{IDTokenAlways: true}, []string{`"id_token":"ey`}, nil},
		"rotation":                  {provider.Habits{Rotate: true}, []string{`"refresh_token":"1//`}, nil},
		"a refresh token that ends": {provider.Habits{Rotate: true, RefreshLifetime: time.Hour}, []string{`"refresh_token_expires_in":3600`}, nil},
		"further fields": {provider.Habits{Extra: map[string]any{"instance_url": "https://x.example"}}, []string{`"instance_url":"https://x.example"`},
			nil},
		"a form": {provider.Habits{Answer: provider.AnswerForm}, []string{"access_token=ya29.", "expires_in=29"}, []string{"{"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(c *demo.Config) { row.habits.AnyScope = true; c.Habits = &row.habits })
			c := plain(t, d)
			resp, body := c.raw(
				url.Values{"grant_type": {"refresh_token"}, "refresh_token": {issue(t, d, "openid", "a").Refresh}},
			)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("it answers %d %s", resp.StatusCode, body)
			}
			for _, want := range row.want {
				if !strings.Contains(body, want) {
					t.Errorf("the answer lacks %s: %s", want, body)
				}
			}
			for _, bad := range row.lacks {
				if strings.Contains(body, bad) {
					t.Errorf("the answer has %s: %s", bad, body)
				}
			}
		})
	}
}

func TestErrorsComeInTheShapeOfTheProvider(t *testing.T) {
	for name, row := range map[string]struct {
		errors string
		status int
		want   string
	}{
		"RFC 6749":              {"", 400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`},
		"with status 200":       {provider.ErrorWith200, 200, `"error":"invalid_grant"`},
		"an object (Facebook)":  {provider.ErrorObject, 400, `{"error":{"code":190,`},
		"ok: false (Slack)":     {provider.ErrorOK, 200, `{"error":"invalid_grant","ok":false}`},
		"a message (Twitch)":    {provider.ErrorMessage, 400, `{"message":"Token has been expired or revoked.","status":400}`},
		"an unknown value, too": {"?", 400, `"error":"invalid_grant"`},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, withHabits(func(h *provider.Habits) { h.Errors = row.errors }))
			resp, body := plain(t, d).raw(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"1//unknown"}})
			if resp.StatusCode != row.status || !strings.Contains(body, row.want) {
				t.Errorf("it answers %d %s", resp.StatusCode, body)
			}
		})
	}
}

func TestRotationHabits(t *testing.T) {
	now := time.Now()
	for name, row := range map[string]struct {
		habits      provider.Habits
		wait        time.Duration
		reuse, next bool // the first refresh token again; the newest after that
	}{
		"never rotates":                          {provider.Habits{}, 0, true, true},
		"rotates, and reuse kills":               {provider.Habits{Rotate: true}, 0, false, false},
		"rotates, and reuse is refused alone":    {provider.Habits{Rotate: true, ReuseSpares: true}, 0, false, true},
		"rotates, and the old one lives":         {provider.Habits{Rotate: true, OldRefreshLives: true}, 0, true, true},
		"rotates with a leeway, within":          {provider.Habits{Rotate: true, ReuseLeeway: time.Minute}, 59 * time.Second, true, true},
		"rotates with a leeway, after":           {provider.Habits{Rotate: true, ReuseLeeway: time.Minute}, 61 * time.Second, false, false},
		"never rotates, and has a last day, yet": {provider.Habits{RefreshLifetime: time.Minute}, 61 * time.Second, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			at := now
			d := start(t, func(c *demo.Config) { c.Habits = &row.habits; c.Now = func() time.Time { return at } })
			c := plain(t, d)
			first := issue(t, d, "openid")
			tok, err := c.refresh(first.Refresh)
			if err != nil {
				t.Fatal(err)
			}
			at = at.Add(row.wait)
			if _, err := c.refresh(first.Refresh); (err == nil) != row.reuse {
				t.Errorf("the first token again: %v", err)
			}
			if _, err := c.refresh(tok.RefreshToken); (err == nil) != row.next {
				t.Errorf("the newest token: %v", err)
			}
		})
	}
}

func TestARefreshCanEndTheOldAccessToken(t *testing.T) {
	d := start(t, withHabits(func(h *provider.Habits) { h.OldAccessDies = true }))
	c := plain(t, d)
	tokens := issue(t, d, provider.ScopeCalendarReadonly)
	if _, err := c.refresh(tokens.Refresh); err != nil {
		t.Fatal(err)
	}
	if resp, _ := c.call(d.APIURL+"/users/me/calendarList", tokens.Access); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old access token is answered %d", resp.StatusCode)
	}
}

func TestWhenARefreshTokenComes(t *testing.T) {
	for name, row := range map[string]struct {
		when   string
		scopes []string
		params []string
		want   bool
	}{
		"always":                        {provider.RefreshAlways, nil, nil, true},
		"never":                         {provider.RefreshNever, []string{"offline_access"}, []string{"access_type", "offline"}, false},
		"by scope, asked":               {provider.RefreshOnScope, []string{"offline_access"}, nil, true},
		"by scope, not asked":           {provider.RefreshOnScope, nil, []string{"access_type", "offline"}, false},
		"by consent, online":            {provider.RefreshOnConsent, nil, nil, false},
		"by consent, offline":           {provider.RefreshOnConsent, nil, []string{"access_type", "offline"}, true},
		"by default, as RFC 6749 hopes": {"", nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(c *demo.Config) { c.Habits = &provider.Habits{RefreshTokens: row.when} })
			c := plain(t, d)
			c.Scopes = append(c.Scopes, row.scopes...)
			a := c.attempt(row.params...)
			back, err := d.Approve(a.url, "ada")
			if err != nil {
				t.Fatal(err)
			}
			tok, err := c.exchange(a, back)
			if err != nil {
				t.Fatal(err)
			}
			if (tok.RefreshToken != "") != row.want {
				t.Errorf("a refresh token came: %v", tok.RefreshToken != "")
			}
		})
	}
}

func TestAProviderWithoutPKCERefusesIt(t *testing.T) {
	d := start(t, withHabits(func(h *provider.Habits) { h.PKCE = provider.PKCERejected }))
	c := plain(t, d)
	back, err := d.Approve(c.attempt().url, "ada")
	if err != nil || query(t, back).Get("error") != "invalid_request" {
		t.Errorf("it goes back with %s, %v", back, err)
	}
	back, err = d.Approve(c.AuthCodeURL("s"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exchange(c.ctx(), query(t, back).Get("code")); err != nil {
		t.Error(err)
	}
}

func TestAPlainOAuthProvider(t *testing.T) {
	d := start(t, func(c *demo.Config) {
		c.Habits = &provider.Habits{
			NoIDToken:      true,
			NoIss:          true,
			AnyScope:       true,
			ScopeSeparator: ",",
			SubjectField:   "id",
			SubjectNumber:  true,
			NoRevocation:   true,
		}
	})
	c := plain(t, d)
	if resp, _ := c.get(d.Issuer + "/.well-known/openid-configuration"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("there is metadata: %d", resp.StatusCode)
	}
	back, err := d.Approve(c.AuthCodeURL("s", oauth2.SetAuthURLParam("scope", "repo,user:email")), "ada")
	if err != nil || query(t, back).Has("iss") {
		t.Fatalf("it goes back with %s, %v", back, err)
	}
	tok, err := c.Exchange(c.ctx(), query(t, back).Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if tok.Extra("id_token") != nil || !slices.Equal(scopesOf(tok), []string{"repo", "user:email"}) {
		t.Errorf("the answer has %v, %v", tok.Extra("id_token"), scopesOf(tok))
	}
	_, body := c.call(d.Issuer+"/v1/userinfo", tok.AccessToken)
	var who struct {
		ID int `json:"id"`
	}
	if err := json.Unmarshal([]byte(body), &who); err != nil || who.ID == 0 {
		t.Errorf("userinfo says %s", body)
	}
	if resp, _ := c.post(d.Issuer+"/revoke", url.Values{"token": {tok.AccessToken}}); resp.StatusCode != http.StatusNotFound {
		t.Errorf("there is a revocation endpoint: %d", resp.StatusCode)
	}
}

func TestHabitsOfTheTokenRequest(t *testing.T) {
	t.Run("JSON bodies alone", func(t *testing.T) {
		d := start(t, withHabits(func(h *provider.Habits) { h.JSONBody = true }))
		c := plain(t, d)
		tokens := issue(t, d, "openid")
		if resp, _ := c.raw(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("a form is answered %d", resp.StatusCode)
		}
		body, _ := json.Marshal(
			map[string]string{
				"grant_type":    "refresh_token",
				"refresh_token": tokens.Refresh,
				"client_id":     d.ClientID,
				"client_secret": d.ClientSecret,
			},
		)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Issuer+"/token", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if resp, text := c.do(r); resp.StatusCode != http.StatusOK {
			t.Errorf("JSON is answered %d %s", resp.StatusCode, text)
		}
	})
	t.Run("basic authentication alone", func(t *testing.T) {
		d := start(t, withHabits(func(h *provider.Habits) { h.ClientAuth = "client_secret_basic" }))
		c := plain(t, d)
		tokens := issue(t, d, "openid")
		if _, err := c.refresh(tokens.Refresh); code(t, err) != "invalid_client" {
			t.Errorf("body parameters: %v", err)
		}
		c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		if _, err := c.refresh(tokens.Refresh); err != nil {
			t.Error(err)
		}
	})
	t.Run("refreshes elsewhere", func(t *testing.T) {
		d := start(t, withHabits(func(h *provider.Habits) { h.SeparateRefresh = true }))
		c := plain(t, d)
		tokens := issue(t, d, "openid")
		if _, err := c.refresh(tokens.Refresh); code(t, err) != "unsupported_grant_type" {
			t.Errorf("at the token endpoint: %v", err)
		}
		c.Endpoint.TokenURL += "/refresh"
		if _, err := c.refresh(tokens.Refresh); err != nil {
			t.Error(err)
		}
	})
}
