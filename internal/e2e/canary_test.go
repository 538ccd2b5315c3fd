package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"bff/internal/testenv"
)

// Guarantee 1: nothing secret leaves. Every credential of a whole life is marked (the provider notes what it issues
// and is sent); then what the browser received from bff, Redis (the file and every command), the log at debug level,
// the metrics and a crash's traces are searched. Attack class 14.
func TestCanary(t *testing.T) {
	for _, keep := range []string{"session", "user"} {
		t.Run("keep "+keep, func(t *testing.T) { canary(t, keep) })
	}
}

func canary(t *testing.T, keep string) {
	// An upstream that repeats the headers it was sent, as debug endpoints and error pages do.
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.Header().Set("Link", "</v1/items?access_token="+r.Header.Get("Authorization")+`>; rel="next"`)
		fmt.Fprintf(w, "you sent %v %v", r.Header, base64.StdEncoding.EncodeToString([]byte("later")))
	}
	redis := testenv.Redis(t, "--rdbcompression", "no")
	commands := redis.Monitor()
	service, key := testenv.Random(t), testenv.NewKey(t)
	r := build(
		t,
		parts{
			store:    redis.URL,
			op:       testenv.OIDCOptions{AccessToken: seconds(2)},
			provider: []string{"keep: " + keep},
			handler:  echo,
			top: []string{
				"log:",
				"  level: debug",
				"clients:",
				"  billing:",
				"    secret: env:BILLING_SECRET",
				"    exchange: [acme]",
			},
			env: []string{"BFF_KEY=" + key, "BILLING_SECRET=" + service, "GOTRACEBACK=all"},
		},
	)
	cookies := live(t, r, service)

	// A crash while a refresh is under way, its secrets on many stacks.
	r.op.Trouble(testenv.Trouble{Park: true})
	r.c.SignIn("acme", "login_hint=linus")
	cookies = append(cookies, r.c.Session())
	r.call(r.c)
	r.expire()
	dump := redis.Dump()
	metrics := r.bff.Metrics()
	go quietly(r.c, "/api/things/items")
	testenv.Eventually(t, "the refresh is under way", func() bool { return r.op.Counts().Parked > 0 })
	r.bff.Quit()
	r.op.Heal()
	r.op.Release()

	received := regexp.MustCompile(`(?m)^Set-Cookie: [^\n]*$`).ReplaceAll(r.c.Received(), nil)
	hunt(t, map[string][]string{
		"credential of the provider": r.op.Secrets(),
		"service's secret":           {service},
		"key":                        {key[len("bffk1_"):]},
		"session cookie":             halves(t, cookies),
	}, []haystack{
		{"what the browser received", received},
		{"the store's file", dump},
		{"the store's commands", unescape(commands())},
		{"the log and the crash's traces", []byte(r.bff.Log())},
		{"the metrics", []byte(metrics)},
	})
}

// halves is what is secret of cookies, as it is written and as bytes. The first 16 bytes say whose records they are:
// names of keys hold them.
func halves(t *testing.T, cookies []string) (all []string) {
	t.Helper()
	for _, c := range cookies {
		raw, err := base64.RawURLEncoding.DecodeString(c)
		if err != nil || len(raw) != 64 {
			t.Fatalf("a cookie of %d bytes: %v", len(raw), err)
		}
		all = append(all, c[22:], string(raw[16:32]), string(raw[32:]))
	}
	return all
}

// live goes through everything a session can do, the ways that fail included, and returns the cookies that were good
// at some time.
func live(t *testing.T, r *rig, service string) (cookies []string) {
	t.Helper()
	r.c.SignIn("acme")
	cookies = append(cookies, r.c.Session())
	r.call(r.c)
	r.c.Fetch("POST", "/api/things/items", `{"a":1}`, "Content-Type", "application/json")
	r.expire()
	r.call(r.c)

	// What the provider answers when it is careless, broken or angry.
	for _, trouble := range []testenv.Trouble{
		{Status: 400, Body: `{"error":"invalid_request","error_description":"what is {refresh_token}"}`},
		{Status: 401, Body: `{"error":"invalid_client","error_description":"{refresh_token}"}`},
		{Status: 500, Body: `<html>{refresh_token}`},
		{Status: 200, Body: `{"refresh_token":"{refresh_token}"}`},
		{Drop: true},
	} {
		r.expire()
		one := 1
		trouble.Times = &one
		r.op.Trouble(trouble)
		r.c.Fetch("GET", "/api/things/items", "")
		r.op.Heal()
		testenv.Eventually(t, "calls go through again, or the connection is dead", func() bool {
			a := r.c.Fetch("GET", "/api/things/items", "")
			return a.Status == http.StatusOK || a.Code() == "needs_reauth"
		})
		if r.status(r.c) != "active" {
			r.c.SignIn("acme")
			cookies = append(cookies, r.c.Session())
			r.call(r.c)
		}
	}

	// Errors of every kind, with credentials where none belong.
	cookie := r.c.Session()
	for _, target := range []string{"/bff/callback/acme?code=" + cookie + "&state=" + cookie, "/bff/callback/acme?error=access_denied&error_description=" + cookie,
		"/bff/login/nobody", "/bff/login/acme?return_to=//evil/" + cookie, "/nowhere/" + cookie} {
		r.c.Navigate(target)
	}
	r.c.Fetch("GET", "/api/things/none/"+cookie, "")
	r.c.Fetch("GET", "/api/things/items", "", "BFF-Connection", cookie)
	r.c.Fetch("GET", "/api/things/items", "", "Authorization", "Bearer "+cookie)
	r.c.Fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, "Content-Type", "application/merge-patch+json")
	r.c.Fetch("GET", "/bff/sessions", "")

	// The services that ask on the admin listener.
	cookies = append(cookies, cookie)
	cookie = r.c.Session()
	subject := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {cookie},
		"subject_token_type": {"urn:bff:session"}, "audience": {"acme"}}
	if a := r.bff.Ask("/token", "billing", service, subject); a.Status != http.StatusOK {
		t.Fatalf("token exchange: %d %s", a.Status, a.Body)
	}
	if a := r.bff.Ask("/introspect", "billing", service, url.Values{"token": {cookie}}); a.JSON(t)["active"] != true {
		t.Fatalf("introspection: %d %s", a.Status, a.Body)
	}
	r.bff.Ask("/token", "billing", cookie, subject)
	r.bff.Ask("/introspect", "nobody", service, url.Values{"token": {cookie}})

	// Ends: unlinked (revoked through the outbox), ended by the provider, signed out.
	list, _ := r.c.Fetch("GET", "/bff/connections", "").JSON(t)["connections"].([]any)
	id, _ := list[0].(map[string]any)["id"].(string)
	if a := r.c.Fetch("DELETE", "/bff/connections/"+id, ""); a.Status != http.StatusNoContent {
		t.Fatalf("unlink: %d %s", a.Status, a.Body)
	}
	testenv.Eventually(t, "the grant is revoked", func() bool { return r.op.Counts().Revocations > 0 })
	r.c.Navigate("/bff/connect/acme")
	r.call(r.c)
	r.c.Fetch("POST", "/bff/logout", "")
	r.c.SignIn("acme", "login_hint=grace")
	cookies = append(cookies, r.c.Session())
	r.op.Logout("grace")
	return append(cookies, cookie)
}
