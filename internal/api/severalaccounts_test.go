package api_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/demo/provider"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// companies is a world whose provider has an account of a person for each company.
func companies(t *testing.T, change ...func(*settings)) *world {
	return newWorld(t, append(change, func(s *settings) {
		s.keep = vault.KeepUser
		s.provider = func(p *providers.Config) {
			p.Variables = map[string]providers.Variable{"company": {Ask: "Which company?", Pattern: "[0-9]+"}}
			p.AccountValues = []string{"company"}
		}
	})...)
}

func (b *browser) signInAt(company, person string) map[string]any {
	b.w.t.Helper()
	resp := b.approve(b.begin("/bff/login/demo?var.company="+company), person)
	s := b.session()
	if s["authenticated"] != true {
		b.w.t.Fatalf("company %s: to %q\n%s", company, resp.Header.Get("Location"), b.w.log)
	}
	return s
}

func signedIn(b *browser) bool { return b.session()["authenticated"] == true }

// An order by the bare subject ends the sessions of all accounts that the provider calls so, whichever company they are
// of and whichever user has them, and of nobody else.
func TestAnOrderAboutAPersonEndsTheSessionsOfAllTheirAccounts(t *testing.T) {
	for what, order := range map[string]func(w *world) *http.Response{
		"a logout token": func(w *world) *http.Response { return w.backchannel(logoutToken(t, w, "ada", "", nil)) },
		"a security event": func(w *world) *http.Response {
			return w.secevent(securityEvent(t, w, provider.EventSessionsRevoked, "ada", nil))
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := companies(t)
			first, second, grace := w.browser(), w.browser(), w.browser()
			one, two := first.signInAt("1", "ada"), second.signInAt("2", "ada")
			grace.signInAt("1", "grace")
			if one["user"].(map[string]any)["id"] == two["user"].(map[string]any)["id"] {
				t.Fatal("two companies are one account")
			}
			if resp := order(w); resp.StatusCode >= 300 {
				t.Fatalf("%d %s", resp.StatusCode, text(resp))
			}
			if signedIn(first) || signedIn(second) || !signedIn(grace) {
				t.Errorf("signed in afterwards: %v %v, grace %v", signedIn(first), signedIn(second), signedIn(grace))
			}
		})
	}
}

// A subject that is written as an account is ("sub@company") is another person's at the provider: it ends nothing.
func TestAnOrderAboutASubjectThatLooksLikeAnAccountEndsNothing(t *testing.T) {
	w := companies(t)
	b := w.browser()
	s := b.signInAt("1", "ada")
	account := s["user"].(map[string]any)["subject"].(string)
	if !strings.HasSuffix(account, "@1") {
		t.Fatalf("the account is %q", account)
	}
	for _, sub := range []string{account, strings.TrimSuffix(account, "1"), "@1", account + "@1"} {
		token := logoutToken(t, w, "ada", "", func(c map[string]any) { c["sub"] = sub })
		if resp := w.backchannel(token); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", sub, resp.StatusCode)
		}
	}
	if !signedIn(b) {
		t.Error("the session ended")
	}
}

// The grants of all of the person's accounts are dead, also where one user has both; another person's lives.
func TestRevokedTokensOfAPersonOfSeveralAccounts(t *testing.T) {
	w := companies(t)
	b := w.browser()
	b.signInAt("1", "ada")
	b.approve(b.begin("/bff/connect/demo?var.company=2"), "ada")
	b.approve(b.begin("/bff/connect/demo?var.company=1"), "linus")
	event := securityEvent(t, w, provider.EventTokensRevoked, "ada", nil)
	if resp := w.secevent(event); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d", resp.StatusCode)
	}
	all := b.session()["connections"].([]any)
	if len(all) != 3 {
		t.Fatalf("%d connections", len(all))
	}
	for _, one := range all {
		c := one.(map[string]any)
		want := "needs_reauth"
		if strings.Contains(encoded(c["account"]), "linus") {
			want = "active"
		}
		if c["status"] != want {
			t.Errorf("%v: %v, want %s", c["account"], c["status"], want)
		}
	}
}

// A person whose account was deleted at the provider is erased with all companies; a user who signs in with somebody
// else's account too loses only the deleted ones.
func TestAPurgedPersonOfSeveralAccounts(t *testing.T) {
	w := companies(t)
	alone, both := w.browser(), w.browser()
	alone.signInAt("1", "ada")
	both.signInAt("1", "grace")
	both.approve(both.begin("/bff/connect/demo?var.company=2"), "ada")
	id := both.session()["user"].(map[string]any)["id"]
	event := securityEvent(t, w, provider.EventAccountPurged, "ada", nil)
	if resp := w.secevent(event); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d\n%s", resp.StatusCode, w.log)
	}
	if signedIn(alone) || signedIn(both) {
		t.Error("a session lives on")
	}
	if again := both.signInAt("1", "grace"); again["user"].(map[string]any)["id"] != id {
		t.Error("grace is somebody else now")
	} else if accounts := again["connections"].([]any); len(accounts) != 2 {
		t.Errorf("%v", accounts)
	}
	for _, company := range []string{"1", "2"} {
		account := vault.Identity{Provider: "demo", Issuer: w.demo.Issuer, Named: w.demo.People()[0].Subject}
		account.Subject = account.Named + "@" + company
		if _, err := w.vault.Users.Find(t.Context(), account); err == nil {
			t.Errorf("ada's account at company %s still signs in", company)
		}
		if called, err := w.vault.Accounts.Called(t.Context(), account); err != nil || len(called) != 0 {
			t.Errorf("called: %v %v", called, err)
		}
	}
}
