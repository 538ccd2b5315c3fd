package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

// What a person types, and what the operator gives instead, leaves the built binary nowhere: a key is typed, used by
// an upstream that repeats it, refused by its provider, repaired and removed; a password and an operator's key are
// used beside it. Then the browser's bytes, Redis, the log at debug level and the metrics are searched.
func TestTypedCredentialsAreFoundNowhere(t *testing.T) {
	first, second, password, operators := testenv.Random(t), testenv.Random(t), testenv.Random(t), testenv.Random(t)
	var ended atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-API-Key")
		user, given, _ := r.BasicAuth()
		good := key == second || key == operators || key == first && !ended.Load() || user == "robot" && given == password
		if !good {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Header().Set("X-Echo", key+given)
		_, _ = fmt.Fprintf(w, `{"id": 7, "name": "Team Ada", "key": %q, "authorization": %q, "password": %q}`, key,
			r.Header.Get("Authorization"), given)
	}))
	t.Cleanup(service.Close)
	redis := testenv.Redis(t, "--rdbcompression", "no")
	commands := redis.Monitor()
	api := func(name, carried string) string {
		return "  " + name + ": {provider: " + name + ", upstream: '" + service.URL + "', allow: [GET /me], " + carried + "}"
	}
	r := build(t, parts{
		store: redis.URL,
		provider: []string{"keep: session\n  keyed: {auth: api_key, userinfo_url: '" + service.URL + "/me', userinfo_token_header: " +
			"X-API-Key, subject: id}\n  legacy: {auth: basic, userinfo_url: '" + service.URL + "/me', subject: id}\n" +
			"  ours: {auth: api_key, api_key: env:OUR_KEY}"},
		top: []string{api("keyed", "header: X-API-Key"), api("legacy", "timeout: 10s"), api("ours", "header: X-API-Key"),
			"log: {level: debug, access: true, audit: stderr}"},
		env: []string{"OUR_KEY=" + operators},
	})
	r.c.SignIn("acme")
	typed := func(provider string, fields url.Values) string {
		t.Helper()
		a := r.c.Fetch("POST", "/bff/connect/"+provider, fields.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		if a.Status != http.StatusSeeOther {
			t.Fatalf("typed for %s: %d %s", provider, a.Status, a.Body)
		}
		return a.Header.Get("Location")
	}
	works := func(name string) {
		t.Helper()
		if a := r.c.Fetch("GET", "/api/"+name+"/me", ""); a.Status != http.StatusOK || !strings.Contains(string(a.Body), "Team Ada") {
			t.Fatalf("a call of %s: %d %s", name, a.Status, a.Body)
		}
	}
	if to := typed("keyed", url.Values{"api_key": {password}}); !strings.Contains(to, "bff_error=") {
		t.Errorf("a wrong key leads to %s", to)
	}
	typed("keyed", url.Values{"api_key": {first}, "return_to": {"/inbox"}})
	typed("legacy", url.Values{"username": {"robot"}, "password": {password}})
	for _, name := range []string{"keyed", "legacy", "ours"} {
		works(name)
	}
	ended.Store(true)
	p := problem(t, r.c.Fetch("GET", "/api/keyed/me", ""), http.StatusForbidden, "needs_reauth")
	id, _ := p["connection"].(string)
	if to := typed("keyed", url.Values{"api_key": {second}, "connection": {id}}); to != "/" {
		t.Errorf("a repair leads to %s", to)
	}
	works("keyed")
	works("legacy")
	dump := redis.Dump()
	if a := r.c.Fetch("DELETE", "/bff/connections/"+id, ""); a.Status != http.StatusNoContent {
		t.Errorf("unlinking: %d %s", a.Status, a.Body)
	}
	problem(t, r.c.Fetch("GET", "/api/keyed/me", ""), http.StatusForbidden, "not_connected")
	received := regexp.MustCompile(`(?m)^Set-Cookie: [^\n]*$`).ReplaceAll(r.c.Received(), nil)
	hunt(t, map[string][]string{
		"typed key":      {first, second},
		"typed password": {password, base64.StdEncoding.EncodeToString([]byte("robot:" + password))},
		"operator's key": {operators},
	}, []haystack{
		{"what the browser received", received},
		{"the store's file", dump},
		{"the store's commands", unescape(commands())},
		{"the log", []byte(r.bff.Log())},
		{"the metrics", []byte(r.bff.Metrics())},
	})
}
