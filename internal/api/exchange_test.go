package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/demo/trouble"
	"bff/internal/testenv"
)

// tokenRequest is a good request for b's session, with pairs put in place of its parameters; an empty value removes
// one.
func tokenRequest(b *browser, pairs ...string) []string {
	all := map[string]string{
		"grant_type":         "urn:ietf:params:oauth:grant-type:token-exchange",
		"subject_token":      b.cookie("bff"),
		"subject_token_type": "urn:bff:session",
		"audience":           "demo",
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	var out []string
	for name, value := range all {
		if value != "" {
			out = append(out, name, value)
		}
	}
	return out
}

func connectionID(b *browser, n int) string {
	return b.session()["connections"].([]any)[n].(map[string]any)["id"].(string)
}

func TestTokenExchange(t *testing.T) {
	w := newWorld(t, withServices)
	b := w.browser()
	b.signIn("ada")
	resp := post(
		t,
		w,
		"/token",
		tokenRequest(b, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token")...)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", resp.StatusCode, text(resp))
	}
	got := object(t, resp)
	if got["token_type"] != "Bearer" || got["issued_token_type"] != "urn:ietf:params:oauth:token-type:access_token" ||
		len(got) != 5 {
		t.Errorf("%d members, %v %v", len(got), got["token_type"], got["issued_token_type"])
	}
	if n, _ := got["expires_in"].(float64); n < 1 || n > 30 || n != float64(int(n)) {
		t.Errorf("expires_in %v", got["expires_in"])
	}
	if scope, _ := got["scope"].(string); !strings.Contains(scope, calendarScope) {
		t.Errorf("scope %q", scope)
	}
	r, _ := http.NewRequest("GET", w.demo.APIURL+"/users/me/calendarList", nil)
	r.Header.Set("Authorization", "Bearer "+got["access_token"].(string))
	called, err := w.admin.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer called.Body.Close()
	if called.StatusCode != http.StatusOK {
		t.Errorf("the token does not work: %d", called.StatusCode)
	}
	canSee(t, w, nil, got["access_token"].(string), b.cookie("bff"))
}

func TestTokenExchangeNamesAConnection(t *testing.T) {
	w := newWorld(t, withServices)
	b := w.browser()
	b.signIn("ada")
	b.approve(b.begin("/bff/connect/demo"), "grace")
	token := func(pairs ...string) string {
		s, _ := object(t, post(t, w, "/token", tokenRequest(b, pairs...)...))["access_token"].(string)
		return s
	}
	first, second := connectionID(b, 0), connectionID(b, 1)
	if a, b := token(), token("connection", first); a == "" || a != b {
		t.Error("without a name it is not the one linked first")
	}
	if a, b := token("connection", first), token("connection", second); b == "" || a == b {
		t.Error("two connections, one token")
	}
	says(t, post(t, w, "/token", tokenRequest(b, "connection", "c_unknown")...), 400, "invalid_target")
	grace := w.browser()
	grace.signIn("grace")
	says(
		t,
		post(t, w, "/token", tokenRequest(b, "connection", connectionID(grace, 0))...),
		400,
		"invalid_target",
	) // attack class 16
}

func TestTokenExchangeRefuses(t *testing.T) {
	w := newWorld(t, withServices)
	b := w.browser()
	b.signIn("ada")
	b.w = w
	for name, c := range map[string]struct {
		pairs []string
		code  string
	}{
		"no grant type":                     {[]string{"grant_type", ""}, "invalid_request"},
		"another grant type":                {[]string{"grant_type", "client_credentials"}, "unsupported_grant_type"},
		"a refresh":                         {[]string{"grant_type", "refresh_token"}, "unsupported_grant_type"},
		"no subject token":                  {[]string{"subject_token", ""}, "invalid_request"},
		"a subject token that is no ticket": {[]string{"subject_token", "x"}, "invalid_request"},
		"a session's public id":             {[]string{"subject_token", sessionID(b)}, "invalid_request"},
		"no subject token type":             {[]string{"subject_token_type", ""}, "invalid_request"},
		"another subject token type":        {[]string{"subject_token_type", "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request"},
		"no audience":                       {[]string{"audience", ""}, "invalid_request"},
		"an audience it may not have":       {[]string{"audience", "google"}, "invalid_target"},
		"another letter case":               {[]string{"audience", "Demo"}, "invalid_target"},
		"a resource":                        {[]string{"resource", "https://api.example.com/"}, "invalid_target"},
		"a refresh token":                   {[]string{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"},
		"an ID token":                       {[]string{"requested_token_type", "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"},
		"an actor":                          {[]string{"actor_token", "x", "actor_token_type", "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"},
		"a scope that was not granted":      {[]string{"scope", calendarScope + " https://www.googleapis.com/auth/drive"}, "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			says(t, post(t, w, "/token", tokenRequest(b, c.pairs...)...), 400, c.code)
		})
	}
	kind := header("Content-Type", "application/x-www-form-urlencoded")
	says(t, ask(t, w, "POST", "/token", form(tokenRequest(b)...), kind), 401, "invalid_client")
	says(t, ask(t, w, "POST", "/token", form(tokenRequest(b)...), kind, basic("billing", "wrong")), 401, "invalid_client")
	says(
		t,
		ask(t, w, "POST", "/token", form(tokenRequest(b)...), kind, basic("search & rescue", "rescue-secret")),
		400,
		"unauthorized_client",
	)
	says(
		t,
		ask(t, w, "POST", "/token", form(tokenRequest(b)...), kind, basic("limited", "limited-secret")),
		400,
		"invalid_target",
	)
	says(
		t,
		ask(t, w, "POST", "/token", form(tokenRequest(b)...)+"&audience=demo", kind, basic("billing", billingSecret)),
		400,
		"invalid_request",
	)
	if n := w.demo.Counts().Refreshes; n != 0 {
		t.Errorf("refused requests caused %d refreshes", n)
	}
	request := tokenRequest(b)
	b.fetch("POST", "/bff/logout", "")
	if m := says(t, post(t, w, "/token", request...), 400, "invalid_request"); m["bff_error"] != "not_signed_in" {
		t.Errorf("after the logout: %v", m)
	}
}

func TestTokenExchangeRefreshesAndTellsWhatIsDead(t *testing.T) {
	clock := newClock()
	w := newWorld(t, withServices, func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	first := object(t, post(t, w, "/token", tokenRequest(b)...))["access_token"]
	clock.advance(time.Minute)
	again := object(t, post(t, w, "/token", tokenRequest(b)...))
	if again["access_token"] == first || again["access_token"] == nil || again["refresh_token"] != nil {
		t.Fatalf("no new token after the old one's end: %v", again["error"])
	}
	clock.advance(time.Minute)
	if err := w.demo.Switch(trouble.Down); err != nil {
		t.Fatal(err)
	}
	resp := post(t, w, "/token", tokenRequest(b)...)
	if m := says(t, resp, 503, "temporarily_unavailable"); m["bff_error"] != "provider_unavailable" ||
		resp.Header.Get("Retry-After") == "" {
		t.Errorf("provider down: %v", m)
	}
	if err := w.demo.Switch(trouble.Up); err != nil {
		t.Fatal(err)
	}
	w.demo.RevokePerson("ada")
	testenv.Eventually(t, "the dead grant is reported", func() bool {
		clock.advance(time.Second) // the breaker lets somebody through
		m := object(t, post(t, w, "/token", tokenRequest(b)...))
		return m["error"] == "invalid_grant" && m["bff_error"] == "needs_reauth"
	})
	if b.session()["authenticated"] != true {
		t.Error("guarantee 5: the session lives on")
	}
}

func TestTokenExchangeDoesNotSlideTheSession(t *testing.T) {
	clock := newClock()
	w := newWorld(t, withServices, func(s *settings) { s.now, s.life = clock.now, time.Hour })
	b := w.browser()
	b.signIn("ada")
	clock.advance(20 * time.Minute)
	post(t, w, "/token", tokenRequest(b)...)
	clock.advance(13 * time.Minute) // instances may be two minutes apart
	says(t, post(t, w, "/token", tokenRequest(b)...), 400, "invalid_request")
}

func TestTokenExchangeWithoutAStore(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, withServices, func(s *settings) { s.store = store.URL })
	b := w.browser()
	b.signIn("ada")
	request := tokenRequest(b)
	b.loses(store)
	resp := post(t, w, "/token", request...)
	if m := says(t, resp, 503, "temporarily_unavailable"); m["bff_error"] != "store_unavailable" ||
		resp.Header.Get("Retry-After") == "" {
		t.Errorf("%v", m)
	}
	store.Start()
	testenv.Eventually(
		t,
		"it works again",
		func() bool { return post(t, w, "/token", request...).StatusCode == http.StatusOK },
	)
}
