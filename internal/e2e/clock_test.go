package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"bff/internal/testenv"
)

// Three machines whose clocks are 60 s apart share the sessions, with tokens that live for seconds and are rotated.
// Nobody is logged out, no token is used twice, and no call fails, whoever signed the person in and whoever refreshed
// last.
func TestOutageOfTheClocks(t *testing.T) {
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(4)}, session: []string{"idle: 45s", "lifetime: 10m"}})
	ahead, behind := r.bff.AnotherAt(time.Minute), r.bff.AnotherAt(-time.Minute)
	machines := []*testenv.BFFProcess{r.bff, ahead, behind}
	var people []*testenv.Client
	for i, name := range []string{"ada", "grace", "linus"} {
		c := testenv.NewClient(r.bff).Via(machines[i])
		c.SignIn("acme", "login_hint="+name)
		people = append(people, c)
		session, _ := c.Fetch("GET", "/bff/session", "").JSON(t)["session"].(map[string]any)
		at, err := time.Parse(time.RFC3339, fmt.Sprint(session["created_at"]))
		off := []time.Duration{0, time.Minute, -time.Minute}[i]
		if wrong := time.Until(at) - off; err != nil || wrong.Abs() > 30*time.Second {
			t.Fatalf("the clock of %s is not off by %v: a session of now began at %v", name, off, session["created_at"])
		}
	}
	calls := 0
	testenv.Eventually(t, "three refreshes for each", func() bool {
		for i, c := range people {
			if a := c.Via(machines[calls%len(machines)]).Fetch("GET", "/api/things/items", ""); a.Status != http.StatusOK {
				t.Fatalf("call %d of who signed in at %d: %d %s", calls, i, a.Status, a.Body)
			}
		}
		calls++
		return r.op.Counts().Rotations >= 3*len(people)
	})
	if n := r.op.Counts(); n.Reuse != 0 {
		t.Errorf("a spent refresh token was used: %+v", n)
	}
	for i, c := range people {
		for _, m := range machines {
			if !r.signedIn(c.Via(m)) {
				t.Errorf("who signed in at %d is not signed in at %s", i, m.Addr)
			}
		}
	}
}
