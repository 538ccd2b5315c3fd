package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/testenv"
	"bff/internal/vault"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func (g *rogue) logoutClaims(change ...func(map[string]any)) map[string]any {
	now := time.Now()
	g.mu.Lock()
	g.n++
	c := map[string]any{
		"iss":    g.URL,
		"aud":    "client",
		"iat":    now.Unix(),
		"exp":    now.Add(2 * time.Minute).Unix(),
		"jti":    fmt.Sprint("jti-", g.n),
		"sub":    "1",
		"sid":    "s-1",
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	g.mu.Unlock()
	for _, f := range change {
		f(c)
	}
	return c
}

// rules: OpenID Connect Back-Channel Logout 1.0, 2.4 to 2.6 (L1-L5).
func TestLogoutTokens(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	other := newRogue(t)
	now := time.Now()
	sign := func(typ string) func(map[string]any) string {
		return func(c map[string]any) string { return f.g.sign(c, typ) }
	}
	for _, row := range []struct {
		name   string
		change func(map[string]any)
		raw    func(map[string]any) string
		want   *oauth.Logout
	}{
		{name: "a user and a session", want: &oauth.Logout{UserID: "u", Handle: "rogue/s-1"}},
		{name: "a user alone", change: with("sid", nil), want: &oauth.Logout{UserID: "u"}},
		{name: "a session alone", change: with("sub", nil), want: &oauth.Logout{Handle: "rogue/s-1"}},
		{name: "one of no type", raw: sign(""), want: &oauth.Logout{UserID: "u", Handle: "rogue/s-1"}},
		{name: "one of type JWT", raw: sign("JWT"), want: &oauth.Logout{UserID: "u", Handle: "rogue/s-1"}},
		{name: "one of the whole media type", raw: sign("application/logout+jwt"), want: &oauth.Logout{UserID: "u", Handle: "rogue/s-1"}},
		{name: "one for us among others", change: with("aud", []string{"x", "client"}), want: &oauth.Logout{UserID: "u", Handle: "rogue/s-1"}},
		{name: "one without an end, as Keycloak before 24 makes it", change: with("exp", nil), want: &oauth.Logout{UserID: "u", Handle: "rogue/s-1"}},
		{name: "one of another type", raw: sign("at+jwt")},
		{name: "a security event token", raw: sign("secevent+jwt")},
		{name: "an unsigned one", raw: unsigned},
		{name: "one signed by another provider", raw: func(c map[string]any) string { return other.sign(c, "logout+jwt") }},
		{name: "one signed with the client secret", raw: func(c map[string]any) string { return symmetric(t, c, "sec:ret +") }},
		{name: "one of another issuer", change: with("iss", "https://evil.example")},
		{name: "one of no issuer", change: with("iss", nil)},
		{name: "one for another client", change: with("aud", "other")},
		{name: "one for nobody", change: with("aud", nil)},
		{name: "one without a time", change: with("iat", nil)},
		{name: "an old one", change: with("iat", now.Add(-time.Hour).Unix())},
		{name: "one from the future", change: with("iat", now.Add(time.Hour).Unix())},
		{name: "an expired one", change: with("exp", now.Add(-2*time.Minute).Unix())},
		{name: "one about nobody", change: func(c map[string]any) { delete(c, "sub"); delete(c, "sid") }},
		{name: "one without events", change: with("events", nil)},
		{name: "one with another event", change: with("events", map[string]any{"https://example.com/event": map[string]any{}})},
		{name: "one whose event is no object", change: with("events", map[string]any{logoutEvent: "yes"})},
		{name: "one whose event is null", change: with("events", map[string]any{logoutEvent: json.RawMessage("null")})},
		{name: "an ID token with the event in it", change: with("nonce", "n")},
		{name: "one with an empty nonce", change: with("nonce", "")},
		{name: "one without an id", change: with("jti", nil)},
		{name: "one with an id without end", change: with("jti", strings.Repeat("j", 4000))},
		{name: "no token", raw: func(map[string]any) string { return "" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := f.g.logoutClaims()
			if row.change != nil {
				row.change(c)
			}
			raw := f.g.sign(c, "logout+jwt")
			if row.raw != nil {
				raw = row.raw(c)
			}
			got, err := i.logoutToken("rogue", raw)
			if row.want == nil {
				kind(t, err, oauth.KindFailed)
				return
			}
			want := *row.want
			if want.UserID != "" {
				want.UserID = vault.UserID("rogue", f.g.URL, "1")
				want.Account = vault.Identity{Provider: "rogue", Issuer: f.g.URL, Subject: "1"}
			}
			if err != nil || got != want {
				t.Fatalf("%v %+v", err, got)
			}
			_, err = i.logoutToken("rogue", raw)
			kind(t, err, oauth.KindFailed) // once
		})
	}
	_, err := i.logoutToken("nobody", "x")
	kind(t, err, oauth.KindUnknown)
}

// One token, many deliveries at once on many instances: one is carried out.
func TestALogoutTokenIsUsedOnce(t *testing.T) {
	f := newFleet(t)
	fleet := []*instance{f.start(0), f.start(0)}
	raw := f.g.sign(f.g.logoutClaims(), "logout+jwt")
	var group sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for n := range 40 {
		group.Go(func() {
			if _, err := fleet[n%2].logoutToken("rogue", raw); err == nil {
				mu.Lock()
				defer mu.Unlock()
				good++
			}
		})
	}
	testenv.Finished(t, "all of them", group.Wait)
	if good != 1 {
		t.Fatalf("%d were accepted", good)
	}
}

// Without the store nobody can say that it is the first time: it is not accepted, and the provider may send it again.
func TestALogoutTokenWithoutTheStoreIsNotUsedUp(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	raw := f.g.sign(f.g.logoutClaims(), "logout+jwt")
	f.store.Stop()
	_, err := i.logoutToken("rogue", raw)
	kind(t, err, oauth.KindStore)
	_, err = i.securityEvents("rogue", f.g.sign(f.g.securityClaims("sessions-revoked"), "secevent+jwt"))
	kind(t, err, oauth.KindStore)
	f.store.Start()
	waitFor(t, func() bool { _, err := i.logoutToken("rogue", raw); return err == nil })
}

func (g *rogue) securityClaims(event string, change ...func(map[string]any)) map[string]any {
	c := g.logoutClaims()
	delete(c, "exp")
	delete(c, "sub")
	delete(c, "sid")
	if !strings.Contains(event, ":") {
		event = "https://schemas.openid.net/secevent/risc/event-type/" + event
	}
	c["events"] = map[string]any{
		event: map[string]any{"subject": map[string]any{"subject_type": "iss-sub", "iss": g.URL + "/", "sub": "1"}},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

// rules: RFC 8417, and Google's habits: an issuer with a slash, no end.
func TestSecurityEventTokens(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	other := newRogue(t)
	now := time.Now()
	const tokens = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked"
	subject := func(s any) func(map[string]any) {
		return func(c map[string]any) {
			for _, body := range c["events"].(map[string]any) {
				body.(map[string]any)["subject"] = s
			}
		}
	}
	for _, row := range []struct {
		name, event string
		change      func(map[string]any)
		raw         func(map[string]any) string
		want        oauth.SecurityKind
		nobody, bad bool
	}{
		{name: "sessions revoked", event: "sessions-revoked", want: oauth.SessionsRevoked},
		{name: "tokens revoked", event: tokens, want: oauth.TokensRevoked},
		{name: "tokens revoked where some put it", event: "tokens-revoked", want: oauth.TokensRevoked},
		{name: "account disabled", event: "account-disabled", want: oauth.AccountDisabled},
		{name: "account purged", event: "account-purged", want: oauth.AccountPurged},
		{name: "credentials must change", event: "account-credential-change-required", want: oauth.CredentialChange},
		{name: "a test", event: "verification", change: subject(nil), want: oauth.Verification, nobody: true},
		{name: "account enabled asks for nothing", event: "account-enabled", want: oauth.Other},
		{name: "an event that nobody knows asks for nothing", event: "https://example.com/x", want: oauth.Other},
		{name: "one token revoked is about nobody we can name", event: "https://schemas.openid.net/secevent/oauth/event-type/token-revoked", want: oauth.Other, nobody: true,
			change: subject(map[string]any{"subject_type": "oauth_token", "token_type": "refresh_token", "token": "abc"})},
		{name: "the issuer with a slash", event: "sessions-revoked", change: func(c map[string]any) { c["iss"] = f.g.URL + "/" }, want: oauth.SessionsRevoked},
		{name: "an end that has passed is not looked at", event: "sessions-revoked", change: with("exp", now.Add(-time.Hour).Unix()), want: oauth.SessionsRevoked},
		{name: "one of no type", event: "sessions-revoked", raw: func(c map[string]any) string { return f.g.sign(c, "") }, want: oauth.SessionsRevoked},
		{name: "a subject as RFC 9493 writes it", event: "sessions-revoked", want: oauth.SessionsRevoked,
			change: subject(map[string]any{"format": "iss_sub", "iss": f.g.URL, "sub": "1"})},
		{name: "a subject of the token itself (RFC 9493 4)", event: "sessions-revoked", want: oauth.SessionsRevoked, change: func(c map[string]any) {
			subject(nil)(c)
			c["sub_id"] = map[string]any{"format": "iss_sub", "iss": f.g.URL, "sub": "1"}
		}},
		{name: "an event's own subject goes before the token's", event: "sessions-revoked", want: oauth.SessionsRevoked, nobody: true, change: func(c map[string]any) {
			subject(map[string]any{"format": "email", "email": "ada@example.com"})(c)
			c["sub_id"] = map[string]any{"format": "iss_sub", "iss": f.g.URL, "sub": "1"}
		}},
		{name: "a subject of another issuer is about nobody", event: "sessions-revoked", want: oauth.SessionsRevoked, nobody: true,
			change: subject(map[string]any{"subject_type": "iss-sub", "iss": other.URL, "sub": "1"})},
		{name: "a subject that is an address is about nobody", event: "sessions-revoked", want: oauth.SessionsRevoked, nobody: true,
			change: subject(map[string]any{"subject_type": "email", "email": "ada@example.com"})},
		{name: "of another type", event: "sessions-revoked", raw: func(c map[string]any) string { return f.g.sign(c, "logout+jwt") }, bad: true},
		{name: "unsigned", event: "sessions-revoked", raw: unsigned, bad: true},
		{name: "signed by another provider", event: "sessions-revoked", raw: func(c map[string]any) string { return other.sign(c, "secevent+jwt") }, bad: true},
		{name: "of another issuer", event: "sessions-revoked", change: with("iss", "https://evil.example"), bad: true},
		{name: "of an issuer with two slashes", event: "sessions-revoked", change: func(c map[string]any) { c["iss"] = f.g.URL + "//" }, bad: true},
		{name: "of no issuer", event: "sessions-revoked", change: with("iss", ""), bad: true},
		{name: "for another client", event: "sessions-revoked", change: with("aud", "other"), bad: true},
		{name: "without a time", event: "sessions-revoked", change: with("iat", nil), bad: true},
		{name: "of last month", event: "sessions-revoked", change: with("iat", now.Add(-30*24*time.Hour).Unix()), bad: true},
		{name: "from the future", event: "sessions-revoked", change: with("iat", now.Add(time.Hour).Unix()), bad: true},
		{name: "without an id", event: "sessions-revoked", change: with("jti", nil), bad: true},
		{name: "without events, as an ID token is", event: "sessions-revoked", change: with("events", nil), bad: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := f.g.securityClaims(row.event)
			if row.change != nil {
				row.change(c)
			}
			raw := f.g.sign(c, "secevent+jwt")
			if row.raw != nil {
				raw = row.raw(c)
			}
			got, err := i.securityEvents("rogue", raw)
			if row.bad {
				kind(t, err, oauth.KindFailed)
				return
			}
			if err != nil || len(got) != 1 || got[0].Kind != row.want {
				t.Fatalf("%v %+v", err, got)
			}
			if want := vault.UserID("rogue", f.g.URL, "1"); (got[0].UserID == want) == row.nobody ||
				(got[0].Account.Subject == "1") == row.nobody {
				t.Fatalf("%+v", got[0])
			}
			if again, err := i.securityEvents("rogue", raw); err != nil || len(again) != 0 {
				t.Fatalf("the second time: %v %+v", err, again)
			}
		})
	}
}

// Google publishes who signs its events in a document of their own.
func TestSecurityEventsHaveTheirOwnKeys(t *testing.T) {
	f := newFleet(t)
	signer := newRogue(t)
	issuer := f.g.URL
	document := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		signer.json(w, 200, map[string]any{"issuer": issuer, "jwks_uri": signer.URL + "/jwks"})
	}))
	t.Cleanup(document.Close)
	f.change = func(p *providers.Config) { p.RISCURL = document.URL }
	i := f.start(0)
	c := f.g.securityClaims("sessions-revoked")
	// Its keys are named without an algorithm there: RS256 alone is taken, so an ECDSA signature is not.
	_, err := i.securityEvents("rogue", signer.sign(c, "secevent+jwt"))
	kind(t, err, oauth.KindFailed)
	signer.useRSA()
	if got, err := i.securityEvents("rogue", signer.sign(c, "secevent+jwt")); err != nil || len(got) != 1 {
		t.Fatalf("%v %+v", err, got)
	}
	_, err = i.securityEvents("rogue", f.g.sign(f.g.securityClaims("sessions-revoked"), "secevent+jwt"))
	kind(t, err, oauth.KindFailed)
	issuer = "https://evil.example"
	_, err = f.start(0).securityEvents("rogue", signer.sign(c, "secevent+jwt"))
	kind(t, err, oauth.KindUnavailable)
}

func TestKeysThatCannotBeFetchedAreNoVerdict(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	if _, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"}); err != nil { // the metadata are known
		t.Fatal(err)
	}
	f.g.Config.Handler = down(f.g.Config.Handler, f.g)
	f.g.set(func(g *rogue) { g.counts["down"] = 1 })
	for range 6 { // held back by the limit or not
		_, err := i.logoutToken("rogue", f.g.sign(f.g.logoutClaims(), "logout+jwt"))
		kind(t, err, oauth.KindUnavailable)
	}
}

// logoutToken is LogoutToken whose work is only to say what it was asked for.
func (i *instance) logoutToken(provider, raw string) (got oauth.Logout, err error) {
	err = i.Signals.LogoutToken(context.Background(), provider, raw, func(_ context.Context, l oauth.Logout) error {
		got = l
		return nil
	})
	return got, err
}

func (i *instance) securityEvents(provider, raw string) (got []oauth.SecurityEvent, err error) {
	carryOut := func(_ context.Context, events []oauth.SecurityEvent) error {
		got = events
		return nil
	}
	err = i.Signals.SecurityEvents(context.Background(), provider, raw, carryOut)
	return got, err
}

// A token is spent by its work, not by its arrival: the same one is accepted until the work was done, is not carried
// out twice at once, and not again afterwards.
func TestASignalIsSpentWhenItsWorkIsDone(t *testing.T) {
	f := newFleet(t)
	here, there := f.start(0), f.start(0)
	raw := f.g.sign(f.g.logoutClaims(), "logout+jwt")
	broken := errors.New("the work failed")
	send := func(i *instance, work error) error {
		return i.Signals.LogoutToken(context.Background(), "rogue", raw, func(context.Context, oauth.Logout) error { return work })
	}
	if err := send(here, broken); !errors.Is(err, broken) {
		t.Fatalf("the work's own error: %v", err)
	}
	err := here.Signals.LogoutToken(context.Background(), "rogue", raw, func(context.Context, oauth.Logout) error {
		kind(t, send(there, nil), oauth.KindStore) // meanwhile
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("sent again: %v", err)
	}
	if err := send(there, nil); err != nil {
		t.Fatalf("after two failures: %v", err)
	}
	kind(t, send(here, nil), oauth.KindFailed)
}
