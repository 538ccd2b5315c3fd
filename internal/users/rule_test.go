package users_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bff/internal/users"
)

// claims decodes as oauth does: numbers stay as they are written.
func claims(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("the test's claims do not parse: %v", err)
	}
	return m
}

func TestRulesThatDoNotParseAreRefused(t *testing.T) {
	parsers := map[string]func(string) (users.Rule, error){"allow": users.ParseAllow, "grant": users.ParseGrant}
	for _, row := range []struct{ parser, line string }{
		{"allow", ""},
		{"allow", "example.com"},
		{"allow", "domain:"},
		{"allow", "domain:@example.com"},
		{"allow", "domain:example.com."},
		{"allow", "domain:.example.com"},
		{"allow", "domain:a b.example"},
		{"allow", "domain:*.example.com,example.org"},
		{"allow", "email:"},
		{"allow", "email:ada"},
		{"allow", "email:@example.com"},
		{"allow", "email:ada@"},
		{"allow", "email:ada@evil.com@example.com"},
		{"allow", `email:"ada"@example.com`},
		{"allow", "email:Ada <ada@example.com>"},
		{"allow", "email:ada@example.com,eve@example.com"},
		{"allow", "Email:ada@example.com"},
		{"allow", "right:"},
		{"allow", "right: staff"},
		{"allow", "right:sta\nff"},
		{"allow", "claim:groups=admins"},
		{"allow", "provider:acme"},
		{"grant", "domain:example.com"},
		{"grant", "right:staff"},
		{"grant", "claim:groups"},
		{"grant", "claim:groups="},
		{"grant", "claim:=admins"},
		{"grant", "claim:.groups=admins"},
		{"grant", "claim:groups.=admins"},
		{"grant", "claim:a..b=admins"},
		{"grant", "claim:a.b.c.d.e.f.g.h.i=admins"},
		{"grant", "claim:" + strings.Repeat("x", 257) + "=admins"},
		{"grant", "provider:"},
		{"grant", "provider: acme"},
		{"grant", "everybody"},
	} {
		if _, err := parsers[row.parser](row.line); err == nil {
			t.Errorf("%s takes %q", row.parser, row.line)
		}
	}
	for _, row := range []struct{ parser, line string }{
		{"allow", "domain:example.com"}, {"allow", "email:ada@example.com"}, {"allow", "right:staff"},
		{"grant", "email:ada+x@example.com"}, {"grant", "claim:groups=CN=admins,OU=x"},
		{"grant", "claim:https://example.com/roles=admin"}, {"grant", "provider:acme"},
	} {
		if _, err := parsers[row.parser](row.line); err != nil {
			t.Errorf("%s refuses %q: %v", row.parser, row.line, err)
		}
	}
}

func TestARuleMatchesNobodyWhoOnlyLooksLikeIt(t *testing.T) {
	verified := func(email string) users.Person {
		return users.Person{Provider: "acme", Email: email, EmailVerified: true}
	}
	claimed := func(text string) users.Person { return users.Person{Provider: "acme", Claims: claims(t, text)} }
	refused := []struct {
		name, rule string
		who        users.Person
	}{
		{"an address that is not verified", "email:ada@example.com", users.Person{Email: "ada@example.com"}},
		{"no address", "email:ada@example.com", verified("")},
		{"another address", "email:ada@example.com", verified("eve@example.com")},
		{"an address that begins the same", "email:ada@example.com", verified("ada@example.com.evil.com")},
		{"an address that ends the same", "email:ada@example.com", verified("eve+ada@example.com")},
		{"an address within quotes", "email:ada@example.com", verified(`"ada"@example.com`)},
		{"an address with a space", "email:ada@example.com", verified("ada@example.com ")},
		{"an address with a line break", "email:ada@example.com", verified("ada@example.com\n")},
		{"an address with a zero byte", "email:ada@example.com", verified("ada@example.com\x00")},
		{"a letter that only folds to the same (Kelvin)", "email:kim@example.com", verified("\u212Aim@example.com")},
		{"a letter that only looks the same (Cyrillic)", "email:ada@example.com", verified("\u0430da@example.com")},
		{"a letter without dot that folds to i", "email:kim@example.com", verified("k\u0130m@example.com")},
		{"an invisible character", "email:ada@example.com", verified("a\u200Bda@example.com")},
		{"an address with a display name", "email:ada@example.com", verified("Ada <ada@example.com>")},
		{"an address that is too long", "email:ada@example.com", verified(strings.Repeat("a", 300) + "@example.com")},
		{"the domain of an address that is not verified", "domain:example.com", users.Person{Email: "ada@example.com"}},
		{"two at signs, the good domain last", "domain:example.com", verified("user@evil.com@example.com")},
		{"two at signs, the good domain first", "domain:example.com", verified("user@example.com@evil.com")},
		{"two at signs, one quoted", "domain:example.com", verified(`"user@example.com"@evil.com`)},
		{"a subdomain", "domain:example.com", verified("ada@mail.example.com")},
		{"a domain that ends the same", "domain:example.com", verified("ada@notexample.com")},
		{"a domain that begins the same", "domain:example.com", verified("ada@example.com.evil.com")},
		{"a domain with a dot behind it", "domain:example.com", verified("ada@example.com.")},
		{"a domain in a comment", "domain:example.com", verified("ada@evil.com(@example.com)")},
		{"the domain alone", "domain:example.com", verified("example.com")},
		{"no local part", "domain:example.com", verified("@example.com")},
		{"a route", "domain:example.com", verified("@example.com:ada@evil.com")},
		{"no claims at all", "claim:groups=admins", users.Person{}},
		{"no such claim", "claim:groups=admins", claimed(`{"roles": ["admins"]}`)},
		{"another value", "claim:groups=admins", claimed(`{"groups": ["users"]}`)},
		{"the value as a part", "claim:groups=admins", claimed(`{"groups": "users admins"}`)},
		{"the value with a comma", "claim:groups=admins", claimed(`{"groups": "admins,users"}`)},
		{"another case", "claim:groups=admins", claimed(`{"groups": ["Admins"]}`)},
		{"the value as a name", "claim:groups=admins", claimed(`{"groups": {"admins": true}}`)},
		{"the value nested deeper", "claim:groups=admins", claimed(`{"groups": [["admins"]]}`)},
		{"null", "claim:groups=null", claimed(`{"groups": null}`)},
		{"a path that ends early", "claim:a.b=x", claimed(`{"a": "x"}`)},
		{"a path that goes on", "claim:a=x", claimed(`{"a": {"b": "x"}}`)},
		{"a shorter name beside the longer one", "claim:a.b=x", claimed(`{"a.b": "y", "a": {"b": "x"}}`)},
		{"another provider", "provider:acme", users.Person{Provider: "google"}},
		{"a provider that begins the same", "provider:acme", users.Person{Provider: "acme2"}},
		{"a provider in another case", "provider:acme", users.Person{Provider: "Acme"}},
	}
	matched := []struct {
		name, rule string
		who        users.Person
	}{
		{"the address", "email:ada@example.com", verified("ada@example.com")},
		{"the address in another case", "email:Ada@Example.com", verified("aDa@example.COM")},
		{"the domain in another case", "domain:Example.com", verified("ada@EXAMPLE.com")},
		{"a string", "claim:groups=admins", claimed(`{"groups": "admins"}`)},
		{"a string of a list", "claim:groups=admins", claimed(`{"groups": ["users", "admins"]}`)},
		{"a number of any length", "claim:tier=12345678901234567890", claimed(`{"tier": 12345678901234567890}`)},
		{"a boolean", "claim:staff=true", claimed(`{"staff": true}`)},
		{"a path", "claim:realm_access.roles=admin", claimed(`{"realm_access": {"roles": ["admin"]}}`)},
		{"a path through a list", "claim:orgs.name=acme", claimed(`{"orgs": [{"name": "other"}, {"name": "acme"}]}`)},
		{"a name with dots", "claim:https://example.com/roles=x", claimed(`{"https://example.com/roles": ["x"]}`)},
		{"a value with an equals sign", "claim:dn=CN=admins,OU=x", claimed(`{"dn": "CN=admins,OU=x"}`)},
		{"the provider", "provider:acme", users.Person{Provider: "acme"}},
	}
	for _, row := range refused {
		if matches(t, row.rule, row.who) {
			t.Errorf("%s: %q matches %+v", row.name, row.rule, row.who)
		}
	}
	for _, row := range matched {
		if !matches(t, row.rule, row.who) {
			t.Errorf("%s: %q does not match %+v", row.name, row.rule, row.who)
		}
	}
}

// matches asks through a policy, as everybody does.
func matches(t *testing.T, rule string, who users.Person) bool {
	t.Helper()
	if strings.HasPrefix(rule, "domain:") {
		_, err := policy(t, users.Config{Allow: []string{rule}}).SignIn(t.Context(), who, users.Known{})
		return err == nil
	}
	return len(policy(t, users.Config{Rights: map[string][]string{"it": {rule}}}).Rights(who)) == 1
}

func TestOnlyStringsOfTheNamedClaimsBecomeRights(t *testing.T) {
	long := strings.Repeat("x", 257)
	who := users.Person{Provider: "acme", Claims: claims(t, `{
		"roles": ["editor", "editor", "", " padded", "line\nbreak", "`+long+`", 7, true, null, {"name": "object"},
			["nested"], "Äußeres, Amt"],
		"role": "single", "realm_access": {"roles": ["nested.role"], "admin": "not asked"}, "admin": "not named"}`)}
	p := policy(t, users.Config{Claims: map[string][]string{"acme": {"roles", "role", "realm_access.roles", "absent"}}})
	if got := strings.Join(p.Rights(who), "|"); got != "editor|nested.role|single|Äußeres, Amt" {
		t.Errorf("rights: %s", got)
	}
	who.Provider = "google"
	if got := p.Rights(who); len(got) != 0 {
		t.Errorf("the claims of another provider give %v", got)
	}
}

func TestNoRightLooksLikeTwoInTheHeader(t *testing.T) {
	for _, row := range []struct {
		rights []string
		want   string
	}{
		{nil, ""},
		{[]string{"admin", "staff"}, "admin,staff"},
		{[]string{"x,admin"}, "x%2Cadmin"},
		{[]string{"100%2Cadmin"}, "100%252Cadmin"},
		{[]string{"ä"}, "%C3%A4"},
		{[]string{"a b"}, "a b"},
	} {
		if got := users.RightsHeader(row.rights); got != row.want {
			t.Errorf("%q becomes %q, not %q", row.rights, got, row.want)
		}
	}
}

// Whatever a provider puts into its claims and an operator into a path: nothing panics, every right is a valid one, and
// a rule that matches is one whose value is somewhere in the claims.
func FuzzClaims(f *testing.F) {
	f.Add(`{"groups": ["admins", {"a": "b"}], "a.b": {"c": 1}}`, "groups", "admins")
	f.Add(`{"a": {"b": [{"c": "x"}]}}`, "a.b.c", "x")
	f.Add(`{"https://example.com/roles": true}`, "https://example.com/roles", "true")
	f.Fuzz(func(t *testing.T, text, path, value string) {
		var m map[string]any
		if json.Unmarshal([]byte(text), &m) != nil || users.CheckClaim(path) != nil {
			return
		}
		p, err := users.NewPolicy(users.Config{Log: quiet(), Claims: map[string][]string{"acme": {path}},
			Rights: map[string][]string{"by-rule": {"claim:" + path + "=" + value}}})
		if err != nil {
			return
		}
		rights := p.Rights(users.Person{Provider: "acme", Claims: m})
		for _, r := range rights {
			if users.CheckRight(r) != nil {
				t.Errorf("a right that is none: %q", r)
			}
		}
	})
}
