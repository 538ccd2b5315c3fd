package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// users.forget: who has not been here for longer goes, with an event; who was here today stays, and stays signed in.
func TestWhoIsNotSeenForLongIsForgotten(t *testing.T) {
	events := newProgram(t, ``)
	key := testenv.NewKey(t)
	r := build(t, parts{
		env: []string{"PROGRAM_SECRET=" + programSecret, "OFFICE_SECRET=office-secret", "BFF_KEY=" + key},
		top: []string{
			"users: {forget: 24h}",
			"events:",
			"  - {url: \"" + events.srv.URL + "\", secret: env:PROGRAM_SECRET, types: [\"user.*\"]}",
			"clients:",
			"  office: {secret: env:OFFICE_SECRET, manage: true}",
		},
	})
	r.c.SignIn("acme")
	here := r.userID()
	parsed, err := vault.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	past, err := vault.Open(vault.Config{Store: r.store, Keys: []vault.Key{parsed}, Prefix: "bff", Cookie: "bff",
		Idle: time.Hour, Lifetime: 12 * time.Hour, Now: func() time.Time { return time.Now().Add(-48 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	gone, _, err := past.Users.Register(t.Context(), vault.Identity{Provider: "acme", Issuer: r.op.Issuer,
		Subject: "mary"},
		vault.Profile{Name: "Mary"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := past.Close(); err != nil {
		t.Fatal(err)
	}
	r.bff.Kill()
	r.bff.Restart() // users are looked at when an instance starts, and once an hour
	testenv.Eventually(t, "who was not here for two days is forgotten", func() bool {
		status, _ := office(t, r.bff, "GET", "/users/"+gone.ID, "")
		return status == http.StatusNotFound
	})
	if status, body := office(t, r.bff, "GET", "/users/"+here, ""); status != http.StatusOK || !r.signedIn(r.c) {
		t.Errorf("who is here: %d %s", status, body)
	}
	testenv.EventuallyAfterRetries(t, "the program hears of it", func() bool {
		return events.heard(gone.ID, "user.erased") == 1
	})
	if got := events.story(here); strings.Contains(got, "erased") {
		t.Errorf("of who is here: %s", got)
	}
}
