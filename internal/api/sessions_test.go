package api_test

import (
	"net/http"
	"testing"
)

func listed(t *testing.T, b *browser) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, s := range object(t, b.fetch("GET", "/bff/sessions", ""))["sessions"].([]any) {
		out = append(out, s.(map[string]any))
	}
	return out
}

func TestSessionsListsTheUsersOwn(t *testing.T) {
	w := newWorld(t)
	phone, laptop, grace := w.browser(), w.browser(), w.browser()
	phone.signIn("ada")
	laptop.signIn("ada")
	grace.signIn("grace")
	got := listed(t, laptop)
	if len(got) != 2 {
		t.Fatalf("ada has %d sessions: %v", len(got), got)
	}
	current := 0
	for _, s := range got {
		if s["current"] == true {
			current++
			if s["id"] != sessionID(laptop) {
				t.Errorf("%v is not the laptop's", s["id"])
			}
		}
		for _, name := range []string{"id", "device", "created_at", "last_seen_at", "current"} {
			if s[name] == nil || s[name] == "" {
				t.Errorf("%s is missing: %v", name, s)
			}
		}
		if len(s) != 5 {
			t.Errorf("more than is promised: %v", s)
		}
	}
	if current != 1 {
		t.Errorf("%d are current", current)
	}
}

func TestEndingOneSession(t *testing.T) {
	w := newWorld(t)
	phone, laptop, grace := w.browser(), w.browser(), w.browser()
	phone.signIn("ada")
	laptop.signIn("ada")
	grace.signIn("grace")
	gone, own, foreign := sessionID(phone), sessionID(laptop), sessionID(grace)

	refused(t, laptop.fetch("DELETE", "/bff/sessions/s_unknown", ""), 404, "not_found")
	refused(
		t,
		laptop.fetch("DELETE", "/bff/sessions/"+foreign, ""),
		404,
		"not_found",
	) // attack class 16: somebody else's is not even there
	refused(t, laptop.do("DELETE", "/bff/sessions/"+gone, ""), 403, "csrf_rejected")
	if grace.session()["authenticated"] != true || phone.session()["authenticated"] != true {
		t.Fatal("a refused request ended something")
	}
	if resp := laptop.fetch("DELETE", "/bff/sessions/"+gone, ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%d", resp.StatusCode)
	}
	resp := phone.fetch("GET", "/bff/sessions", "")
	refused(t, resp, 401, "not_signed_in")
	if len(resp.Cookies()) > 0 {
		t.Error("a session that ended elsewhere must not touch the cookie: a late answer would take a new one away")
	}
	if again := laptop.fetch("DELETE", "/bff/sessions/"+gone, ""); again.StatusCode != http.StatusNoContent {
		t.Errorf("ended again, as after a lost answer: %d", again.StatusCode)
	}

	resp = laptop.fetch("DELETE", "/bff/sessions/"+own, "") // the current one: a logout
	if resp.StatusCode != http.StatusNoContent || laptop.cookie("bff") != "" {
		t.Fatalf("%d, cookie %t", resp.StatusCode, laptop.cookie("bff") != "")
	}
	if grace.session()["authenticated"] != true {
		t.Error("grace is gone too")
	}
}

func TestEndingAllOtherSessions(t *testing.T) {
	here, there, _ := pair(t)
	phone, tablet, laptop, grace := here.browser(), there.browser(), there.browser(), here.browser()
	for _, b := range []*browser{phone, tablet, laptop} {
		b.signIn("ada")
	}
	grace.signIn("grace")
	if resp := laptop.fetch("DELETE", "/bff/sessions", ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%d", resp.StatusCode)
	}
	for name, want := range map[*browser]bool{phone: false, tablet: false, laptop: true, grace: true} {
		if name.session()["authenticated"] != want {
			t.Errorf("want signed in: %t", want)
		}
	}
	if got := listed(t, laptop); len(got) != 1 {
		t.Errorf("still listed: %v", got)
	}
	if resp := laptop.fetch("DELETE", "/bff/sessions", ""); resp.StatusCode != http.StatusNoContent {
		t.Errorf("with none left: %d", resp.StatusCode)
	}
}
