package simulate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"bff/internal/app"
	"bff/internal/oauth"
	"bff/internal/simulate/standin"
)

// application are the scenarios of a credential of the operator's.
type application struct{ p *played }

// all are the scenarios of a provider that is called with the operator's credential: those that show facts in front.
func (a *application) all(model *standin.StandIn) []scenario {
	in := func(t *trial) *browser {
		b := t.browser("ada")
		b.through("/bff/login/people", standin.SignIn, standin.Choice{})
		return b
	}
	all := []scenario{
		{name: "people call an API with the application's credential", expected: "200, bob 200", fact: true, core: true,
			run: func(t *trial) string {
				bob := t.browser("bob")
				bob.through("/bff/login/people", standin.SignIn, standin.Choice{})
				return in(t).call("api") + ", bob " + bob.call("api")
			}},
		{name: "the application's credential is another", expected: a.wrongCredential(), run: func(t *trial) string {
			return in(t).call("api")
		}, other: true},
	}
	if a.p.obtained() || a.p.file.Userinfo.URL != "" {
		all = append(all, checks()...)
	}
	if a.p.obtained() {
		all = append(all, a.renewedTokens(in)...)
		all = append(all, a.refusedTokens(model, in)...)
	}
	return append(all, operatedAPIs(in)...)
}

// checks are what `bff check` says of the credential: it has a token obtained, or asks the userinfo endpoint.
func checks() []scenario {
	down := func(t *trial) bool { return t.down.Load() }
	return []scenario{
		{name: "bff check tries the application's credential", expected: "taken", fact: true, shows: []string{"userinfo"}, run: check},
		{name: "bff check tries another credential", expected: "refused", run: check, other: true},
		{name: "bff check, and nobody listens at the provider", expected: "no answer", refused: down, run: func(t *trial) string {
			t.down.Store(true)
			return check(t)
		}},
	}
}

// check is what `bff check` finds out about the provider.
func check(t *trial) string {
	err := app.CheckProvider(t.ctx, t.instance, t.name)
	switch {
	case err == nil:
		return "taken"
	case oauth.KindOf(err) == oauth.KindMisconfigured:
		return "refused"
	case oauth.KindOf(err) == oauth.KindUnavailable:
		return "no answer"
	}
	return "failed"
}

// wrongCredential is what comes of a call with a credential that the provider does not know.
func (a *application) wrongCredential() string {
	if a.p.obtained() {
		return "500 provider_misconfigured"
	}
	return "401" // the API's own answer: nobody else was asked
}

// renewedTokens are about when a token is obtained.
func (a *application) renewedTokens(in func(*trial) *browser) []scenario {
	tokens := func(t *trial) string { return fmt.Sprintf("%d tokens", t.provider.Grants.Renewals()) }
	return []scenario{
		{name: "the application's token comes to its end", fact: true, shows: []string{"lifetime", "answer_names"},
			expected: "200, " + livesFor(a.p.life()) + ", 200, 200, 2 tokens", run: func(t *trial) string {
				b := in(t)
				text := b.call("api") + ", " + b.exchange(a.p.life())
				t.skip(a.p.life() / 2)
				text += ", " + b.call("api")
				t.skip(a.p.life()/2 + time.Second)
				return text + ", " + b.call("api") + ", " + tokens(t)
			}},
		{name: "the API refuses the application's token early", fact: true, expected: "200, 200, 2 tokens",
			run: func(t *trial) string {
				b := in(t)
				text := b.call("api")
				t.provider.Grants.ExpireAll()
				return text + ", " + b.call("api") + ", " + tokens(t)
			}},
		{name: "many calls at once, and there is no token", expected: fmt.Sprintf("%d of %d answered 200, 1 tokens", rush, rush),
			run: func(t *trial) string {
				return fmt.Sprintf("%d of %d answered 200, %s", in(t).atOnce(rush), rush, tokens(t))
			}},
		{name: "the provider is down while the application's token lives", expected: "200, 200", run: func(t *trial) string {
			b := in(t)
			text := b.call("api")
			t.provider.Troubles.Cause(standin.Trouble{On: standin.Token, Answer: object(503)})
			t.skip(a.p.life() - time.Minute)
			return text + ", " + b.call("api")
		}},
	}
}

// refusedTokens are answers to the request for a token: refusals, which are the operator's to correct, and outages.
func (a *application) refusedTokens(model *standin.StandIn, in func(*trial) *browser) (all []scenario) {
	row := func(m misbehaviour) {
		m.trouble.On = standin.Token
		all = append(all, scenario{name: "the application asks for a token: " + m.name, expected: m.expected + "; then 200",
			run: func(t *trial) string {
				b := in(t)
				t.provider.Troubles.Cause(m.trouble)
				text := b.call("api")
				t.provider.Troubles.Recover()
				return text + "; then " + b.again()
			}})
	}
	words := model.Words.Refused()
	for _, name := range slices.Sorted(maps.Keys(words)) {
		answer := words[name]
		row(misbehaviour{name, "500 provider_misconfigured", answered(&answer)})
	}
	const down = "503 provider_unavailable"
	for _, m := range append(failures(down), nonsense(down)...) {
		if m.name == "400 temporarily_unavailable" {
			continue // whatever the word, a 400 is the operator's to correct
		}
		row(m)
	}
	return all
}

// operatedAPIs are answers of the API.
func operatedAPIs(in func(*trial) *browser) (all []scenario) {
	row := func(name, expected string, a *standin.Answer) {
		all = append(all, scenario{name: "the API: " + name, expected: expected, run: func(t *trial) string {
			b := in(t)
			t.provider.Troubles.Cause(standin.Trouble{On: standin.API, Answer: a})
			return b.call("api")
		}})
	}
	row("it refuses every credential", "401", object(401))
	row("429", "429", object(429))
	row("500", "500", object(500))
	return all
}
