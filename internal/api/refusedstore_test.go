package api_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// A store that refuses bff's credentials in the middle of its life knows nothing of who is signed in: every route
// answers 503, the cookie is left alone, and when the credentials are good again the same cookie is signed in. The
// database is not the first, so that setting up a connection has more than one step that can be refused.
func TestAStoreThatRefusesItsCredentialsSignsNobodyOut(t *testing.T) {
	for name, refuse := range map[string][]any{
		"another password":     {"ACL", "SETUSER", "bff", "resetpass", ">other"},
		"the user is off":      {"ACL", "SETUSER", "bff", "off"},
		"select is forbidden":  {"ACL", "SETUSER", "bff", "-select"},
		"nothing is permitted": {"ACL", "SETUSER", "bff", "-@all"},
	} {
		t.Run(name, func(t *testing.T) {
			store := testenv.Redis(t)
			admin := store.Client()
			command := func(words ...any) {
				t.Helper()
				if err := admin.Do(t.Context(), words...).Err(); err != nil {
					t.Fatalf("%v: %v", words, err)
				}
			}
			good := []any{"ACL", "SETUSER", "bff", "reset", "on", ">pw", "~*", "&*", "+@all"}
			command(good...)
			w := newWorld(t, withServices, func(s *settings) { s.store = "redis://bff:pw@" + store.Addr + "/3" })
			b := w.browser()
			b.signIn("ada")
			value := b.cookie("bff")
			callback := callbackOf(t, w)
			command(refuse...)
			command("CLIENT", "KILL", "USER", "bff")
			unavailable(t, w, b, value)
			if resp := callback(); resp.StatusCode != http.StatusServiceUnavailable &&
				!strings.Contains(resp.Header.Get("Location"), "bff_error=store_unavailable") {
				t.Errorf("the callback: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
			}
			if b.cookie("bff") != value {
				t.Error("the cookie was touched")
			}
			command(good...)
			command("CLIENT", "KILL", "USER", "bff")
			testenv.Eventually(t, "the same cookie again", func() bool {
				return b.fetch("GET", "/bff/session", "").StatusCode == http.StatusOK
			})
			if b.session()["authenticated"] != true {
				t.Error("signed out")
			}
			if resp := b.fetch("GET", "/api/calendar/users/me/calendarList", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("a call afterwards: %d", resp.StatusCode)
			}
		})
	}
}

// unavailable asks every route that needs the store, and wants 503 of each.
func unavailable(t *testing.T, w *world, b *browser, value string) {
	t.Helper()
	request := []string{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", value,
		"subject_token_type", "urn:bff:session", "audience", "demo"}
	for what, answer := range map[string]func() *http.Response{
		"session":     func() *http.Response { return b.fetch("GET", "/bff/session", "") },
		"call":        func() *http.Response { return b.fetch("GET", "/api/calendar/users/me/calendarList", "") },
		"connections": func() *http.Response { return b.fetch("GET", "/bff/connections", "") },
		"sessions":    func() *http.Response { return b.fetch("GET", "/bff/sessions", "") },
		"preferences": func() *http.Response { return b.fetch("GET", "/bff/preferences", "") },
		"events":      func() *http.Response { return b.fetch("GET", "/bff/events", "") },
		"logout":      func() *http.Response { return b.fetch("POST", "/bff/logout", "") },
		"verify": func() *http.Response {
			return ask(t, w, "GET", "/verify", "", header("Cookie", "bff="+value))
		},
		"introspect": func() *http.Response { return post(t, w, "/introspect", "token", value) },
		"token":      func() *http.Response { return post(t, w, "/token", request...) },
		"readyz":     func() *http.Response { return ask(t, w, "GET", "/readyz", "") },
	} {
		resp := answer()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", what, resp.StatusCode, text(resp))
		}
		if what != "readyz" && resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
		if resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets %q", what, resp.Header.Get("Set-Cookie"))
		}
	}
}

// callbackOf takes another sign-in as far as the provider's way back.
func callbackOf(t *testing.T, w *world) func() *http.Response {
	t.Helper()
	b := w.browser()
	back, err := w.demo.Approve(b.begin("/bff/login/demo"), "grace")
	if err != nil {
		t.Fatal(err)
	}
	return func() *http.Response { return b.visit(strings.Replace(back, w.origin, w.front.URL, 1), "cross-site") }
}

// A store that answers and takes no writes cannot serve: no touch, no sign-in, no refresh.
func TestAnInstanceWhoseStoreTakesNoWritesIsNotReady(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, func(s *settings) { s.store = store.URL })
	if resp := ask(t, w, "GET", "/readyz", ""); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d", resp.StatusCode)
	}
	set := func(value string) {
		t.Helper()
		if err := store.Client().ConfigSet(t.Context(), "min-replicas-to-write", value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("1")
	if resp := ask(t, w, "GET", "/readyz", ""); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without its replicas: %d", resp.StatusCode)
	}
	set("0")
	testenv.Eventually(
		t,
		"ready again",
		func() bool { return ask(t, w, "GET", "/readyz", "").StatusCode == http.StatusOK },
	)
}

// A store that refuses single commands, as an access list that is too narrow has it refuse, cannot serve either.
func TestAnInstanceWhoseStoreRefusesCommandsIsNotReady(t *testing.T) {
	store := testenv.Redis(t)
	allow := func(words ...any) {
		t.Helper()
		all := append([]any{"ACL", "SETUSER", "bff", "reset", "on", ">pw", "~*", "&*", "+@all"}, words...)
		if err := store.Client().Do(t.Context(), all...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	allow()
	w := newWorld(t, func(s *settings) { s.store = "redis://bff:pw@" + store.Addr + "/0" })
	status := func() int { return ask(t, w, "GET", "/readyz", "").StatusCode }
	if got := status(); got != http.StatusOK {
		t.Fatalf("%d", got)
	}
	for _, refused := range []string{"-@read", "-get", "-hgetall", "-@write", "-set", "-del", "-@scripting"} {
		allow(refused)
		if got := status(); got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", refused, got)
		}
	}
	allow()
	if got := status(); got != http.StatusOK {
		t.Errorf("everything is allowed again: %d", got)
	}
}
