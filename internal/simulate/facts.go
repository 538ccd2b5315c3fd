package simulate

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/providers"
	"bff/internal/simulate/standin"
)

// facts are the scenarios that show whether the file says what the provider is.
type facts struct{ p *played }

// all are these scenarios for the provider that model plays.
func (f *facts) all(model *standin.StandIn) []scenario {
	all := f.ofFile(model)
	for i := range all {
		all[i].fact = true
	}
	return all
}

func (f *facts) ofFile(model *standin.StandIn) []scenario {
	all := []scenario{
		{name: "people see its name", expected: expectTitle(&f.p.file), run: title, shows: []string{"title"}},
		{name: "a person signs in, and an API is called", expected: f.expectSignIn(model), core: true,
			run: func(t *trial) string {
				b := t.browser("ada")
				text := b.signIn()
				return strings.Join([]string{text, b.account(), b.call("api"), b.exchange(f.p.life())}, "; ")
			}},
	}
	if f.p.file.Typed() {
		return append(all, f.typedFacts()...)
	}
	all = append(all,
		scenario{name: "the API refuses the access token early", expected: f.expectEarly(), core: true,
			shows: []string{"refresh"}, run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				t.provider.Grants.ExpireAll()
				return fmt.Sprintf("%s, %d refresh", b.call("api"), t.provider.Grants.Renewals())
			}},
		scenario{name: "further scopes are linked", expected: f.expectMore(), run: f.linkMore,
			shows: []string{"scope", "connect"}},
	)
	if !f.p.recorded() {
		all = append(all, f.lessOfMore())
	}
	if f.p.file.Shapes.AnswerNames[grantEnd] != "" && !f.p.recorded() {
		all = append(all, f.grantEnds())
	}
	all = append(all, f.unlinked(model), f.secondSignIn())
	if f.p.renews() {
		all = append(all, f.lost())
	}
	if model.Has(standin.EndSession) {
		all = append(all, f.signOut(model))
	}
	if f.p.file.Authorization.GrantedScopes == "callback" && len(f.p.file.Scopes) > 1 && !f.p.recorded() {
		all = append(all, f.lessByCallback())
	}
	all = append(all, f.implied()...)
	all = append(all, f.issuers()...)
	if model.Has(standin.RISC) {
		all = append(all, event())
	}
	if !f.p.renews() {
		return all
	}
	return append(all, deadGrants(model)...)
}

// expectEarly is what should come of an access token that the API refuses before its time.
func (f *facts) expectEarly() string {
	if f.p.renews() {
		return "200, 1 refresh"
	}
	return "401, 0 refresh" // the API's own answer: nothing says that the grant has ended
}

// title is what the list of providers calls it, and, where people type a key, the page for that.
func title(t *trial) string {
	b := t.browser("ada")
	list, _ := b.request(http.MethodGet, "/bff/session", nil).body["providers"].([]any)
	for _, p := range list {
		if p, ok := p.(map[string]any); ok && p["name"] == t.name && t.lobby == nil {
			return fmt.Sprint(p["title"])
		}
	}
	b.through("/bff/login/people", standin.SignIn, standin.Choice{})
	page := string(b.visit("/bff/connect/"+t.name, "same-origin").text)
	_, rest, _ := strings.Cut(page, "<title>")
	heading, _, _ := strings.Cut(rest, "</title>")
	return heading
}

// expectTitle is the name in the list of providers or, where people type a key, the title of the page for that.
func expectTitle(p *providers.Config) string {
	if name := cmp.Or(p.Title, p.Name); !p.Typed() {
		return name
	}
	return "Link " + cmp.Or(p.Title, p.Name)
}

// expectSignIn is what a sign-in should show.
func (f *facts) expectSignIn(model *standin.StandIn) string {
	in := "303, signed in"
	life := "its end is not known"
	if l := f.p.life(); l > 0 {
		life = livesFor(l)
	}
	return strings.Join([]string{in, f.expectAccount(model), "200", life}, "; ")
}

// expectAccount is whose connection it should be.
func (f *facts) expectAccount(model *standin.StandIn) string {
	said := model.People.Account("ada")
	if f.p.file.Issuer != "" && !f.p.asksUserinfo() && f.p.file.Userinfo.URL != "" {
		said = standin.Account{Subject: said.Subject} // the ID token says no more
	}
	if f.p.file.Typed() && f.p.file.Userinfo.URL == "" {
		return "ada"
	}
	text := strings.Join([]string{said.Subject, cmp.Or(said.Name, "-"), cmp.Or(said.Email, "-")}, ", ")
	if !f.p.file.Typed() {
		text += ", " + cmp.Or(said.Picture, "-") + ", e-mail verified: " + cmp.Or(said.Verified, "false")
	}
	return text
}

// expectMore is what should come of further scopes.
func (f *facts) expectMore() string {
	text := "303, granted as asked for; 200"
	if !f.p.recorded() {
		text += ", and where they are wanted 200"
	}
	return text
}

// linkMore asks for more scopes, with what a request at connect has, and calls an API that wants one of them: its name
// is compared as the file says.
func (f *facts) linkMore(t *trial) string {
	b := t.browser("ada")
	b.signIn()
	text := b.link("?scopes="+standin.ExtraScope+"+"+standin.OtherScope, standin.Connect, standin.Choice{})
	if want := f.p.grantedNames(standin.ExtraScope, standin.OtherScope); b.scopes() == want || f.p.answers != nil && f.p.answers.Token != nil {
		text += ", granted as asked for"
	} else {
		text += ", granted " + b.scopes()
	}
	if text += "; " + b.call("api"); !f.p.recorded() {
		text += ", and where they are wanted " + b.call(extraAPI)
	}
	return text
}

// lessOfMore is a person who allows one of two further scopes. What was granted is where the file says.
func (f *facts) lessOfMore() scenario {
	want := "303, granted " + f.p.grantedNames(standin.ExtraScope)
	return scenario{name: "one of two further scopes is allowed", expected: want, shows: []string{"answer_names.scope", "granted_scopes"},
		run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			only := append(slices.Clone(f.p.file.Scopes), standin.ExtraScope)
			text := b.link("?scopes="+standin.ExtraScope+"+"+standin.OtherScope, standin.Connect, standin.Choice{Only: only})
			return text + ", granted " + b.scopes()
		}}
}

// grantEnd is the field of a token answer that says how long the grant lives.
const grantEnd = "refresh_token_expires_in"

// grantEnds is an answer that says, under a name of the file's, when the grant ends.
func (f *facts) grantEnds() scenario {
	return scenario{name: "the answer says how long the refresh token lives", expected: "303, signed in; " + livesFor(standin.GrantLife),
		shows: []string{"answer_names." + grantEnd}, run: func(t *trial) string {
			b := t.browser("ada")
			text, end := b.signIn(), fmt.Sprint(b.connection()["expires_at"])
			at, err := time.Parse(time.RFC3339, end)
			left := time.Until(at)
			if err == nil && left <= standin.GrantLife && left > standin.GrantLife-time.Hour {
				left = standin.GrantLife
			}
			return text + "; " + livesFor(left)
		}}
}

// lost is the answer to a refresh that does not arrive, though the refresh token was spent.
func (f *facts) lost() scenario {
	want := "503 provider_unavailable, then 200, signed in"
	if !f.p.file.Token.KeepsOld() && !f.p.keepsOld() {
		want = "503 provider_unavailable, then 403 needs_reauth, signed in, needs_reauth (rotated_away)"
	}
	return scenario{name: "the answer to a refresh gets lost", expected: want, shows: []string{"rotates", "reuse"},
		run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			t.provider.Grants.ExpireAll()
			t.provider.Troubles.Cause(standin.Trouble{On: standin.Refresh, Works: true, Silent: true, Times: 1})
			first := b.call("api")
			return first + ", then " + b.again() + ", " + b.session()
		}}
}

func (f *facts) unlinked(model *standin.StandIn) scenario {
	want := "204, then 403 not_connected"
	if model.Has(standin.Revocation) {
		want += ", revoked at the provider"
	}
	return scenario{name: "they unlink the account", expected: want, shows: []string{"revocation"},
		run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			target := "/bff/connections/" + fmt.Sprint(b.connection()["id"])
			text := b.request(http.MethodDelete, target, nil).outcome() + ", then " + b.call("api")
			done := func() bool { return t.provider.Grants.Revocations() > 0 || len(t.provider.Journal.Refusals()) > 0 }
			if strings.HasPrefix(text, "204") && model.Has(standin.Revocation) && t.until(done) && t.provider.Grants.Revocations() == 1 {
				text += ", revoked at the provider"
			}
			return text
		}}
}

// secondSignIn is another browser's: where the provider gives a refresh token at a first consent only, bff asks again.
func (f *facts) secondSignIn() scenario {
	return scenario{name: "they sign in on another device", expected: "303, signed in, 200, refreshed",
		shows: []string{"consent"}, run: func(t *trial) string {
			t.browser("ada").signIn()
			b := t.browser("ada")
			text := b.signIn()
			t.provider.Grants.ExpireAll()
			text += ", " + b.call("api")
			if t.provider.Grants.Renewals() > 0 {
				text += ", refreshed"
			}
			return text
		}}
}

func (f *facts) signOut(model *standin.StandIn) scenario {
	want := "200, " + model.Address(standin.EndSession) + ", then 401 not_signed_in"
	return scenario{name: "they sign out", expected: want, shows: []string{"end_session"}, run: func(t *trial) string {
		b := t.browser("ada")
		b.signIn()
		a := b.request(http.MethodPost, "/bff/logout", nil)
		to, _, _ := strings.Cut(fmt.Sprint(a.body["logout_url"]), "?")
		return a.outcome() + ", " + to + ", then " + b.call("api")
	}}
}

// lessByCallback is a person who does not allow the last of the scopes, which the callback alone says.
func (f *facts) lessByCallback() scenario {
	return scenario{name: "they allow less, and the callback says so", expected: "303, signed in, then 403 missing_scopes",
		shows: []string{"granted_scopes"}, run: func(t *trial) string {
			b := t.browser("ada")
			return b.signInBy(standin.Choice{Only: f.p.file.Scopes[:len(f.p.file.Scopes)-1]}) + ", then " + b.call("api")
		}}
}

// implied are scopes that cover others: a person allows one of them, and an API that wants the others is called.
func (f *facts) implied() (all []scenario) {
	for i, of := range f.p.implying() {
		only := []string{of}
		if f.p.file.Issuer != "" {
			only = append(only, "openid") // without which nobody would say whose account it is
		}
		all = append(all, scenario{name: "`" + of + "` is granted alone", expected: "303, then 200",
			shows: []string{"scope_implies." + of}, run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				text := b.link("?scopes="+url.QueryEscape(of), standin.Connect, standin.Choice{Only: only})
				return text + ", then " + b.call(fmt.Sprint("implied", i))
			}})
	}
	return all
}

// issuers are the further forms of `iss` in ID tokens.
func (f *facts) issuers() (all []scenario) {
	for _, form := range f.p.file.Issuers {
		iss := strings.ReplaceAll(form, "{tid}", standin.Tenant)
		all = append(all, scenario{name: "an ID token is of " + form, expected: "303, signed in",
			shows: []string{"issuers." + form}, run: func(t *trial) string {
				return t.browser("ada").signInBy(standin.Choice{Claims: func(c map[string]any) { c["iss"] = iss }})
			}})
	}
	return all
}

// event is a security event by which the provider says that a grant has ended.
func event() scenario {
	return scenario{name: "the provider announces that sessions are revoked", expected: "202, signed out",
		shows: []string{"risc"}, run: func(t *trial) string {
			b := t.browser("ada")
			b.signIn()
			now := time.Now()
			token := t.provider.Signer.Sign(map[string]any{"iss": t.provider.Issuer(), "aud": standin.ClientID, "iat": now.Unix(), "jti": "event-1",
				"events": map[string]any{"https://schemas.openid.net/secevent/risc/event-type/sessions-revoked": map[string]any{
					"subject": map[string]any{"subject_type": "iss-sub", "iss": t.provider.Issuer(), "sub": t.provider.People.Subject("ada")}}}},
				"secevent+jwt", nil)
			return t.post("/bff/security-events/"+t.name, "application/secevent+jwt", token) + ", " + b.session()
		}}
}

// deadGrants are all the words by which the provider says that a grant has ended.
func deadGrants(model *standin.StandIn) (all []scenario) {
	for _, word := range model.Words.DeadWords() {
		want := "403 needs_reauth, bob 200, signed in, needs_reauth (" + word.Reason + "), 303, then 200"
		if word.Reason == "" {
			want = "403 needs_reauth, bob 200, 303, then 200"
		}
		all = append(all, scenario{name: "a refresh is refused: " + word.Name, expected: want, core: true, shows: word.Keys,
			run: func(t *trial) string {
				b, bob := t.browser("ada"), t.browser("bob")
				b.signIn()
				bob.signIn()
				t.provider.Grants.ExpireAll()
				t.provider.Troubles.Cause(standin.Trouble{On: standin.Refresh, Person: "ada", Answer: &word.Answer})
				text := b.call("api") + ", bob " + bob.call("api")
				if word.Reason != "" {
					text += ", " + b.session()
				}
				t.provider.Troubles.Recover()
				return text + ", " + b.repair() + ", then " + b.call("api")
			}})
	}
	return all
}

// typedFacts are those of a provider whose accounts are linked by what people type.
func (f *facts) typedFacts() []scenario {
	if f.p.file.Userinfo.URL == "" {
		return nil
	}
	return []scenario{
		{name: "a wrong key is typed", expected: "access_denied", run: func(t *trial) string {
			t.browser("ada").through("/bff/login/people", standin.SignIn, standin.Choice{})
			b := t.browser("ada")
			b.through("/bff/login/people", standin.SignIn, standin.Choice{})
			form := url.Values{"api_key": {"ak-ada-wrong"}, "username": {"ada"}, "password": {"wrong"}}
			return b.request(http.MethodPost, "/bff/connect/"+t.name, form).outcome()
		}},
		{name: "the key is withdrawn", expected: "403 needs_reauth, signed in, needs_reauth (revoked), 303, then 200",
			run: func(t *trial) string {
				b := t.browser("ada")
				b.signIn()
				t.provider.Grants.RevokeKey("ada", true)
				text := b.call("api") + ", " + b.session()
				t.provider.Grants.RevokeKey("ada", false)
				return text + ", " + b.repair() + ", then " + b.call("api")
			}},
	}
}
