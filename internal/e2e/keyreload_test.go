package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// turnKeys writes a ring of keys into the configuration and has one instance read it.
func (r *rig) turnKeys(b *testenv.BFFProcess, from, to string) {
	r.t.Helper()
	const said = "the configuration was read again"
	before := strings.Count(b.Log(), said)
	r.bff.Rewrite(func(yaml string) string { return strings.Replace(yaml, "keys: ["+from+"]", "keys: ["+to+"]", 1) })
	b.Hangup()
	testenv.Eventually(r.t, "the configuration is read again", func() bool { return strings.Count(b.Log(), said) > before })
}

// A whole turn of the key ring by SIGHUP, on one of two instances after the other, while calls, refreshes, touches and
// writes are under way at both: each opens what the other seals, whichever of them has read the configuration already,
// no call fails, no refresh is lost, and when the old key is gone nothing is left under it.
func TestKeysTurnByReloadOnOneInstanceAfterTheOther(t *testing.T) {
	const older, newer = "env:BFF_KEY", "env:NEXT_KEY"
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}, session: []string{"idle: 20s"},
		provider: []string{"keep: user"}, env: []string{"NEXT_KEY=" + testenv.NewKey(t)}})
	one, two := r.bff, r.bff.Another()
	r.c.SignIn("acme")
	r.call(r.c)
	atOne, atTwo := r.crowd(3), r.crowd(3)
	atTwo.current.Store(r.c.Via(two))
	here, there, writes := r.c, r.c.Via(two), 0
	// written has one instance write, beside what calls write, and the other read it; a refresh runs meanwhile. Then the
	// other way round.
	written := func(when string) {
		t.Helper()
		for _, way := range [][2]*testenv.Client{{here, there}, {there, here}} {
			writes++
			body := fmt.Sprintf(`{"write":%d}`, writes)
			a := way[0].Fetch("PATCH", "/bff/preferences", body, "Content-Type", "application/merge-patch+json")
			got := way[1].Fetch("GET", "/bff/preferences", "")
			if a.Status != http.StatusOK || strings.TrimSpace(string(got.Body)) != body {
				t.Errorf("%s: write %d: %d %s; the other instance reads %d %s", when, writes, a.Status, a.Code(), got.Status, got.Body)
			}
			phone := testenv.NewClient(one) // whose session begins at one instance and goes on at the other
			if way[0] == there {
				phone = phone.Via(two)
			}
			phone.SignIn("acme", "login_hint=grace")
			for _, b := range []*testenv.BFFProcess{one, two} {
				r.call(phone.Via(b))
				if !r.signedIn(phone.Via(b)) {
					t.Errorf("%s: a session that began now is not known at %s", when, b.Addr)
				}
			}
		}
		before := r.op.Counts().Rotations
		testenv.Eventually(t, "a token is refreshed "+when, func() bool { return r.op.Counts().Rotations > before })
		atOne.turn()
		atTwo.turn()
	}
	written("before")
	for _, step := range [][2]string{{older, older + ", " + newer}, {older + ", " + newer, newer + ", " + older},
		{newer + ", " + older, newer}} {
		r.turnKeys(one, step[0], step[1])
		if step[1] != newer { // what the other one seals under the key that is gone here is the operator's mistake
			written("with [" + step[1] + "] at one instance and [" + step[0] + "] at the other")
		}
		two.Hangup()
		testenv.Eventually(t, "the other one reads it", func() bool {
			return strings.Count(two.Log(), "the configuration was read again") == strings.Count(one.Log(), "the configuration was read again")
		})
		written("with [" + step[1] + "] at both")
		if step[0] == older+", "+newer {
			const sealed = "every user is sealed under the first key of the ring"
			testenv.Eventually(t, "an instance says that the old key may go", func() bool {
				return strings.Contains(one.Log()+two.Log(), sealed)
			})
		}
	}
	atOne.end()
	atTwo.end()
	if !r.signedIn(r.c) || r.status(r.c) != "active" {
		t.Errorf("who signed in before the turn: %v, the connection %s", r.signedIn(r.c), r.status(r.c))
	}
	if c := r.op.Counts(); c.Reuse != 0 || c.Refreshes != c.Rotations {
		t.Errorf("refreshes %d, rotations %d, spent tokens used again %d", c.Refreshes, c.Rotations, c.Reuse)
	}
}
