package demo_test

import (
	"bff/internal/demo/provider"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// change parses an authorization URL, edits its query and puts it back together.
func change(t *testing.T, address string, edit func(url.Values)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	edit(q)
	u.RawQuery = q.Encode()
	return u.String()
}

// RFC 6749 section 4.1.2.1: what cannot be trusted to go back stays on the provider's page.
func TestRequestsThatStayOnTheProvidersPage(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	for name, edit := range map[string]func(url.Values){
		"no client":                               func(q url.Values) { q.Del("client_id") },
		"another client":                          func(q url.Values) { q.Set("client_id", "someone") },
		"no redirect URI":                         func(q url.Values) { q.Del("redirect_uri") },
		"a redirect URI with a path below":        func(q url.Values) { q.Set("redirect_uri", origin+"/bff/callback/demo/x") },
		"a redirect URI with a query":             func(q url.Values) { q.Set("redirect_uri", origin+"/bff/callback/demo?x=1") },
		"a redirect URI in another case":          func(q url.Values) { q.Set("redirect_uri", origin+"/bff/callback/Demo") },
		"localhost, which is not 127.0.0.1":       func(q url.Values) { q.Set("redirect_uri", "http://localhost:9/bff/callback/demo") },
		"two redirect URIs":                       func(q url.Values) { q.Add("redirect_uri", "http://evil.example/") },
		"a parameter that is repeated":            func(q url.Values) { q.Add("scope", "openid") },
		"a redirect URI that is a prefix of ours": func(q url.Values) { q.Set("redirect_uri", origin+"/bff/callback/dem") },
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := c.get(change(t, c.attempt().url, edit))
			if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" ||
				!strings.Contains(body, "This request cannot go on") {
				t.Errorf("it answers %d to %q", resp.StatusCode, resp.Header.Get("Location"))
			}
		})
	}
}

func TestRequestsThatAreSentBackWithAnError(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	for name, row := range map[string]struct {
		edit func(url.Values)
		code string
	}{
		"no PKCE":                                {func(q url.Values) { q.Del("code_challenge") }, "invalid_request"},
		"PKCE plain":                             {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"PKCE without a method":                  {func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		"a challenge that is too short":          {func(q url.Values) { q.Set("code_challenge", "short") }, "invalid_request"},
		"the implicit flow":                      {func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
		"a scope that does not exist":            {func(q url.Values) { q.Set("scope", "openid nonsense") }, "invalid_scope"},
		"offline_access, which Google refuses":   {func(q url.Values) { q.Set("scope", "openid offline_access") }, "invalid_scope"},
		"no scope":                               {func(q url.Values) { q.Del("scope") }, "invalid_request"},
		"a request object":                       {func(q url.Values) { q.Set("request", "x") }, "request_not_supported"},
		"response_mode fragment":                 {func(q url.Values) { q.Set("response_mode", "fragment") }, "invalid_request"},
		"prompt none with another":               {func(q url.Values) { q.Set("prompt", "none consent") }, "invalid_request"},
		"prompt none while nobody is signed in":  {func(q url.Values) { q.Set("prompt", "none") }, "login_required"},
		"prompt none with a hint at a non-guest": {func(q url.Values) { q.Set("prompt", "none"); q.Set("login_hint", "ada@example.com") }, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.attempt()
			resp, _ := c.get(change(t, a.url, row.edit))
			back := query(t, resp.Header.Get("Location"))
			if back.Get("error") != row.code || back.Get("state") != a.state || back.Get("iss") != d.Issuer || back.Has("code") {
				t.Errorf("it goes back with %v", back)
			}
		})
	}
}

// browse goes through the pages as a person does and returns the query of the way back.
func (c *client) browse(a attempt, person string, tick ...string) url.Values {
	c.t.Helper()
	resp, page := c.get(a.url)
	if resp.StatusCode == http.StatusOK && strings.Contains(page, "/choose") {
		resp, page = c.post(c.d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(c.t, page)}, "person": {person}})
	}
	if resp.StatusCode == http.StatusOK && strings.Contains(page, "/consent") {
		resp, _ = c.post(
			c.d.Issuer+"/o/oauth2/v2/consent",
			url.Values{"flow": {flowOf(c.t, page)}, "scope": tick, "allow": {"1"}},
		)
	}
	if resp.StatusCode != http.StatusSeeOther {
		c.t.Fatalf("the pages end with %d", resp.StatusCode)
	}
	return query(c.t, resp.Header.Get("Location"))
}

func (c *client) finish(a attempt, back url.Values) *oauth2.Token {
	c.t.Helper()
	tok, err := c.Exchange(c.ctx(), back.Get("code"), oauth2.VerifierOption(a.verifier))
	if err != nil {
		c.t.Fatal(err)
	}
	return tok
}

func scopesOf(tok *oauth2.Token) []string {
	s, _ := tok.Extra("scope").(string)
	return strings.Fields(s)
}

// Google: granular consent. The answer names what was granted, by Google's own names.
func TestScopesCanBeUntickedOneByOne(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly, provider.ScopeDriveReadonly)
	a := c.attempt()
	tok := c.finish(a, c.browse(a, "grace", provider.ScopeDriveReadonly))
	want := []string{"openid", provider.ScopeEmail, provider.ScopeProfile, provider.ScopeDriveReadonly}
	if got := scopesOf(tok); !slices.Equal(got, want) {
		t.Errorf("granted %v, want %v", got, want)
	}
	if resp, _ := c.call(d.APIURL+"/users/me/calendarList", tok.AccessToken); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the calendar answers %d without its scope", resp.StatusCode)
	}
}

func TestConsentIsAskedOnce(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	a := c.attempt("access_type", "offline")
	if first := c.finish(a, c.browse(a, "ada", provider.ScopeCalendarReadonly)); first.RefreshToken == "" {
		t.Error("the first consent brings no refresh token")
	}
	a = c.attempt("access_type", "offline")
	_, page := c.get(a.url)
	resp, _ := c.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(t, page)}, "person": {"ada"}})
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("consent is asked again: %d", resp.StatusCode)
	}
	if second := c.finish(a, query(t, resp.Header.Get("Location"))); second.RefreshToken != "" {
		t.Error("a second sign-in brings a refresh token without prompt=consent")
	}
	a = c.attempt("access_type", "offline", "prompt", "consent")
	if third := c.finish(a, c.browse(a, "ada", provider.ScopeCalendarReadonly)); third.RefreshToken == "" {
		t.Error("prompt=consent brings no refresh token")
	}
	a = c.attempt("prompt", "consent")
	if online := c.finish(a, c.browse(a, "ada", provider.ScopeCalendarReadonly)); online.RefreshToken != "" {
		t.Error("access_type=online brings a refresh token")
	}
	d.RevokePerson("ada")
	a = c.attempt("access_type", "offline")
	if again := c.finish(a, c.browse(a, "ada", provider.ScopeCalendarReadonly)); again.RefreshToken == "" {
		t.Error("after a revocation the next consent brings no refresh token")
	}
}

func TestPromptAndHint(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	a := c.attempt()
	c.finish(a, c.browse(a, "ada"))

	a = c.attempt("prompt", "none")
	resp, _ := c.get(a.url)
	c.finish(a, query(t, resp.Header.Get("Location")))

	a = c.attempt("login_hint", "ada@example.com")
	if resp, _ = c.get(a.url); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("a hint at who is signed in shows a page: %d", resp.StatusCode)
	}
	for name, params := range map[string][]string{
		"no hint":                              nil,
		"a hint at somebody who is not signed": {"login_hint", "grace@example.com"},
		"a hint with select_account":           {"login_hint", "ada@example.com", "prompt", "select_account"},
	} {
		if resp, page := c.get(c.attempt(params...).url); resp.StatusCode != http.StatusOK ||
			!strings.Contains(page, "Choose an account") {
			t.Errorf("%s does not show the accounts: %d", name, resp.StatusCode)
		}
	}
	c.Scopes = append(c.Scopes, provider.ScopeDriveReadonly)
	resp, _ = c.get(c.attempt("prompt", "none").url)
	if got := query(t, resp.Header.Get("Location")).Get("error"); got != "consent_required" {
		t.Errorf("prompt=none for a new scope answers %q", got)
	}
}

func TestIncludeGrantedScopesAddsEarlierOnes(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	c.signIn("ada")
	c.Scopes = []string{"openid", provider.ScopeDriveReadonly}
	if got := scopesOf(c.signIn("ada")); slices.Contains(got, provider.ScopeCalendarReadonly) {
		t.Errorf("earlier scopes come unasked: %v", got)
	}
	got := scopesOf(c.signIn("ada", "include_granted_scopes", "true"))
	if !slices.Contains(got, provider.ScopeCalendarReadonly) || !slices.Contains(got, provider.ScopeDriveReadonly) {
		t.Errorf("the answer lacks earlier scopes: %v", got)
	}
}

func TestCancelSendsAccessDenied(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	a := c.attempt()
	_, page := c.get(a.url)
	resp, _ := c.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(t, page)}, "cancel": {"1"}})
	if back := query(t, resp.Header.Get("Location")); back.Get("error") != "access_denied" ||
		back.Get("state") != a.state {
		t.Errorf("cancelling at the accounts goes back with %v", back)
	}
	_, page = c.get(c.attempt().url)
	_, page = c.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(t, page)}, "person": {"ada"}})
	resp, _ = c.post(d.Issuer+"/o/oauth2/v2/consent", url.Values{"flow": {flowOf(t, page)}, "deny": {"1"}})
	if back := query(t, resp.Header.Get("Location")); back.Get("error") != "access_denied" {
		t.Errorf("cancelling at the consent goes back with %v", back)
	}
}

// A form belongs to the browser that got it, and works once.
func TestFormsOfAFlow(t *testing.T) {
	d := start(t, nil)
	mine, other := newClient(t, d), newClient(t, d)
	_, page := mine.get(mine.attempt().url)
	name := flowOf(t, page)
	other.get(other.attempt().url) // has a cookie of its own
	if resp, _ := other.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {name}, "person": {"ada"}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("another browser goes on with a flow: %d", resp.StatusCode)
	}
	if resp, _ := mine.post(d.Issuer+"/o/oauth2/v2/consent", url.Values{"flow": {name}, "allow": {"1"}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("consent before anybody was picked: %d", resp.StatusCode)
	}
	if resp, _ := mine.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {name}, "person": {"nobody"}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("nobody is picked: %d", resp.StatusCode)
	}
	consent := d.Issuer + "/o/oauth2/v2/consent?flow=" + name
	if resp, _ := mine.get(consent); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the page of the consent before anybody was picked: %d", resp.StatusCode)
	}
	resp, _ := mine.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {name}, "person": {"ada"}})
	if resp.StatusCode != http.StatusOK || resp.Request.Method != http.MethodGet || resp.Request.URL.String() != consent {
		t.Errorf(
			"after the choice: %d at %s %s; a reload would send the form again",
			resp.StatusCode,
			resp.Request.Method,
			resp.Request.URL,
		)
	}
	if resp, _ := other.get(consent); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("another browser sees the consent: %d", resp.StatusCode)
	}
	if resp, _ := mine.post(d.Issuer+"/o/oauth2/v2/consent", url.Values{"flow": {name}, "allow": {"1"}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("the consent answers %d", resp.StatusCode)
	}
	if resp, _ := mine.post(d.Issuer+"/o/oauth2/v2/consent", url.Values{"flow": {name}, "allow": {"1"}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the same consent sent twice answers %d", resp.StatusCode)
	}
}

func TestPagesLoadNothingAndRunNothing(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	_, people := c.get(c.attempt().url)
	_, consent := c.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(t, people)}, "person": {"ada"}})
	resp, about := c.get(d.Issuer + "/")
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self' " + origin, "base-uri 'none'", "style-src 'sha256-"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if resp.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
		t.Error("who opened a popup keeps its hold on the page")
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is unsafe: %s", policy)
	}
	for name, page := range map[string]string{"people": people, "consent": consent, "about": about} {
		for _, bad := range []string{"src=", "<link rel=\"stylesheet", "@import", "url(", "style=", "onclick", "<script"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page %s has %q", name, bad)
			}
		}
		if !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "<h1") ||
			!strings.Contains(page, "viewport") {
			t.Errorf("the page %s lacks language, heading or viewport", name)
		}
	}
}

func TestFormPost(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	a := c.attempt("response_mode", "form_post")
	_, page := c.get(a.url)
	_, page = c.post(d.Issuer+"/o/oauth2/v2/choose", url.Values{"flow": {flowOf(t, page)}, "person": {"ada"}})
	resp, page := c.post(d.Issuer+"/o/oauth2/v2/consent", url.Values{"flow": {flowOf(t, page)}, "allow": {"1"}})
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, `action="`+c.RedirectURL+`"`) ||
		!strings.Contains(page, `name="state" value="`+a.state+`"`) {
		t.Errorf("the way back is %d %s", resp.StatusCode, page)
	}
}
