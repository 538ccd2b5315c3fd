package users_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"bff/internal/users"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func policy(t testing.TB, c users.Config) *users.Policy {
	t.Helper()
	if c.Log == nil {
		c.Log = quiet()
	}
	p, err := users.NewPolicy(c)
	if err != nil {
		t.Fatalf("the policy is refused: %v", err)
	}
	return p
}

var ada = users.Person{
	ID:            "u_1",
	Provider:      "acme",
	Subject:       "1",
	Email:         "ada@example.com",
	EmailVerified: true,
	Name:          "Ada",
}

func TestAPolicyWithAMistakeIsRefused(t *testing.T) {
	for name, c := range map[string]users.Config{
		"an allow rule":         {Allow: []string{"example.com"}},
		"a rule of a right":     {Rights: map[string][]string{"admin": {"group:x"}}},
		"a right without name":  {Rights: map[string][]string{"": {"provider:acme"}}},
		"a claim without name":  {Claims: map[string][]string{"acme": {""}}},
		"a hook without secret": {Hook: &users.Hook{}},
	} {
		if _, err := users.NewPolicy(c); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestWhoMaySignIn(t *testing.T) {
	unverified := ada
	unverified.EmailVerified = false
	staff := map[string][]string{"staff": {"provider:acme"}}
	allow := func(rules ...string) users.Config { return users.Config{Allow: rules} }
	for _, row := range []struct {
		name    string
		c       users.Config
		who     users.Person
		known   users.Known
		allowed bool
	}{
		{"no rule is for this person", allow("domain:other.example", "email:eve@example.com"), ada, users.Known{}, false},
		{"the address is not verified", allow("domain:example.com", "email:ada@example.com"), unverified, users.Known{}, false},
		{"nothing gives the right", allow("right:staff"), ada, users.Known{}, false},
		{"another right is there", users.Config{Allow: []string{"right:admin"}, Rights: staff}, ada,
			users.Known{Admin: []string{"adm"}}, false},
		{"a hook that is gone gave the right", allow("right:staff"), ada,
			users.Known{Hook: &users.Said{Rights: []string{"staff"}}}, false},
		{"there is no rule", users.Config{}, unverified, users.Known{}, true},
		{"the domain", allow("domain:example.com"), ada, users.Known{}, true},
		{"the right, by a rule", users.Config{Allow: []string{"right:staff"}, Rights: staff}, unverified,
			users.Known{}, true},
		{"the right, by an administrator", allow("right:staff"), unverified,
			users.Known{Admin: []string{"staff"}}, true},
	} {
		_, err := policy(t, row.c).SignIn(t.Context(), row.who, row.known)
		if row.allowed && err != nil || !row.allowed && !errors.Is(err, users.ErrNotAllowed) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestRightsAreTheUnionOfTheSources(t *testing.T) {
	p := policy(t, users.Config{
		Rights: map[string][]string{
			"admin": {"email:ada@example.com"},
			"acme":  {"provider:acme"},
			"never": {},
			"other": {"provider:google"},
		},
		Claims: map[string][]string{"acme": {"roles"}},
	})
	who := ada
	who.Claims = claims(t, `{"roles": ["editor", "admin"]}`)
	d, err := p.SignIn(t.Context(), who, users.Known{Admin: []string{"operator", "editor"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.Rights, ","); got != "acme,admin,editor" {
		t.Errorf("of the account: %s", got)
	}
	if got := strings.Join(d.All([]string{"operator", "editor"}), ","); got != "acme,admin,editor,operator" {
		t.Errorf("of the user: %s", got)
	}
	if got := strings.Join(p.ClaimNames("acme"), ","); got != "email,roles" {
		t.Errorf("they depend on %s", got)
	}
}

func TestRightsBeyondTheBoundAreDropped(t *testing.T) {
	var list []string
	for i := range 3000 {
		list = append(list, `"r`+strings.Repeat("x", i%200)+string(rune('a'+i%26))+string(rune('a'+i/26%26))+`"`)
	}
	who := ada
	who.Claims = claims(t, `{"a": [`+strings.Join(list, ",")+`], "b": [`+strings.Join(list, ",")+`]}`)
	p := policy(t, users.Config{Claims: map[string][]string{"acme": {"a", "b"}}})
	if n := len(p.Rights(who)); n > users.MaxRights {
		t.Errorf("%d rights are kept", n)
	}
}

func TestASignInThatIsGivenUpIsNoDecision(t *testing.T) {
	h := newHook(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := policy(t, users.Config{Hook: h.hook(false)}).SignIn(ctx, ada, users.Known{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
