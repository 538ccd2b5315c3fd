package demo_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/testenv"
)

// code is the error code of a token answer as x/oauth2 reads it.
func code(t *testing.T, err error) string {
	t.Helper()
	var re *oauth2.RetrieveError
	if !errors.As(err, &re) {
		t.Fatalf("the error is no token answer: %v", err)
	}
	return re.ErrorCode
}

func TestCodesThatAreRefused(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	fresh := func() (attempt, url.Values) {
		a := c.attempt()
		back, err := d.Approve(a.url, "ada")
		if err != nil {
			t.Fatal(err)
		}
		return a, url.Values{
			"grant_type":    {"authorization_code"},
			"code":          {query(t, back).Get("code")},
			"redirect_uri":  {c.RedirectURL},
			"code_verifier": {a.verifier},
			"client_id":     {d.ClientID},
			"client_secret": {d.ClientSecret},
		}
	}
	for name, row := range map[string]struct {
		edit func(url.Values)
		code string
	}{
		"an unknown code":                   {func(f url.Values) { f.Set("code", "4/x") }, "invalid_grant"},
		"no code":                           {func(f url.Values) { f.Del("code") }, "invalid_grant"},
		"another redirect URI":              {func(f url.Values) { f.Set("redirect_uri", origin+"/") }, "invalid_grant"},
		"no redirect URI":                   {func(f url.Values) { f.Del("redirect_uri") }, "invalid_grant"},
		"no verifier":                       {func(f url.Values) { f.Del("code_verifier") }, "invalid_grant"},
		"another verifier":                  {func(f url.Values) { f.Set("code_verifier", oauth2.GenerateVerifier()) }, "invalid_grant"},
		"the challenge as the verifier":     {func(f url.Values) { f.Set("code_verifier", "short") }, "invalid_grant"},
		"no client":                         {func(f url.Values) { f.Del("client_id"); f.Del("client_secret") }, "invalid_client"},
		"no client secret":                  {func(f url.Values) { f.Del("client_secret") }, "invalid_client"},
		"an empty client secret":            {func(f url.Values) { f.Set("client_secret", "") }, "invalid_client"},
		"another client secret":             {func(f url.Values) { f.Set("client_secret", "wrong") }, "invalid_client"},
		"another client":                    {func(f url.Values) { f.Set("client_id", "wrong") }, "invalid_client"},
		"a parameter that is repeated":      {func(f url.Values) { f.Add("code", "x") }, "invalid_request"},
		"the password grant":                {func(f url.Values) { f.Set("grant_type", "password") }, "unsupported_grant_type"},
		"no grant type":                     {func(f url.Values) { f.Del("grant_type") }, "unsupported_grant_type"},
		"a refresh token that is not there": {func(f url.Values) { f.Set("grant_type", "refresh_token") }, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			_, form := fresh()
			row.edit(form)
			resp, body := c.post(d.Issuer+"/token", form)
			var answer map[string]any
			if err := json.Unmarshal([]byte(body), &answer); err != nil || answer["error"] != row.code ||
				resp.StatusCode/100 != 4 {
				t.Errorf("it answers %d %s", resp.StatusCode, body)
			}
			if resp.Header.Get("Cache-Control") != "no-store" {
				t.Error("the answer may be stored")
			}
		})
	}
}

func TestClientAuthentication(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	for name, style := range map[string]oauth2.AuthStyle{"post": oauth2.AuthStyleInParams, "basic": oauth2.AuthStyleInHeader} {
		c.Endpoint.AuthStyle = style
		if tok := c.signIn("ada"); tok.AccessToken == "" {
			t.Errorf("%s brings nothing", name)
		}
		c.ClientSecret = "wrong"
		if _, err := c.refresh("x"); code(t, err) != "invalid_client" {
			t.Errorf("%s with a wrong secret: %v", name, err)
		}
		c.ClientSecret = d.ClientSecret
	}
	r, err := http.NewRequestWithContext(
		t.Context(),
		http.MethodPost,
		d.Issuer+"/token",
		strings.NewReader("grant_type=refresh_token&client_secret="+d.ClientSecret),
	)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(d.ClientID, d.ClientSecret)
	if resp, body := c.do(r); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_request") {
		t.Errorf("both ways at once: %d %s", resp.StatusCode, body)
	}
}

// RFC 6749 section 4.1.2: a second use of a code ends what the first one brought.
func TestACodeUsedTwiceEndsEverything(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	a := c.attempt("access_type", "offline")
	back, err := d.Approve(a.url, "ada")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := c.exchange(a, back)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.exchange(a, back); code(t, err) != "invalid_grant" {
		t.Errorf("the code works twice: %v", err)
	}
	if _, err := c.refresh(tok.RefreshToken); code(t, err) != "invalid_grant" {
		t.Errorf("the first tokens live on: %v", err)
	}
	if d.Counts().Reuses != 1 {
		t.Errorf("the reuse is not counted: %+v", d.Counts())
	}
}

func TestACodeExpires(t *testing.T) {
	now := time.Now()
	d := start(t, func(c *demo.Config) { c.Now = func() time.Time { return now } })
	c := newClient(t, d)
	a := c.attempt()
	back, err := d.Approve(a.url, "ada")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(61 * time.Second)
	if _, err := c.exchange(a, back); code(t, err) != "invalid_grant" {
		t.Errorf("an old code works: %v", err)
	}
}

func TestRefreshRotates(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	first := c.signIn("ada")
	if first.Type() != "Bearer" || first.ExpiresIn != 29 {
		t.Errorf("the first answer says %s, %d seconds", first.Type(), first.ExpiresIn)
	}
	second, err := c.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("a refresh brings the same tokens again")
	}
	if raw, _ := second.Extra("id_token").(string); raw == "" {
		t.Error("a refresh brings no ID token")
	} else if _, err := c.provider.Verifier(&oidc.Config{ClientID: d.ClientID}).Verify(c.ctx(), raw); err != nil {
		t.Error(err)
	}
	for name, token := range map[string]string{"old": first.AccessToken, "new": second.AccessToken} {
		if resp, _ := c.call(d.APIURL+"/users/me/calendarList", token); resp.StatusCode != http.StatusOK {
			t.Errorf("the %s access token is answered %d", name, resp.StatusCode)
		}
	}
	if got := d.Counts(); got.Refreshes != 1 || got.Issued != 2 || got.Reuses != 0 || d.CountsOf("ada").Refreshes != 1 ||
		d.CountsOf("grace").Refreshes != 0 {
		t.Errorf("the counters say %+v", got)
	}
}

// RFC 9700 section 4.14.2.
func TestAUsedRefreshTokenEndsItsFamilyAndNoOther(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	first, other := c.signIn("ada"), c.signIn("ada", "prompt", "consent")
	second, err := c.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.refresh(first.RefreshToken); code(t, err) != "invalid_grant" {
		t.Fatalf("a used refresh token works: %v", err)
	}
	if _, err := c.refresh(second.RefreshToken); code(t, err) != "invalid_grant" {
		t.Errorf("the family lives on: %v", err)
	}
	if resp, _ := c.call(d.APIURL+"/users/me/calendarList", second.AccessToken); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("its access token is answered %d", resp.StatusCode)
	}
	if _, err := c.refresh(other.RefreshToken); err != nil {
		t.Errorf("another family died with it: %v", err)
	}
	if d.Counts().Reuses != 1 || d.Live("ada") != 1 {
		t.Errorf("counted %+v, %d live", d.Counts(), d.Live("ada"))
	}
}

func TestOneOfManyRefreshesAtOnceWins(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("ada")
	var mu sync.Mutex
	var wg sync.WaitGroup
	won := 0
	for range 20 {
		wg.Go(func() {
			if _, err := c.refresh(tok.RefreshToken); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	testenv.Finished(t, "all of them", wg.Wait)
	if won != 1 || d.Counts().Refreshes != 1 {
		t.Errorf("%d of 20 refreshes won", won)
	}
}

func TestRefreshCannotWidenItsScopes(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("ada")
	_, body := c.post(
		d.Issuer+"/token",
		url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}, "scope": {provider.ScopeDrive},
			"client_id": {d.ClientID}, "client_secret": {d.ClientSecret}},
	)
	if !strings.Contains(body, "invalid_scope") {
		t.Errorf("it answers %s", body)
	}
}

func TestAccessTokensExpire(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	d := start(t, func(c *demo.Config) { c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now } })
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	tok := c.signIn("ada")
	mu.Lock()
	now = now.Add(30 * time.Second)
	mu.Unlock()
	resp, body := c.call(d.APIURL+"/users/me/calendarList", tok.AccessToken)
	if resp.StatusCode != http.StatusUnauthorized ||
		!strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`) ||
		!strings.Contains(body, "authError") {
		t.Errorf("an expired token is answered %d %s %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"), body)
	}
}

// Google takes the whole grant: every sign-in of this person, and the consent.
func TestRevocation(t *testing.T) {
	for name, row := range map[string]struct {
		takes     string
		token     func(*oauth2.Token) string
		otherDies bool
	}{
		"the refresh token, at Google":      {provider.RevokeTakesGrant, func(t *oauth2.Token) string { return t.RefreshToken }, true},
		"the access token, at Google":       {provider.RevokeTakesGrant, func(t *oauth2.Token) string { return t.AccessToken }, true},
		"the refresh token, by RFC 7009":    {provider.RevokeTakesFamily, func(t *oauth2.Token) string { return t.RefreshToken }, false},
		"an unknown token, which succeeds":  {provider.RevokeTakesFamily, func(*oauth2.Token) string { return "unknown" }, false},
		"a token of one that is no longer ": {provider.RevokeTakesGrant, func(*oauth2.Token) string { return "1//gone" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, withHabits(func(h *provider.Habits) { h.RevokeTakes = row.takes }))
			c := newClient(t, d, provider.ScopeCalendarReadonly)
			mine, other := c.signIn("ada"), c.signIn("ada", "prompt", "consent")
			stranger := c.signIn("grace")
			token := row.token(mine)
			if resp, body := c.post(d.Issuer+"/revoke", url.Values{"token": {token}}); resp.StatusCode != http.StatusOK {
				t.Fatalf("it answers %d %s", resp.StatusCode, body)
			}
			known := token == mine.RefreshToken || token == mine.AccessToken
			if _, err := c.refresh(mine.RefreshToken); (err != nil) != known {
				t.Errorf("afterwards the refresh says %v", err)
			}
			if _, err := c.refresh(other.RefreshToken); (err != nil) != row.otherDies {
				t.Errorf("the other sign-in of the same person says %v", err)
			}
			if _, err := c.refresh(stranger.RefreshToken); err != nil {
				t.Errorf("somebody else's sign-in died: %v", err)
			}
		})
	}
}

func TestRevocationsThatAreRefused(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("ada")
	for name, form := range map[string]url.Values{
		"no token":       {},
		"a wrong client": {"token": {tok.RefreshToken}, "client_id": {d.ClientID}, "client_secret": {"wrong"}},
	} {
		if resp, _ := c.post(d.Issuer+"/revoke", form); resp.StatusCode/100 != 4 {
			t.Errorf("%s is answered %d", name, resp.StatusCode)
		}
	}
	if _, err := c.refresh(tok.RefreshToken); err != nil {
		t.Errorf("the token died: %v", err)
	}
}

func TestAHundredRefreshTokensAreTheLimit(t *testing.T) {
	d := start(t, withHabits(func(h *provider.Habits) { h.MaxRefresh = 3 }))
	c := newClient(t, d)
	oldest := c.signIn("ada")
	var rest []*oauth2.Token
	for range 3 {
		rest = append(rest, c.signIn("ada", "prompt", "consent"))
	}
	if _, err := c.refresh(oldest.RefreshToken); code(t, err) != "invalid_grant" {
		t.Errorf("the oldest lives: %v", err)
	}
	for _, tok := range rest {
		if _, err := c.refresh(tok.RefreshToken); err != nil {
			t.Error(err)
		}
	}
}

func TestUserinfoWantsALiveToken(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("grace")
	info, err := c.provider.UserInfo(c.ctx(), oauth2.StaticTokenSource(tok))
	if err != nil {
		t.Fatal(err)
	}
	if info.Email != "grace@example.com" || !info.EmailVerified || info.Subject == "" {
		t.Errorf("userinfo says %+v", info)
	}
	if _, err := c.provider.UserInfo(c.ctx(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})); err == nil {
		t.Error("userinfo answers a token that is none")
	}
}

// A signature must verify after the keys were rotated: the old key is still published, the new one is found.
func TestKeysRotate(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	verifier := c.provider.Verifier(&oidc.Config{ClientID: d.ClientID})
	before, _ := c.signIn("ada").Extra("id_token").(string)
	if err := d.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	after, _ := c.signIn("ada").Extra("id_token").(string)
	for name, raw := range map[string]string{"before": before, "after": after} {
		if _, err := verifier.Verify(c.ctx(), raw); err != nil {
			t.Errorf("the ID token from %s the rotation: %v", name, err)
		}
	}
}

func TestRandomValuesAreLongAndDiffer(t *testing.T) {
	var mu sync.Mutex
	seen := map[string][]string{}
	d := start(t, func(c *demo.Config) {
		c.Issued = func(kind, value string) { mu.Lock(); defer mu.Unlock(); seen[kind] = append(seen[kind], value) }
	})
	c := newClient(t, d)
	for range 5 {
		c.signIn("ada", "prompt", "consent")
	}
	mu.Lock()
	defer mu.Unlock()
	for kind, n := range map[string]int{"access_token": 5, "refresh_token": 5, "id_token": 5, "code": 5, "client_secret": 1} {
		values := slices.Compact(slices.Sorted(slices.Values(seen[kind])))
		if len(values) != n || len(values[0]) < 32 {
			t.Errorf("%s: %d different values", kind, len(values))
		}
	}
	for _, e := range d.Log(0) {
		for kind, values := range seen {
			for _, v := range values {
				if strings.Contains(e.Text, v[4:12]) {
					t.Errorf("the log holds a %s", kind)
				}
			}
		}
	}
}

func TestIssueNeedsNoFlow(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tokens, ok := d.Issue("ada", "openid", provider.ScopeCalendarReadonly)
	if !ok {
		t.Fatal("ada is unknown")
	}
	if resp, _ := c.call(d.APIURL+"/users/me/calendarList", tokens.Access); resp.StatusCode != http.StatusOK {
		t.Errorf("the calendar answers %d", resp.StatusCode)
	}
	if _, err := c.refresh(tokens.Refresh); err != nil {
		t.Error(err)
	}
	if _, ok := d.Issue("nobody"); ok {
		t.Error("nobody gets tokens")
	}
}

// ctxSeconds bounds a call that is expected not to be answered.
func ctxSeconds(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A demo that runs all day forgets what is over.
func TestMemoryIsBounded(t *testing.T) {
	for name, row := range map[string]struct {
		live, access, refresh int // at most
	}{
		"a hundred refresh tokens live, and nothing else is kept for long": {100, 100, 10_000},
		"all refresh tokens live, and access tokens expire":                {0, 11_000, 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			h := provider.Google()
			h.MaxRefresh = row.live
			d := start(t, func(c *demo.Config) { c.Habits = &h; c.Now = func() time.Time { return now } })
			for range 20_000 {
				now = now.Add(time.Second)
				issue(t, d, "openid")
			}
			if access, refresh, families := d.Kept(); access > row.access || refresh > row.refresh || families > refresh {
				t.Errorf("kept are %d access tokens, %d refresh tokens, %d families", access, refresh, families)
			}
			if row.live > 0 && d.Live("ada") != row.live {
				t.Errorf("%d refresh tokens live", d.Live("ada"))
			}
		})
	}
}
