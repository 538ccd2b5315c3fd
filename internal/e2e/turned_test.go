package e2e_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
)

// A whole turn of the key ring over three processes, up to the old key's removal: a key signs when every set of keys
// that a verifier may still hold has it, an hour after the last set without it, and not before. A verifier that fetches
// once an hour refuses nothing.
func TestANewKeySignsOnceEveryVerifierHasIt(t *testing.T) {
	r := build(t, parts{session: []string{"idle: 24h", "lifetime: 48h"}, env: []string{"NEXT_KEY=" + testenv.NewKey(t)}})
	today := []*testenv.BFFProcess{r.bff, r.bff.Another(), r.bff.Another()}
	r.c.SignIn("acme")
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	text, err := os.ReadFile(r.bff.Config())
	if err != nil {
		t.Fatal(err)
	}
	ring := func(keys string) {
		changed := strings.Replace(string(text), "[env:BFF_KEY]", keys, 1)
		if err := os.WriteFile(r.bff.Config(), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// asked has each instance make an assertion, and says whether a verifier with these keys takes it.
	asked := func(of []*testenv.BFFProcess, cookie string) (tokens []string) {
		t.Helper()
		for _, b := range of {
			token, status := assertionFrom(b, client, cookie)
			if status != http.StatusNoContent {
				t.Fatalf("an instance answered %d", status)
			}
			tokens = append(tokens, token)
		}
		return tokens
	}
	held := keysOf(t, today[0]) // by a verifier, from before the turn
	for _, keys := range []string{"[env:BFF_KEY, env:NEXT_KEY]", "[env:NEXT_KEY, env:BFF_KEY]"} {
		ring(keys)
		for _, b := range today { // one by one
			b.Term()
			b.Restart()
			for _, token := range asked(today, r.c.Session()) {
				if !signedBy(held, token) {
					t.Fatalf("with %s, an assertion is refused by who holds the keys of before", keys)
				}
			}
		}
	}
	grace := testenv.NewClient(r.bff) // whose session is below the new key
	grace.SignIn("acme", "login_hint=grace")
	fetched := keysOf(t, today[2]) // an hour is over, so that the verifier has fetched again
	later := []*testenv.BFFProcess{r.bff.AnotherAt(2 * time.Hour), r.bff.AnotherAt(2 * time.Hour), r.bff.AnotherAt(2 * time.Hour)}
	for _, token := range asked(later, r.c.Session()) {
		if !signedBy(fetched, token) || signedBy(held, token) {
			t.Fatal("two hours later the new key does not sign")
		}
	}
	ring("[env:NEXT_KEY]")
	for _, b := range later {
		b.Term()
		b.Restart()
		for _, token := range asked(later, grace.Session()) {
			if !signedBy(fetched, token) {
				t.Fatal("while the old key is removed, an assertion is refused")
			}
		}
	}
}
