package simulate

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/simulate/standin"
)

const rush = 50 // calls at once

// people are the scenarios of what people do.
type people struct{ p *played }

// all are these scenarios for the provider that model plays.
func (c *people) all(model *standin.StandIn) []scenario {
	all := []scenario{
		{name: "they say no", expected: "access_denied, signed out", run: func(t *trial) string {
			return t.browser("ada").signInBy(standin.Choice{Error: "access_denied"})
		}},
		{name: "they sign out", expected: "200, then 401 not_signed_in", run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			return b.request(http.MethodPost, "/bff/logout", nil).outcome() + ", then " + b.call("api")
		}},
		{name: "access is revoked on the provider's pages", expected: "403 needs_reauth, signed in, 303, then 200",
			run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				t.provider.Grants.RevokeAll()
				text := b.call("api")
				state, _, _ := strings.Cut(b.session(), ",")
				return text + ", " + state + ", " + b.repair() + ", then " + b.call("api")
			}},
	}
	if scopes := c.p.file.Scopes; len(scopes) > 1 && !c.p.recorded() && c.p.separable() {
		all = append(all, scenario{name: "they allow less than is asked for", expected: "303, signed in, then 403 missing_scopes",
			run: func(t *trial) string {
				b := t.browser("ada")
				return b.signInBy(standin.Choice{Only: c.p.fewer()}) + ", then " + b.call("api")
			}})
	}
	return append(append(all, rushes()...), c.twoPeople(model)...)
}

// rushes are many calls of one person.
func rushes() []scenario {
	return []scenario{
		{name: "many calls at once meet a dead access token", expected: fmt.Sprintf("%d of %d answered 200, 1 refresh", rush, rush),
			run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				t.provider.Grants.ExpireAll()
				return fmt.Sprintf("%d of %d answered 200, %d refresh", b.atOnce(rush), rush, t.provider.Grants.Renewals())
			}},
		{name: "three refreshes follow one another", expected: "200, 200, 200, 3 refreshes", run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			var all []string
			for range 3 {
				t.provider.Grants.ExpireAll()
				all = append(all, b.call("api"))
			}
			return fmt.Sprintf("%s, %d refreshes", strings.Join(all, ", "), t.provider.Grants.Renewals())
		}},
	}
}

// twoPeople are scenarios in which one person must not feel what happens to another.
func (c *people) twoPeople(model *standin.StandIn) []scenario {
	dead := model.Words.DeadWords()[0]
	return []scenario{
		{name: "two people are signed in", expected: "200, 200, each as themselves", run: func(t *trial) string {
			ada, bob := t.browser("ada"), t.browser("bob")
			ada.signIn()
			bob.signIn()
			text := ada.call("api") + ", " + bob.call("api")
			if ada.account() != bob.account() || c.p.recorded() {
				text += ", each as themselves"
			}
			return text
		}},
		{name: "of two people at once, one grant has ended", expected: "ada 403 needs_reauth, bob 200",
			run: func(t *trial) string {
				ada, bob := t.browser("ada"), t.browser("bob")
				ada.signIn()
				bob.signIn()
				t.provider.Grants.ExpireAll()
				t.provider.Troubles.Cause(standin.Trouble{On: standin.Refresh, Person: "ada", Answer: &dead.Answer})
				return atOnce(ada, bob)
			}},
		{name: "of two people at once, one is refused in unknown words", expected: "ada 503 provider_unavailable, bob 200",
			run: func(t *trial) string {
				ada, bob := t.browser("ada"), t.browser("bob")
				ada.signIn()
				bob.signIn()
				t.provider.Grants.ExpireAll()
				t.provider.Troubles.Cause(standin.Trouble{On: standin.Refresh, Person: "ada", Answer: object(http.StatusForbidden,
					"notice", "Not for you.")})
				return atOnce(ada, bob)
			}},
	}
}

// atOnce has two people call at the same time.
func atOnce(ada, bob *browser) string {
	came := make(chan string, 1)
	go func() { came <- ada.call("api") }()
	text := bob.call("api")
	return "ada " + <-came + ", bob " + text
}

// callbacks are ways back that are not as they should be.
func callbacks() []scenario {
	row := func(name, expected string, change func(url.Values)) scenario {
		return scenario{name: name, expected: expected, run: func(t *trial) string {
			return t.browser("ada").signInBy(standin.Choice{Change: change})
		}}
	}
	failed := func(code string) func(url.Values) {
		return func(q url.Values) {
			q.Del("code")
			q.Set("error", code)
		}
	}
	return []scenario{
		row("the callback has another state", "login_expired, signed out", func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }),
		row("the callback has no state", "login_expired, signed out", func(q url.Values) { q.Del("state") }),
		row("the callback has two states", "login_expired, signed out", func(q url.Values) { q.Add("state", "B") }),
		row("the callback has no code", "login_failed, signed out", func(q url.Values) { q.Del("code") }),
		row("the callback has two codes", "login_failed, signed out", func(q url.Values) { q.Add("code", "B") }),
		row("the callback's code is nobody's", "login_failed, signed out", func(q url.Values) { q.Set("code", "nobody") }),
		row("the callback says server_error", "provider_unavailable, signed out", failed("server_error")),
		row("the callback says temporarily_unavailable", "provider_unavailable, signed out", failed("temporarily_unavailable")),
		row("the callback says invalid_scope", "login_failed, signed out", failed("invalid_scope")),
		row("the callback says interaction_required", "access_denied, signed out", failed("interaction_required")),
		row("the callback has parameters that nobody knows", "303, signed in", func(q url.Values) { q.Set("session_state", "x") }),
		{name: "the callback comes twice", expected: "303, signed in", run: func(t *trial) string {
			b, back := t.browser("ada"), ""
			b.through("/bff/login/"+t.name, standin.SignIn, standin.Choice{Change: func(q url.Values) { back = q.Encode() }})
			return b.visit("/bff/callback/"+t.name+"?"+back, "cross-site").outcome() + ", " + b.session()
		}},
	}
}
