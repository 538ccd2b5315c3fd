package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// places are issuers of one provider, each at a host of its own, by their names. All else is away.
type places map[string]*rogue

func (p places) RoundTrip(r *http.Request) (*http.Response, error) {
	name, _, _ := strings.Cut(r.URL.Hostname(), ".")
	g := p[name]
	if g == nil {
		return nil, http.ErrServerClosed
	}
	to, _ := url.Parse(g.URL)
	out := r.Clone(r.Context())
	out.URL.Host = to.Host
	return g.Client().Transport.RoundTrip(out)
}

func placed(t *testing.T) (places, *fleet, *instance) {
	f := newFleet(t)
	all := places{"one": f.g, "two": newRogue(t)}
	for name, g := range all {
		at := issuerOf(name)
		g.set(func(g *rogue) {
			g.extra = map[string]any{"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token",
				"jwks_uri": at + "/jwks", "userinfo_endpoint": at + "/userinfo", "revocation_endpoint": at + "/revoke"}
		})
	}
	f.change = func(p *providers.Config) {
		p.Issuer = "http://{tenant}.localhost:9000"
		p.Variables = map[string]providers.Variable{"tenant": {Ask: "Which?", Pattern: "[a-z]+"}}
		p.Hosts = []string{"*.localhost:9000"}
	}
	return all, f, f.start(0, func(c *oauth.Config) { c.Transport = all })
}

func issuerOf(name string) string { return "http://" + name + ".localhost:9000" }

// An order of a provider whose issuer a person chooses is carried out for the accounts of the issuer that signed it, and
// for no other's, whoever it says it is.
func TestAnOrderReachesTheAccountsOfItsOwnIssuer(t *testing.T) {
	all, f, i := placed(t)
	for name, g := range all {
		at, account := issuerOf(name), vault.Identity{Provider: "rogue", Issuer: issuerOf(name), Subject: "1@" + name}
		user := vault.UserID("rogue", at, account.Subject)
		grant := f.signedInAt(i, g, name)
		if grant.User.ID != user || grant.User.Subject != account.Subject || grant.Issuer != at {
			t.Errorf("who signs in at %s: %+v of %s", name, grant.User, grant.Issuer)
		}
		change := []func(map[string]any){with("iss", at), with("jti", "one id for all")}
		out, err := i.logoutToken("rogue", g.sign(g.logoutClaims(change...), "logout+jwt"))
		if err != nil || out.Account != account || out.UserID != user || out.Handle != grant.Handle || out.Handle == "" {
			t.Errorf("a logout token of %s: %v %+v, after %q", name, err, out, grant.Handle)
		}
		event := g.securityClaims("sessions-revoked", change...)
		for _, body := range event["events"].(map[string]any) {
			body.(map[string]any)["subject"].(map[string]any)["iss"] = at
		}
		events, err := i.securityEvents("rogue", g.sign(event, "secevent+jwt"))
		if err != nil || len(events) != 1 || events[0].Account != account || events[0].UserID != user {
			t.Errorf("a security event of %s: %v %+v", name, err, events)
		}
	}
	for what, issuer := range map[string]string{
		"signed by another place": issuerOf("two"), "of a host that is none of the provider's": "http://one.example",
		"of the template": "http://{tenant}.localhost:9000", "of a name that is not of the pattern": issuerOf("one.two"),
		"in capitals": issuerOf("ONE"), "of nobody": "", "of a path": issuerOf("one") + "/x",
	} {
		raw := f.g.sign(f.g.logoutClaims(with("iss", issuer)), "logout+jwt")
		_, err := i.logoutToken("rogue", raw)
		kind(t, err, oauth.KindFailed)
		if oauth.KindOf(err) != oauth.KindFailed {
			t.Errorf("a token %s: %v", what, err)
		}
	}
	_, err := i.logoutToken("rogue", f.g.sign(f.g.logoutClaims(with("iss", issuerOf("away"))), "logout+jwt"))
	kind(t, err, oauth.KindUnavailable)
}

// An order of a provider that has several accounts of a person is about all of them, and says none: which they are,
// whoever signed in with them knows. A subject that looks like an account's is a name all the same.
func TestAnOrderAboutAPersonOfSeveralAccountsNamesThePerson(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) {
		p.KeepValues = map[string]string{"realm": "callback.realmId"}
		p.AccountValues = []string{"realm"}
	}
	i := f.start(0)
	for _, realm := range []string{"1", "2"} {
		a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
		if err != nil {
			t.Fatal(err)
		}
		f.g.set(func(g *rogue) { g.codes["code"] = g.idClaims(a.Nonce.Reveal()) })
		grant, err := i.Finish(context.Background(), a, url.Values{"code": {"code"}, "realmId": {realm}})
		if err != nil || grant.User.Subject != "1@"+realm || grant.Named != "1" {
			t.Errorf("company %s: %+v called %q, %v", realm, grant.User, grant.Named, err)
		}
	}
	for _, sub := range []string{"1", "1@2"} {
		want := vault.Identity{Provider: "rogue", Issuer: f.g.URL, Named: sub}
		out, err := i.logoutToken("rogue", f.g.sign(f.g.logoutClaims(with("sub", sub), with("jti", "l"+sub)), "logout+jwt"))
		if err != nil || out.Account != want || out.UserID != "" {
			t.Errorf("a logout token about %s: %+v %v", sub, out, err)
		}
		event := f.g.securityClaims("sessions-revoked", with("jti", "e"+sub))
		for _, body := range event["events"].(map[string]any) {
			body.(map[string]any)["subject"].(map[string]any)["sub"] = sub
		}
		events, err := i.securityEvents("rogue", f.g.sign(event, "secevent+jwt"))
		if err != nil || len(events) != 1 || events[0].Account != want || events[0].UserID != "" {
			t.Errorf("a security event about %s: %+v %v", sub, events, err)
		}
	}
}

// signedInAt signs somebody in at one place.
func (f *fleet) signedInAt(i *instance, g *rogue, name string) oauth.Grant {
	f.t.Helper()
	values, wrong := i.Values("rogue", map[string]string{"tenant": name})
	if wrong != nil {
		f.t.Fatal(wrong)
	}
	a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue", Values: values})
	if err != nil {
		f.t.Fatal(err)
	}
	g.set(func(g *rogue) {
		g.codes["code"] = g.idClaims(a.Nonce.Reveal(), with("iss", issuerOf(name)), with("sid", "s-1"))
	})
	grant, err := i.Finish(context.Background(), a, url.Values{"code": {"code"}})
	if err != nil {
		f.t.Fatal(err)
	}
	return grant
}
