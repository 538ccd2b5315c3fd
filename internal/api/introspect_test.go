package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bff/internal/demo/provider"
	"bff/internal/testenv"
	"bff/internal/users"
)

func TestIntrospection(t *testing.T) {
	w := newWorld(t, withServices)
	b := w.browser()
	s := b.signIn("ada")
	user, session := s["user"].(map[string]any), s["session"].(map[string]any)
	resp := post(t, w, "/introspect", "token", b.cookie("bff"), "token_type_hint", "refresh_token")
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("it may be cached")
	}
	got := object(t, resp)
	expires, _ := time.Parse(time.RFC3339, session["idle_expires_at"].(string))
	created, _ := time.Parse(time.RFC3339, session["created_at"].(string))
	for name, want := range map[string]any{
		"active": true, "sub": user["id"], "sid": session["id"], "iss": w.origin, "provider": "demo", "provider_subject": user["subject"],
		"email": user["email"], "email_verified": user["email_verified"], "name": user["name"], "username": user["email"],
		"exp": float64(expires.Unix()), "iat": float64(created.Unix()),
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if !expires.After(created) {
		t.Error("it expires before it began")
	}
}

// An address that the provider did not verify is said nowhere, and not as the name of the user either.
func TestIntrospectionSaysNoUnverifiedAddress(t *testing.T) {
	w := newWorld(t, withServices)
	w.demo.AddPerson(provider.Person{Name: "eve", Subject: "4711", FullName: "Eve", Email: "ada@example.com", Unverified: true})
	w.demo.AddPerson(provider.Person{Name: "nameless", Subject: "4712", Email: "ada@example.com", Unverified: true})
	for person, username := range map[string]string{"eve": "Eve", "nameless": "4712"} {
		b := w.browser()
		if user := b.signIn(person)["user"].(map[string]any); user["email"] != "ada@example.com" || user["email_verified"] != false {
			t.Fatalf("the session says %v", user)
		}
		raw := text(post(t, w, "/introspect", "token", b.cookie("bff")))
		if strings.Contains(raw, "ada@example.com") || !strings.Contains(raw, `"username":"`+username+`"`) ||
			!strings.Contains(raw, `"email_verified":false`) {
			t.Errorf("%s: %s", person, raw)
		}
	}
}

// What the hook said last is read with a session's cookie and with an assertion alike, and follows its next answer.
func TestIntrospectionGivesTheHooksData(t *testing.T) {
	h := newHookProgram(t)
	w := newWorld(t, withServices, withUsers(users.Config{Hook: h.config(true)}))
	b := w.browser()
	b.signIn("ada")
	cookie := b.cookie("bff")
	verified := ask(t, w, "GET", "/verify?audience=app", "", header("Cookie", "bff="+cookie))
	tokens := map[string]string{
		"the cookie": cookie, "an assertion": strings.TrimPrefix(verified.Header.Get("Authorization"), "Bearer "),
	}
	for _, step := range []struct{ answer, want string }{
		{`{}`, "<nil>"}, {`{"data": {"plan": "pro"}}`, "map[plan:pro]"}, {`{"id": "42"}`, "<nil>"},
	} {
		h.says(200, step.answer)
		w.browser().signIn("ada")
		for name, token := range tokens {
			if got := object(t, post(t, w, "/introspect", "token", token)); got["active"] != true ||
				fmt.Sprint(got["data"]) != step.want {
				t.Errorf("%s, after the hook's %s: %v", name, step.answer, got)
			}
		}
	}
}

func TestIntrospectionOfWhatIsNoSession(t *testing.T) {
	w := newWorld(t, withServices)
	b := w.browser()
	b.signIn("ada")
	value := b.cookie("bff")
	other := "A"
	if value[60] == 'A' {
		other = "B"
	}
	changed := value[:60] + other + value[61:]
	for name, token := range map[string]string{
		"nonsense": "x", "a session's public id": sessionID(b), "a user's id": userID(b), "another cookie's form": changed, "two values": value + "," + value,
		"the cookie with its name": "bff=" + value, "a space more": value + " ", "very long": value + value + value, "a finder alone": value[:43],
	} {
		if got := text(post(t, w, "/introspect", "token", token)); got != `{"active":false}` {
			t.Errorf("%s: %s", name, got)
		}
	}
	b.fetch("POST", "/bff/logout", "")
	if got := text(post(t, w, "/introspect", "token", value)); got != `{"active":false}` {
		t.Errorf("after the logout: %s", got)
	}
	canSee(t, w, nil, value)
}

func TestIntrospectionDoesNotSlideTheSession(t *testing.T) {
	clock := newClock()
	w := newWorld(t, withServices, func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	clock.advance(20 * time.Minute)
	post(t, w, "/introspect", "token", b.cookie("bff"))
	clock.advance(13 * time.Minute) // instances may be two minutes apart
	if got := text(post(t, w, "/introspect", "token", b.cookie("bff"))); got != `{"active":false}` {
		t.Errorf("after the idle time: %s", got)
	}
}

// Guarantee 4: an outage is never "inactive".
func TestIntrospectionWithoutAStore(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, withServices, func(s *settings) { s.store = store.URL })
	b := w.browser()
	b.signIn("ada")
	value := b.cookie("bff")
	b.loses(store)
	resp := post(t, w, "/introspect", "token", value)
	says(t, resp, 503, "temporarily_unavailable")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	store.Start()
	testenv.Eventually(
		t,
		"active again",
		func() bool { return object(t, post(t, w, "/introspect", "token", value))["active"] == true },
	)
}
