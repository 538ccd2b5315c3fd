package e2e_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// rightsAt is what an instance says of the rights of whoever is signed in.
func rightsAt(t testing.TB, c *testenv.Client) string {
	t.Helper()
	user, _ := c.Fetch("GET", "/bff/session?touch=false", "").JSON(t)["user"].(map[string]any)
	var all []string
	list, _ := user["rights"].([]any)
	for _, r := range list {
		text, _ := r.(string)
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// listens opens /bff/events, and sends the name of each event that comes.
func listens(t *testing.T, c *testenv.Client) <-chan string {
	t.Helper()
	resp, err := c.Do(c.Request("GET", "/bff/events", "", "Accept", "text/event-stream"))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("events: %v", err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	names := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				names <- name
			}
		}
	}()
	return names
}

// next is the name of the next event, "" where none has come.
func next(names <-chan string) string {
	select {
	case name := <-names:
		return name
	default:
		return ""
	}
}

// A refresh that brings a new ID token decides the rights anew: with other roles the open session has other rights, at
// every instance, its pages and the program hear of it, and a mount refuses or lets in by them. An ID token without the
// claim says nothing: the rights stay.
func TestARefreshWithANewIDTokenDecidesTheRightsAnew(t *testing.T) {
	events := newProgram(t, ``)
	r := build(t, parts{
		op:       testenv.OIDCOptions{AccessToken: seconds(2)},
		provider: []string{"rights: [roles]"},
		env:      []string{"PROGRAM_SECRET=" + programSecret, "BILLING_SECRET=billing-secret"},
		top: []string{
			"    require: [staff]",
			"events:",
			"  - {url: \"" + events.srv.URL + "\", secret: env:PROGRAM_SECRET, types: [user.changed]}",
			"clients:",
			"  billing: {secret: env:BILLING_SECRET, exchange: [acme]}",
		},
	})
	other := r.bff.Another()
	r.op.Roles("staff")
	r.c.SignIn("acme")
	there := r.c.Via(other)
	if got := rightsAt(t, there); got != "staff" {
		t.Fatalf("after the sign-in: %q", got)
	}
	r.call(r.c)
	heard := listens(t, there)
	for _, turn := range []struct {
		roles  []string
		rights string
		status int
	}{
		{[]string{"auditor"}, "auditor", http.StatusForbidden},
		{[]string{"staff", "auditor"}, "auditor staff", http.StatusOK},
		{[]string{}, "", http.StatusForbidden},
		{[]string{"staff"}, "staff", http.StatusOK},
	} {
		r.op.Roles(turn.roles...)
		r.refreshed()
		testenv.Eventually(t, "the rights are "+turn.rights, func() bool {
			return rightsAt(t, there) == turn.rights && rightsAt(t, r.c) == turn.rights
		})
		if a := there.Fetch("GET", "/api/things/items", ""); a.Status != turn.status {
			t.Errorf("with the rights %q: %d %s", turn.rights, a.Status, a.Body)
		}
		testenv.Eventually(t, "the open page hears of it", func() bool { return next(heard) == "user.changed" })
	}
	testenv.EventuallyAfterRetries(t, "the program hears of it", func() bool { return len(events.types()) > 0 })
	n := len(events.idsOf(r.userID()))
	r.op.Roles() // no claim at all
	r.refreshed()
	r.refreshed()
	if got := rightsAt(t, there); got != "staff" {
		t.Errorf("an ID token that says nothing of roles left %q", got)
	}
	if now := len(events.idsOf(r.userID())); now != n && now != 4 {
		t.Errorf("%d events for four changes", now)
	}
}

func (r *rig) userID() string {
	r.t.Helper()
	user, _ := r.c.Fetch("GET", "/bff/session", "").JSON(r.t)["user"].(map[string]any)
	id, _ := user["id"].(string)
	return id
}

// refreshed waits until the access token was renewed once more, for a service that asks for it: that needs no right.
func (r *rig) refreshed() {
	r.t.Helper()
	before := r.op.Counts().Rotations
	testenv.Eventually(r.t, "the token is renewed", func() bool {
		r.bff.Ask("/token", "billing", "billing-secret", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {r.c.Session()},
			"subject_token_type": {"urn:bff:session"}, "audience": {"acme"}})
		return r.op.Counts().Rotations > before
	})
}
