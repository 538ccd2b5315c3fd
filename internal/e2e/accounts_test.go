package e2e_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Two accounts of one provider side by side: the one linked first is taken, the other by name; unlinking revokes and
// leaves the rest.
func TestTwoAccountsOfOneProviderAreCalledByName(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme", "login_hint=ada")
	r.c.Forget("localhost")
	r.op.As("grace")
	if a := r.c.Navigate("/bff/connect/acme?return_to=/linked"); !strings.HasSuffix(a.URL, "/linked") {
		t.Fatalf("connecting ended at %s: %s", a.URL, a.Body)
	}
	list, _ := r.c.Fetch("GET", "/bff/connections", "").JSON(t)["connections"].([]any)
	if len(list) != 2 {
		t.Fatalf("connections: %v", list)
	}
	ids := map[string]string{}
	for _, c := range list {
		c := c.(map[string]any)
		ids[fmt.Sprint(c["account"].(map[string]any)["subject"])] = fmt.Sprint(c["id"])
	}
	subject := func(target string, headers ...string) string {
		t.Helper()
		a := r.c.Fetch("GET", target, "", headers...)
		if a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", target, a.Status, a.Body)
		}
		return fmt.Sprint(a.JSON(t)["sub"])
	}
	if got := subject("/api/things/items"); got != "ada" {
		t.Errorf("without a name: %s", got)
	}
	if got := subject("/api/things/items", "BFF-Connection", ids["grace"]); got != "grace" {
		t.Errorf("by header: %s", got)
	}
	if got := subject("/api/things/items?a=1&bff_connection=" + ids["grace"]); got != "grace" {
		t.Errorf("by parameter: %s", got)
	}
	if calls := r.api.Calls(); calls[len(calls)-1].Query != "a=1" {
		t.Errorf("the upstream saw %q", calls[len(calls)-1].Query)
	}
	if user := r.c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any); user["subject"] != "ada" {
		t.Errorf("linking an account changed who is signed in: %v", user)
	}
	if a := r.c.Fetch("DELETE", "/bff/connections/"+ids["ada"], ""); a.Status != http.StatusNoContent {
		t.Fatalf("unlink: %d %s", a.Status, a.Body)
	}
	problem(
		t,
		r.c.Fetch("GET", "/api/things/items", "", "BFF-Connection", ids["ada"]),
		http.StatusForbidden,
		"not_connected",
	)
	if got := subject("/api/things/items"); got != "grace" {
		t.Errorf("after unlinking: %s", got)
	}
	testenv.Eventually(t, "the unlinked grant is revoked", func() bool { return r.op.Counts().Revocations > 0 })
}

// A link can only be made from this origin's own pages, by somebody who is signed in.
func TestConnectNeedsThisOrigin(t *testing.T) {
	r := build(t, parts{})
	if a := r.c.Leave("/bff/connect/acme"); a.Header.Get("Location") != "" &&
		strings.HasPrefix(a.Header.Get("Location"), r.op.Issuer) {
		t.Error("linking began without a session")
	}
	r.c.SignIn("acme")
	before := r.op.Counts().Codes
	r.c.OpenFrom("https://evil.example", r.bff.Origin+"/bff/connect/acme")
	if list, _ := r.c.Fetch("GET", "/bff/connections", "").JSON(t)["connections"].([]any); len(list) != 1 ||
		r.op.Counts().Codes != before {
		t.Error("another page linked an account")
	}
}

// The user's sessions on two devices: listed, ended one by one, ended all others; events say so on another instance,
// and never slide a session.
func TestSessionsAndEvents(t *testing.T) {
	r := build(t, parts{})
	other := r.bff.Another()
	phone := testenv.NewClient(other)
	r.c.SignIn("acme")
	phone.SignIn("acme")
	list, _ := r.c.Fetch("GET", "/bff/sessions", "").JSON(t)["sessions"].([]any)
	if len(list) != 2 {
		t.Fatalf("sessions: %v", list)
	}
	resp, err := phone.Do(phone.Request("GET", "/bff/events", "", "Accept", "text/event-stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK ||
		!strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("events: %d %q", resp.StatusCode, kind)
	}
	if a := r.c.Fetch("DELETE", "/bff/sessions", ""); a.Status != http.StatusNoContent {
		t.Fatalf("ending all others: %d %s", a.Status, a.Body)
	}
	lines, event := bufio.NewScanner(resp.Body), ""
	for lines.Scan() {
		phone.Note(lines.Bytes())
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && event == "session.ended" {
			if !strings.Contains(data, `"reason":"ended_elsewhere"`) {
				t.Errorf("the reason is %s", data)
			}
			event = "reported"
			break
		}
	}
	if event != "reported" {
		t.Error("the stream ended without saying why")
	}
	if r.signedIn(phone) || !r.signedIn(r.c) {
		t.Errorf("the other one is signed in: %v, this one: %v", r.signedIn(phone), r.signedIn(r.c))
	}
}

func TestPreferencesFollowTheUser(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	patch := func(body string) *testenv.Answer {
		return r.c.Fetch("PATCH", "/bff/preferences", body, "Content-Type", "application/merge-patch+json")
	}
	patch(`{"theme":"dark","a":{"b":1,"c":2}}`)
	patch(`{"a":{"b":null}}`)
	phone := testenv.NewClient(r.bff)
	phone.SignIn("acme")
	got := phone.Fetch("GET", "/bff/preferences", "")
	if a, _ := got.JSON(t)["a"].(map[string]any); got.JSON(t)["theme"] != "dark" || a["c"] != float64(2) || len(a) != 1 {
		t.Errorf("on another device: %s", got.Body)
	}
	problem(t, patch(`{"big":"`+strings.Repeat("x", 17<<10)+`"}`), http.StatusRequestEntityTooLarge, "body_too_large")
	problem(t, patch(`[1]`), http.StatusBadRequest, "bad_request")
}
