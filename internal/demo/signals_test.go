package demo_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/testenv"
)

// A receiver is the client's address for messages of the provider.
func receiver(t *testing.T, status int) (string, <-chan *http.Request) {
	t.Helper()
	got := make(chan *http.Request, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		got <- r
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// payload reads a JWT without verifying it.
func payload(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT")
	}
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, into) != nil {
			t.Fatal("not a JWT")
		}
	}
	return header, claims
}

// OpenID Connect Back-Channel Logout 1.0 section 2.4, read by go-oidc.
func TestLogoutTokens(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	c.signIn("ada")
	uri, got := receiver(t, http.StatusOK)
	if err := d.SendLogout(t.Context(), "ada", uri); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(bodyOf(t, testenv.Receive(t, "what was sent", got)))
	if err != nil {
		t.Fatal(err)
	}
	verifier := c.provider.Verifier(&oidc.Config{ClientID: d.ClientID})
	lt, err := verifier.VerifyLogout(c.ctx(), form.Get("logout_token"))
	if err != nil {
		t.Fatal(err)
	}
	if lt.Subject != d.People()[0].Subject || lt.SessionID != "" || lt.Issuer != d.Issuer {
		t.Errorf("the logout token says %+v", lt)
	}
	header, claims := payload(t, form.Get("logout_token"))
	if header["typ"] != "logout+jwt" || claims["jti"] == "" || claims["nonce"] != nil || claims["exp"] == nil {
		t.Errorf("it holds %v %v", header, claims)
	}
	spoiled, err := d.LogoutToken(
		"ada",
		d.Sessions("ada")[0],
		func(c map[string]any) { c["nonce"] = "x"; delete(c, "sub") },
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.VerifyLogout(c.ctx(), spoiled); err == nil {
		t.Error("a spoiled token verifies")
	}
	if bad, _ := receiver(t, http.StatusBadRequest); d.SendLogout(t.Context(), "ada", bad) == nil {
		t.Error("a refusal counts as delivered")
	}
}

// RFC 8417 in Google's form: no exp, and an iss with a slash at its end.
func TestSecurityEvents(t *testing.T) {
	d := start(t, nil)
	uri, got := receiver(t, http.StatusAccepted)
	if err := d.SendSecurityEvent(t.Context(), provider.EventAccountDisabled, "ada", uri); err != nil {
		t.Fatal(err)
	}
	r := testenv.Receive(t, "what was sent", got)
	header, claims := payload(t, bodyOf(t, r))
	if r.Header.Get("Content-Type") != "application/secevent+jwt" || header["typ"] != "secevent+jwt" ||
		claims["exp"] != nil ||
		claims["iss"] != d.Issuer+"/" {
		t.Errorf("the event is %v %v", header, claims)
	}
	event, _ := claims["events"].(map[string]any)[provider.EventAccountDisabled].(map[string]any)
	subject, _ := event["subject"].(map[string]any)
	if event["reason"] != "hijacking" || subject["sub"] != d.People()[0].Subject || subject["subject_type"] != "iss-sub" {
		t.Errorf("it says %v", event)
	}
	c := newClient(t, d)
	_, body := c.get(d.Issuer + "/.well-known/risc-configuration")
	if !strings.Contains(body, `"issuer":"`+d.Issuer+`"`) || !strings.Contains(body, "/oauth2/v3/certs") {
		t.Errorf("the configuration is %s", body)
	}
}

// OpenID Connect RP-Initiated Logout 1.0: only a registered address, and without a hint the person is asked.
func TestEndSession(t *testing.T) {
	uri, got := receiver(t, http.StatusOK)
	d := start(t, func(c *demo.Config) { c.BackchannelLogoutURI = uri })
	c := newClient(t, d)
	a := c.attempt()
	c.finish(a, c.browse(a, "ada"))
	sids := d.Sessions("ada")

	end := func(params url.Values) (*http.Response, string) {
		return c.get(d.Issuer + "/logout?" + params.Encode())
	}
	for name, params := range map[string]url.Values{
		"another origin":          {"client_id": {d.ClientID}, "post_logout_redirect_uri": {"https://evil.example/"}},
		"a path of our origin":    {"client_id": {d.ClientID}, "post_logout_redirect_uri": {origin + "/elsewhere"}},
		"no client":               {"post_logout_redirect_uri": {origin + "/"}},
		"another client":          {"client_id": {"x"}, "post_logout_redirect_uri": {origin + "/"}},
		"our origin as a prefix":  {"client_id": {d.ClientID}, "post_logout_redirect_uri": {origin + ".evil.example/"}},
		"our origin as user info": {"client_id": {d.ClientID}, "post_logout_redirect_uri": {"http://127.0.0.1:9@evil.example/"}},
	} {
		if resp, _ := end(params); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
			t.Errorf("%s is answered %d", name, resp.StatusCode)
		}
	}
	params := url.Values{"client_id": {d.ClientID}, "post_logout_redirect_uri": {origin + "/"}, "state": {"s1"}}
	if resp, page := end(params); resp.StatusCode != http.StatusOK || !strings.Contains(page, "Sign out here too?") {
		t.Fatalf("nobody is asked: %d", resp.StatusCode)
	}
	if resp, _ := c.post(d.Issuer+"/logout", url.Values{"confirm": {"guess"}}); resp.StatusCode != http.StatusOK ||
		len(d.Sessions("ada")) != 1 {
		t.Errorf("a guess signs out: %d", resp.StatusCode)
	}
	_, page := end(params)
	_, confirm, _ := strings.Cut(page, `name="confirm" value="`)
	confirm, _, _ = strings.Cut(confirm, `"`)
	params.Set("confirm", confirm)
	resp, _ := c.post(d.Issuer+"/logout", params)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != origin+"/?state=s1" {
		t.Errorf("signing out goes to %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	if len(d.Sessions("ada")) != 0 {
		t.Error("the session at the provider lives on")
	}
	form, _ := url.ParseQuery(bodyOf(t, testenv.Receive(t, "what was sent", got)))
	if _, claims := payload(t, form.Get("logout_token")); !slices.Contains(sids, claims["sid"].(string)) {
		t.Errorf("the back channel says %v", claims)
	}
	if resp, _ := end(params); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("with nobody signed in there is nothing to ask: %d", resp.StatusCode)
	}
	resp, _ = c.get(c.attempt("prompt", "none").url)
	if query(t, resp.Header.Get("Location")).Get("error") != "login_required" {
		t.Error("prompt=none works after signing out")
	}
}

func TestTheIDTokenNamesTheSession(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	a := c.attempt()
	raw, _ := c.finish(a, c.browse(a, "ada")).Extra("id_token").(string)
	if _, claims := payload(t, raw); claims["sid"] != d.Sessions("ada")[0] {
		t.Errorf("the ID token says %v", claims)
	}
	quiet := start(t, withHabits(func(h *provider.Habits) { h.NoSessionID = true }))
	raw, _ = newClient(t, quiet).signIn("ada").Extra("id_token").(string)
	if _, claims := payload(t, raw); claims["sid"] != nil {
		t.Errorf("without sid the ID token says %v", claims)
	}
}

func TestSendingGivesUpWithItsContext(t *testing.T) {
	d := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.SendLogout(ctx, "ada", "http://127.0.0.1:1/"); err == nil {
		t.Error("nothing was sent, and it counts as delivered")
	}
}
