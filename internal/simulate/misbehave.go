package simulate

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/simulate/standin"
)

// slowness is how long a slow answer takes.
const slowness = 300 * time.Millisecond

// A misbehaviour is one way in which a provider goes wrong.
type misbehaviour struct {
	name, expected string
	trouble        standin.Trouble
}

// failures are answers of the token endpoint that are none.
func failures(expected string) []misbehaviour {
	bad := func(name string, t standin.Trouble) misbehaviour { return misbehaviour{name, expected, t} }
	return []misbehaviour{
		bad("500", answered(object(500, "error", "internal"))),
		bad("502 with a page", answered(page(502, "text/html", portal))),
		bad("503 with Retry-After", answered(with(object(503, "error", "temporarily_unavailable"), "Retry-After", "1"))),
		bad("429 without Retry-After", answered(object(429, "error", "rate_limited"))),
		bad("429 with Retry-After", answered(with(object(429, "error", "rate_limited"), "Retry-After", "1"))),
		bad("400 temporarily_unavailable", answered(object(400, "error", "temporarily_unavailable"))),
		bad("no answer", standin.Trouble{Silent: true}),
		bad("an answer that is cut off", standin.Trouble{Answer: object(200, "access_token", strings.Repeat("x", 100)), Cut: true}),
	}
}

// nonsense are answers with a good status that make no sense.
func nonsense(expected string) []misbehaviour {
	bad := func(name string, t standin.Trouble) misbehaviour { return misbehaviour{name, expected, t} }
	return []misbehaviour{
		bad("a page of a captive portal", answered(page(200, "text/html", portal))),
		bad("an empty answer", answered(page(200, "application/json", ""))),
		bad("a JSON list", answered(page(200, "application/json", "[]"))),
		bad("null", answered(page(200, "application/json", "null"))),
		bad("no access token", answered(object(200, "token_type", "Bearer"))),
		bad("an access token that is a number", answered(object(200, "access_token", 17, "token_type", "Bearer"))),
		bad("a redirect", answered(with(page(302, "text/html", ""), "Location", "https://elsewhere.example/"))),
		bad("an answer that does not end", standin.Trouble{Endless: true}),
	}
}

// unusual are answers that mean what they should, in an unusual form.
func unusual() []misbehaviour {
	good := func(name string, change func(map[string]any)) misbehaviour {
		return misbehaviour{name, "", changed(change)}
	}
	return []misbehaviour{
		good("no expires_in", func(f map[string]any) { delete(f, "expires_in") }),
		good("expires_in is a text", func(f map[string]any) { f["expires_in"] = "3600" }),
		good("expires_in has a fraction", func(f map[string]any) { f["expires_in"] = 3600.5 }),
		good("expires_in is null", func(f map[string]any) { f["expires_in"] = nil }),
		good("expires_at instead of expires_in", func(f map[string]any) {
			delete(f, "expires_in")
			f["expires_at"] = time.Now().Add(time.Hour).Unix()
		}),
		good("further fields", func(f map[string]any) { f["meta"] = map[string]any{"team": []any{map[string]any{"id": 1}}} }),
		good("no token_type", func(f map[string]any) { delete(f, "token_type") }),
		good("token_type in small letters", func(f map[string]any) { f["token_type"] = "bearer" }),
	}
}

// misbehaviours are the scenarios of what goes wrong at the provider.
type misbehaviours struct{ p *played }

// exchanges are token answers of a sign-in.
func (ms *misbehaviours) exchanges() (all []scenario) {
	row := func(m misbehaviour) {
		m.trouble.On = standin.Token
		all = append(all, scenario{name: "the code is answered with: " + m.name, expected: m.expected,
			run: func(t *trial) string {
				t.provider.Troubles.Cause(m.trouble)
				b := t.browser("ada")
				text := b.signIn()
				t.provider.Troubles.Recover()
				return text + "; then " + t.browser("ada").signIn()
			}})
	}
	const then = "; then 303, signed in"
	for _, m := range failures("provider_unavailable, signed out" + then) {
		row(m)
	}
	for _, m := range nonsense("login_failed, signed out" + then) {
		if m.name == "a redirect" || m.trouble.Endless {
			m.expected = "provider_unavailable, signed out" + then // it may be another's answer, or be better soon
		}
		row(m)
	}
	for _, m := range unusual() {
		m.expected = "303, signed in" + then
		row(m)
	}
	refusals := []*standin.Answer{object(400, "error", "invalid_grant"), object(401, "error", "invalid_client"),
		object(400, "error", "invalid_request"), object(400, "errors", []any{map[string]any{"errorType": "invalid"}}),
		object(200, "error", "bad_verification_code"), object(200, "ok", false, "error", "invalid_code")}
	for i, name := range []string{"400 invalid_grant", "401 invalid_client", "400 invalid_request", "400 and errors in a list",
		"200 and an error", "200 and ok: false"} {
		row(misbehaviour{name, "login_failed, signed out" + then, answered(refusals[i])})
	}
	if ms.p.answers != nil {
		for i := range ms.p.answers.Refused {
			row(misbehaviour{"a recorded refusal", "login_failed, signed out" + then, answered(&ms.p.answers.Refused[i])})
		}
	}
	return append(all, scenario{name: "the provider is slow at a sign-in", expected: "303, signed in",
		run: func(t *trial) string {
			t.provider.Troubles.Cause(standin.Trouble{On: standin.Token, Delay: slowness})
			return t.browser("ada").signIn()
		}})
}

// refreshes are answers to a refresh.
func (ms *misbehaviours) refreshes() (all []scenario) {
	row := func(m misbehaviour) {
		m.trouble.On = standin.Refresh
		all = append(all, scenario{name: "a refresh is answered with: " + m.name, expected: m.expected,
			run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				t.provider.Grants.ExpireAll()
				t.provider.Troubles.Cause(m.trouble)
				text := b.call("api") + ", " + b.session()
				t.provider.Troubles.Recover()
				return text + "; then " + b.again()
			}})
	}
	const down = "503 provider_unavailable, signed in; then 200"
	for _, m := range append(failures(down), nonsense(down)...) {
		row(m)
	}
	for _, m := range unusual() {
		m.expected = "200, signed in; then 200"
		row(m)
	}
	for _, m := range ms.refusedRefreshes(down) {
		row(m)
	}
	return append(all, ms.slowRefreshes()...)
}

// refusedRefreshes are refusals that say nothing definite of the grant, and forms of a success that only refreshes have.
func (ms *misbehaviours) refusedRefreshes(down string) []misbehaviour {
	return []misbehaviour{
		{"401 invalid_client", "500 provider_misconfigured, signed in; then 200", answered(object(401, "error", "invalid_client"))},
		{"400 and an object that nothing reads", down, answered(object(400, "notice", "Bad Request", "number", 400))},
		{"400 and errors in a list", down, answered(object(400, "list", []any{map[string]any{"errorType": "odd"}}))},
		{"403 with a page", down, answered(page(403, "text/html", portal))},
		{"the same refresh token again, or none", "200, signed in; then 200", changed(func(f map[string]any) {
			if ms.p.file.Token.Rotates == "never" {
				delete(f, "refresh_token")
			}
		})},
		{"more scopes than were granted", "200, signed in; then 200", changed(func(f map[string]any) {
			if s, ok := f["scope"].(string); ok {
				f["scope"] = s + " more.than.asked"
			}
		})},
		{"no scope", "200, signed in; then 200", changed(func(f map[string]any) { delete(f, "scope") })},
	}
}

// slowRefreshes are those in which time matters.
func (ms *misbehaviours) slowRefreshes() []scenario {
	down := func(t *trial) bool { return t.down.Load() }
	return []scenario{
		{name: "the access token's time is up", expected: "200, refreshed", run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			t.skip(lifetime + time.Second)
			if text := b.call("api"); t.provider.Grants.Renewals() == 0 {
				return text
			}
			return "200, refreshed"
		}},
		{name: "a refresh is slow", expected: "200", run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			t.provider.Grants.ExpireAll()
			t.provider.Troubles.Cause(standin.Trouble{On: standin.Refresh, Delay: slowness})
			return b.call("api")
		}},
		{name: "the provider hangs while the access token lives", expected: "200", run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			t.provider.Troubles.Cause(standin.Trouble{On: standin.Refresh, Hang: true})
			return b.call("api")
		}},
		{name: "nobody listens when a refresh is needed", expected: "503 provider_unavailable, signed in; then 200", refused: down,
			run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				t.provider.Grants.ExpireAll()
				t.down.Store(true)
				text := b.call("api") + ", " + b.session()
				t.down.Store(false)
				return text + "; then " + b.again()
			}},
		{name: "nobody listens at a sign-in", expected: "provider_unavailable, signed out; then 303, signed in", refused: down,
			run: func(t *trial) string {
				text := t.browser("ada").signInBy(standin.Choice{Change: func(url.Values) { t.down.Store(true) }})
				t.down.Store(false)
				return text + "; then " + t.browser("ada").signIn()
			}},
	}
}

// grants are what a person allowed, in unusual forms.
func (ms *misbehaviours) grants() []scenario {
	row := func(name, expected string, change func(map[string]any)) scenario {
		return scenario{name: name, expected: expected, run: func(t *trial) string {
			b := t.browser("ada")
			return b.signInBy(standin.Choice{Fields: change}) + ", then " + b.call("api")
		}}
	}
	const good = "303, signed in, then 200"
	return []scenario{
		row("the answer to a code has no scope", good, func(f map[string]any) { delete(f, "scope") }),
		row("the answer to a code has more scopes", good, func(f map[string]any) {
			if s, ok := f["scope"].(string); ok {
				f["scope"] = s + " more.than.asked"
			}
		}),
		row("the answer to a code has scopes as a list", good, func(f map[string]any) {
			if s, ok := f["scope"].(string); ok {
				var list []any
				for _, one := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' }) {
					list = append(list, one)
				}
				f["scope"] = list
			}
		}),
		row("there is no refresh token", good, func(f map[string]any) { delete(f, "refresh_token") }),
	}
}

// idTokens are ID tokens that must not be believed.
func idTokens() (all []scenario) {
	token := func(name, expected string, change func(map[string]any), t standin.Trouble) {
		t.On = standin.Token
		all = append(all, scenario{name: "an ID token has " + name, expected: expected, run: func(tr *trial) string {
			tr.provider.Troubles.Cause(t)
			return tr.browser("ada").signInBy(standin.Choice{Claims: change})
		}})
	}
	const refused = "login_failed, signed out"
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	token("another nonce", refused, set("nonce", "x"), standin.Trouble{})
	token("no nonce", refused, func(c map[string]any) { delete(c, "nonce") }, standin.Trouble{})
	token("another audience", refused, set("aud", "another"), standin.Trouble{})
	token("another issuer", refused, set("iss", "https://elsewhere.example"), standin.Trouble{})
	token("an end in the past", refused, set("exp", time.Now().Add(-time.Hour).Unix()), standin.Trouble{})
	token("no subject", refused, func(c map[string]any) { delete(c, "sub") }, standin.Trouble{})
	token("another's at_hash", refused, set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), standin.Trouble{})
	token("the algorithm HS256", refused, nil, standin.Trouble{Algorithm: "HS256"})
	token("a key that is not published", refused, nil, standin.Trouble{KeyID: "unknown"})
	token("two audiences, this client among them", "303, signed in", func(c map[string]any) {
		c["aud"], c["azp"] = []string{standin.ClientID, "another"}, standin.ClientID
	}, standin.Trouble{})
	return all
}

// documents are answers where the keys and the metadata should be.
func (ms *misbehaviours) documents() (all []scenario) {
	row := func(name, expected string, on standin.Endpoint, t standin.Trouble) {
		t.On = on
		all = append(all, scenario{name: name, expected: expected, run: func(tr *trial) string {
			tr.provider.Troubles.Cause(t)
			text := tr.browser("ada").signIn()
			tr.provider.Troubles.Recover()
			then := ""
			tr.until(func() bool { // what could not be fetched is not asked for again at once
				tr.skip(time.Minute)
				then = tr.browser("ada").signIn()
				return then == "303, signed in"
			})
			return text + "; then " + then
		}})
	}
	const down = "provider_unavailable, signed out; then 303, signed in"
	row("the keys: 503", down, standin.Keys, answered(object(503)))
	row("the keys: a page of a captive portal", down, standin.Keys, answered(page(200, "text/html", portal)))
	row("the keys: none", "login_failed, signed out; then 303, signed in", standin.Keys, answered(object(200, "keys", []any{})))
	if ms.p.discovers() {
		row("the metadata: 503", "503 "+down, standin.Discovery, answered(object(503)))
		row("the metadata: a page of a captive portal", "503 "+down, standin.Discovery, answered(page(200, "text/html", portal)))
		row("the metadata: another issuer's", "503 "+down, standin.Discovery,
			answered(object(200, "issuer", "https://elsewhere.example")))
	}
	return all
}

// openID are what can be wrong with metadata, keys, ID tokens and the issuer's name in the callback.
func (ms *misbehaviours) openID() []scenario {
	const refused = "login_failed, signed out"
	all := append(idTokens(), ms.documents()...)
	all = append(all,
		scenario{name: "the provider changes its keys", expected: "303, signed in; then 303, signed in",
			run: func(tr *trial) string {
				text := tr.browser("ada").signIn()
				tr.provider.Signer.Rotate()
				return text + "; then " + tr.browser("bob").signIn()
			}},
		scenario{name: "the callback is another issuer's", expected: refused, run: func(tr *trial) string {
			return tr.browser("ada").signInBy(standin.Choice{Change: func(q url.Values) { q.Set("iss", "https://elsewhere.example") }})
		}})
	if ms.p.discovers() {
		all = append(all, scenario{name: "the callback lacks `iss`, which the metadata promises", expected: refused,
			run: func(tr *trial) string {
				return tr.browser("ada").signInBy(standin.Choice{Change: func(q url.Values) { q.Del("iss") }})
			}})
	}
	return all
}

// userinfo are answers of that endpoint.
func (ms *misbehaviours) userinfo() (all []scenario) {
	refused, down := "login_failed, signed out", "provider_unavailable, signed out"
	if ms.p.file.Issuer != "" { // the ID token says who it is
		refused, down = "303, signed in", "303, signed in"
	}
	row := func(name, expected string, t standin.Trouble) {
		t.On = standin.Userinfo
		all = append(all, scenario{name: "userinfo: " + name, expected: expected, run: func(tr *trial) string {
			tr.provider.Troubles.Cause(t)
			return tr.browser("ada").signIn()
		}})
	}
	row("500", down, answered(object(500)))
	row("429", down, answered(object(429)))
	row("no answer", down, standin.Trouble{Silent: true})
	row("401", refused, answered(object(401, "error", "invalid_token")))
	row("403 with a page", refused, answered(page(403, "text/html", portal)))
	row("a page of a captive portal", refused, answered(page(200, "text/html", portal)))
	row("nobody's", refused, answered(object(200, "unknown", "x")))
	row("an answer that is too large", down, answered(page(200, "application/json", `{"x":"`+strings.Repeat("x", 5<<20)+`"}`)))
	return all
}

// revocations are answers to one.
func revocations() (all []scenario) {
	row := func(name, expected string, t standin.Trouble) {
		t.On = standin.Revocation
		all = append(all, scenario{name: "a revocation is answered with: " + name, expected: expected,
			run: func(tr *trial) string {
				tr.provider.Troubles.Cause(t)
				b := tr.browser("ada")
				b.signIn()
				text := b.request(http.MethodDelete, "/bff/connections/"+printed(b.connection()["id"]), nil).outcome() + ", " + b.call("api")
				tr.until(func() bool { return tr.provider.Grants.Revocations() > 0 })
				if tr.provider.Grants.Revocations() == 1 {
					text += ", revoked"
				}
				return text
			}})
	}
	const later = "204, 403 not_connected, revoked"
	row("503 once", later, standin.Trouble{Answer: object(503), Times: 1})
	row("429 with Retry-After once", later, standin.Trouble{Answer: with(object(429), "Retry-After", "1"), Times: 1})
	row("no answer once", later, standin.Trouble{Silent: true, Times: 1})
	row("400 once", later, standin.Trouble{Answer: object(400, "error", "unsupported_token_type"), Times: 1})
	row("a second's delay", later, standin.Trouble{Delay: slowness})
	return all
}

// apis are answers of the API behind the provider, which reach the browser as they are.
func apis() (all []scenario) {
	row := func(name, expected string, a *standin.Answer, refreshes bool) {
		all = append(all, scenario{name: "the API: " + name, expected: expected, run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			t.provider.Troubles.Cause(standin.Trouble{On: standin.API, Answer: a})
			text := b.call("api")
			if refreshes {
				return text + ", " + []string{"not refreshed", "refreshed once"}[min(t.provider.Grants.Renewals(), 1)]
			}
			return text
		}})
	}
	row("it refuses every token", "401, refreshed once", with(object(401), "WWW-Authenticate", `Bearer error="invalid_token"`), true)
	row("it wants another scope", "403 missing_scopes, not refreshed",
		with(object(403), "WWW-Authenticate", `Bearer error="insufficient_scope"`), true)
	row("429", "429", object(429), false)
	row("500", "500", object(500), false)
	return all
}

// typed are misbehaviours of a provider whose accounts are linked by what people type.
func typed(asked bool) (all []scenario) {
	row := func(name, expected string, t standin.Trouble) {
		t.On = standin.Userinfo
		all = append(all, scenario{name: "the key is tried: " + name, expected: expected, run: func(tr *trial) string {
			tr.provider.Troubles.Cause(t)
			text := tr.browser("ada").signIn()
			tr.provider.Troubles.Recover()
			return text + "; then " + tr.browser("ada").signIn()
		}})
	}
	const then = "; then 303, signed in"
	if asked {
		row("500", "provider_unavailable, signed in"+then, answered(object(500)))
		row("429", "provider_unavailable, signed in"+then, answered(object(429)))
		row("no answer", "provider_unavailable, signed in"+then, standin.Trouble{Silent: true})
		row("a page of a captive portal", "access_denied, signed in"+then, answered(page(200, "text/html", portal)))
		row("403", "access_denied, signed in"+then, answered(object(403)))
	}
	return append(all, scenario{name: "two people link accounts", expected: "200, 200", run: func(t *trial) string {
		ada, bob := t.browser("ada"), t.browser("bob")
		ada.signIn()
		bob.signIn()
		return ada.call("api") + ", " + bob.call("api")
	}})
}
