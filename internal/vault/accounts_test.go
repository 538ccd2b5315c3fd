package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// company is an account at a provider that calls a person by one name in all companies.
func company(person, realm string) vault.Identity {
	return vault.Identity{Provider: "books", Issuer: "https://books.example", Subject: person + "@" + realm, Named: person}
}

func enroll(t *testing.T, v *vault.Vault, i vault.Identity) vault.UserRecord {
	t.Helper()
	rec, _, err := v.Users.Register(context.Background(), i, vault.Profile{}, nil)
	must(t, err)
	return rec
}

// called are the subjects that a provider calls by a name, sorted.
func called(t *testing.T, v *vault.Vault, i vault.Identity) string {
	t.Helper()
	all, err := v.Accounts.Called(context.Background(), i)
	must(t, err)
	var subjects []string
	for _, one := range all {
		if one.Provider != i.Provider || one.Issuer != i.Issuer || one.Named != i.Named {
			t.Errorf("%+v of another name than %+v", one, i)
		}
		subjects = append(subjects, one.Subject)
	}
	slices.Sort(subjects)
	return strings.Join(subjects, " ")
}

func TestANameLeadsToAllAccountsOfOneProvidersPersonAndToNoOther(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	one, two := company("7", "1"), company("7", "2")
	enroll(t, v, one)
	enroll(t, v, two)
	enroll(t, v, company("77", "1"))
	enroll(t, v, vault.Identity{Provider: "books", Issuer: "https://books.example", Subject: "7"}) // has no name
	other := one
	other.Issuer = "https://books.example.evil.example"
	enroll(t, v, other)
	elsewhere := one
	elsewhere.Provider = "bookshop"
	enroll(t, v, elsewhere)
	if got := called(t, v, vault.Identity{Provider: "books", Issuer: "https://books.example", Named: "7"}); got != "7@1 7@2" {
		t.Errorf("called 7: %q", got)
	}
	for _, i := range []vault.Identity{
		{Provider: "books", Issuer: "https://books.example", Named: "7@1"},
		{Provider: "books", Issuer: "https://books.example", Named: ""},
		{Provider: "books", Issuer: "https://books.example/", Named: "7"},
		{Provider: "books", Issuer: "", Named: "7"},
		{Provider: "bookshttps://books.example", Issuer: "", Named: "7"},
		{Provider: "", Issuer: "https://books.example", Named: "7"},
	} {
		if got := called(t, v, i); got != "" {
			t.Errorf("%+v: %q", i, got)
		}
	}
}

// What is erased or unlinked is called by no name, and no key of the store is left of it. What another user registered
// meanwhile stays.
func TestANameGoesWithItsAccounts(t *testing.T) {
	server := testenv.Redis(t)
	v, ctx := open(t, server.URL), context.Background()
	ada := enroll(t, v, company("7", "1"))
	_, err := v.Users.AddIdentity(ctx, ada.ID, company("7", "2"))
	must(t, err)
	bare := company("7", "2")
	bare.Named = "" // whoever unlinks does not say the name
	_, err = v.Users.RemoveIdentity(ctx, ada.ID, bare)
	must(t, err)
	if got := called(t, v, company("7", "1")); got != "7@1" {
		t.Errorf("after one was unlinked: %q", got)
	}
	grace := enroll(t, v, company("7", "2"))
	_, err = v.Users.Erase(ctx, ada.ID, func(vault.Connection) []byte { return nil })
	must(t, err)
	if got := called(t, v, company("7", "1")); got != "7@2" || grace.ID == ada.ID {
		t.Errorf("after ada was erased: %q", got)
	}
	_, err = v.Users.Erase(ctx, grace.ID, func(vault.Connection) []byte { return nil })
	must(t, err)
	if left := server.Client().Keys(ctx, "bff:s:*").Val(); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
}

// The last account of a user cannot be unlinked, so its name stays too.
func TestTheNameOfTheLastAccountStays(t *testing.T) {
	v, ctx := open(t, testenv.Redis(t).URL), context.Background()
	ada := enroll(t, v, company("7", "1"))
	_, err := v.Users.RemoveIdentity(ctx, ada.ID, company("7", "1"))
	is(t, "the last one", err, vault.ErrLastIdentity)
	if got := called(t, v, company("7", "1")); got != "7@1" {
		t.Errorf("called: %q", got)
	}
}

// An account that was linked before accounts had names has its name from the next sign-in or link on.
func TestAnAccountOfBeforeIsCalledByItsNameFromTheNextSignInOn(t *testing.T) {
	v, ctx := open(t, testenv.Redis(t).URL), context.Background()
	before := func(i vault.Identity) vault.Identity { i.Named = ""; return i }
	ada := enroll(t, v, before(company("7", "1")))
	_, err := v.Users.AddIdentity(ctx, ada.ID, before(company("7", "2")))
	must(t, err)
	if got := called(t, v, company("7", "1")); got != "" {
		t.Errorf("before: %q", got)
	}
	if again := enroll(t, v, company("7", "1")); again.ID != ada.ID {
		t.Fatalf("signed in as %s, not %s", again.ID, ada.ID)
	}
	_, err = v.Users.AddIdentity(ctx, ada.ID, company("7", "2"))
	must(t, err)
	if got := called(t, v, company("7", "1")); got != "7@1 7@2" {
		t.Errorf("after a sign-in and a link: %q", got)
	}
	rec, err := v.Users.Get(ctx, ada.ID)
	must(t, err)
	if len(rec.Identities) != 2 || rec.Identities[0].Named != "7" || rec.Identities[1].Named != "7" {
		t.Errorf("%+v", rec.Identities)
	}
}

// A turn of the ring moves names with the accounts: the old key may go afterwards.
func TestANameOutlivesATurnOfTheRing(t *testing.T) {
	url, older, newer := testenv.Redis(t).URL, vault.NewKey(), vault.NewKey()
	enroll(t, open(t, url, ring(older)), company("7", "1"))
	both := open(t, url, ring(newer, older))
	if got := called(t, both, company("7", "1")); got != "7@1" {
		t.Errorf("under both keys: %q", got)
	}
	maintain(t, both, 0)
	if got := called(t, both, company("7", "1")); got != "7@1" {
		t.Errorf("under both keys, sealed anew: %q", got)
	}
	if got := called(t, open(t, url, ring(newer)), company("7", "1")); got != "7@1" {
		t.Errorf("under the new key alone: %q", got)
	}
	if got := called(t, open(t, url, ring(vault.NewKey())), company("7", "1")); got != "" {
		t.Errorf("under a stranger's key: %q", got)
	}
}

// That nobody is called so, only a store says that takes writes: else an order would count as carried out.
func TestAStoreThatTakesNoWritesCallsNobody(t *testing.T) {
	server := testenv.Redis(t)
	v, ctx := open(t, server.URL), context.Background()
	enroll(t, v, company("7", "1"))
	must(t, server.Client().ConfigSet(ctx, "min-replicas-to-write", "1").Err())
	if _, err := v.Accounts.Called(ctx, company("8", "1")); !errors.Is(err, vault.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

// A line that was moved to another name or another account in the store opens for nobody.
func TestANameInTheStoreIsBoundToItsAccount(t *testing.T) {
	server := testenv.Redis(t)
	v, ctx := open(t, server.URL), context.Background()
	enroll(t, v, company("7", "1"))
	enroll(t, v, company("8", "1"))
	redis := server.Client()
	keys := redis.Keys(ctx, "bff:s:*").Val()
	if len(keys) != 2 {
		t.Fatalf("%q", keys)
	}
	for n, key := range keys {
		for field, value := range redis.HGetAll(ctx, keys[1-n]).Val() {
			if strings.Contains(field+value, "7@1") || strings.Contains(field+value, "8@1") {
				t.Error("the account is there in clear")
			}
			must(t, redis.HSet(ctx, key, field, value).Err())
			must(t, redis.HSet(ctx, key, fmt.Sprint("x", n), value).Err())
		}
	}
	for _, person := range []string{"7", "8"} {
		if got := called(t, v, company(person, "1")); got != person+"@1" {
			t.Errorf("called %s: %q", person, got)
		}
	}
}
