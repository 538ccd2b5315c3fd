package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/oauth/providers"
	"bff/internal/proxy"
)

const typedKey = "key-canary-5f1c9d2e"

// keyed is a service that knows one API key, and says whose it is.
func keyed(t *testing.T) (service *httptest.Server, last func() http.Header) {
	t.Helper()
	return keyedWith(t, func(key string) bool { return key == typedKey })
}

// keyedWith is such a service with a say in which keys are good; its API answers 401 to each call of /gone all the
// same.
func keyedWith(t *testing.T, good func(key string) bool) (service *httptest.Server, last func() http.Header) {
	t.Helper()
	var mu sync.Mutex
	var seen http.Header
	service = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = r.Header.Clone()
		if !good(r.Header.Get("X-API-Key")) || r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprint(w, `{"id": 7, "name": "Team Ada"}`)
	}))
	t.Cleanup(service.Close)
	return service, func() http.Header {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// An API key is typed into a form, tried, used by calls, repaired and removed; nothing that a browser or a log gets
// has it.
func TestAnAPIKeyIsTypedUsedRepairedAndRemoved(t *testing.T) {
	service, last := keyed(t)
	w := newWorld(t, func(s *settings) {
		s.further = []providers.Config{{Name: "keyed", Title: "Keyed", Auth: providers.AuthAPIKey,
			Userinfo: providers.Userinfo{URL: service.URL + "/me", Subject: "id", TokenHeader: "X-API-Key"}}}
		s.mounts = []proxy.Config{
			{Name: "keyed", Path: "/api/keyed", Upstream: service.URL, Allow: []string{"GET /me"}, Header: "X-API-Key"},
		}
		s.through = map[string]string{"keyed": "keyed"}
		s.scopes = map[string][]string{"keyed": {}}
	})
	b := w.browser()
	b.signIn("ada")
	form := func(fields url.Values, edits ...edit) *http.Response {
		edits = append(
			edits,
			header("Content-Type", "application/x-www-form-urlencoded"),
			header("Sec-Fetch-Mode", "navigate"),
			header("Sec-Fetch-Dest", "document"),
		)
		return b.fetch(http.MethodPost, "/bff/connect/keyed", fields.Encode(), edits...)
	}
	page := b.visit("/bff/connect/keyed?return_to=/inbox", "same-origin")
	if text := read(t, page); page.StatusCode != http.StatusOK || !strings.Contains(text, `name="api_key"`) ||
		!strings.Contains(text, `value="/inbox"`) {
		t.Fatalf("the form: %d %s", page.StatusCode, text)
	}
	for name, fields := range map[string]url.Values{
		"a wrong key": {"api_key": {"wrong"}}, "no key": {}, "a key with a line break": {"api_key": {typedKey + "\r\nX: y"}},
	} {
		if to := form(fields).Header.Get("Location"); !strings.Contains(to, "bff_error=") {
			t.Errorf("%s: %s", name, to)
		}
	}
	if r := form(url.Values{"api_key": {typedKey}}, header("Sec-Fetch-Site", "cross-site")); r.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form: %d", r.StatusCode)
	}
	if r := form(url.Values{"api_key": {typedKey}, "return_to": {"/inbox"}}); r.StatusCode != http.StatusSeeOther ||
		r.Header.Get("Location") != "/inbox" {
		t.Fatalf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	if r := b.fetch(http.MethodGet, "/api/keyed/me", ""); r.StatusCode != http.StatusOK ||
		last().Get("X-API-Key") != typedKey ||
		last().Get("Authorization") != "" {
		t.Fatalf("a call: %d %v", r.StatusCode, last())
	}
	session := read(t, b.fetch(http.MethodGet, "/bff/session", ""))
	if !strings.Contains(session, `"Team Ada"`) || strings.Contains(session+w.log.String(), typedKey) {
		t.Fatalf("the session, or the log: %s", session)
	}
	var id string
	for _, c := range b.session()["connections"].([]any) {
		if c := c.(map[string]any); c["provider"] == "keyed" {
			id = c["id"].(string)
		}
	}
	isShownNeverAgain(t, b, id)
	if to := form(url.Values{"api_key": {typedKey}, "connection": {id}}).Header.Get("Location"); to != "/" {
		t.Errorf("a repair: %s", to)
	}
	if r := b.fetch(http.MethodDelete, "/bff/connections/"+id, ""); r.StatusCode != http.StatusNoContent {
		t.Errorf("unlinking: %d", r.StatusCode)
	}
	if r := b.fetch(http.MethodGet, "/api/keyed/me", ""); r.StatusCode != http.StatusForbidden ||
		r.Header.Get("BFF-Error") != "not_connected" {
		t.Errorf("a call afterwards: %d %s", r.StatusCode, r.Header.Get("BFF-Error"))
	}
}

// isShownNeverAgain looks at everything that shows a connection: none has what was typed.
func isShownNeverAgain(t *testing.T, b *browser, connection string) {
	t.Helper()
	for where, resp := range map[string]*http.Response{
		"the form to repair it": b.visit("/bff/connect/keyed?connection="+connection, "same-origin"),
		"the linked accounts":   b.fetch(http.MethodGet, "/bff/connections", ""),
		"the export":            b.fetch(http.MethodGet, "/bff/account/export", ""),
	} {
		if text := read(t, resp); !strings.Contains(text, connection) || strings.Contains(text, typedKey) {
			t.Errorf("%s: %d %s", where, resp.StatusCode, text)
		}
	}
}

// Nobody signs in with what is typed to link an account: it is no way to sign in, and typing needs a session.
func TestNobodySignsInWithATypedKey(t *testing.T) {
	w := newWorld(t, func(s *settings) {
		s.further = []providers.Config{{Name: "keyed", Auth: providers.AuthBasic}}
	})
	b := w.browser()
	if r := b.visit("/bff/login/keyed", "none"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a sign-in: %d", r.StatusCode)
	}
	if text := read(t, b.fetch(http.MethodGet, "/bff/session", "")); strings.Contains(text, "keyed") {
		t.Errorf("it is offered: %s", text)
	}
	r := b.fetch(
		http.MethodPost,
		"/bff/connect/keyed",
		"username=a&password=b",
		header("Content-Type", "application/x-www-form-urlencoded"),
	)
	if r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a session: %d", r.StatusCode)
	}
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A typed key that an API refuses is dead when its provider refuses it too, and not before; the same form repairs it.
func TestATypedKeyThatItsProviderRefusesMustBeTypedAnew(t *testing.T) {
	var ended atomic.Bool
	service, _ := keyedWith(t, func(key string) bool { return key == typedKey+"-new" || key == typedKey && !ended.Load() })
	w := newWorld(t, func(s *settings) {
		s.further = []providers.Config{{Name: "keyed", Title: "Keyed", Auth: providers.AuthAPIKey,
			Userinfo: providers.Userinfo{URL: service.URL + "/me", Subject: "id", TokenHeader: "X-API-Key"}}}
		s.mounts = []proxy.Config{{Name: "keyed", Path: "/api/keyed", Upstream: service.URL,
			Allow: []string{"GET /me", "GET /gone"}, Header: "X-API-Key"}}
		s.through = map[string]string{"keyed": "keyed"}
		s.scopes = map[string][]string{"keyed": {}}
	})
	b := w.browser()
	b.signIn("ada")
	typed := func(fields url.Values) string {
		return b.fetch(http.MethodPost, "/bff/connect/keyed", fields.Encode(),
			header("Content-Type", "application/x-www-form-urlencoded"), header("Sec-Fetch-Mode", "navigate"),
			header("Sec-Fetch-Dest", "document")).Header.Get("Location")
	}
	if to := typed(url.Values{"api_key": {typedKey}}); to != "/" {
		t.Fatalf("the key is not taken: %s", to)
	}
	if r := b.fetch(http.MethodGet, "/api/keyed/gone", ""); r.StatusCode != http.StatusUnauthorized ||
		r.Header.Get("BFF-Error") != "" {
		t.Fatalf("an API's own 401: %d %s", r.StatusCode, r.Header.Get("BFF-Error"))
	}
	if r := b.fetch(http.MethodGet, "/api/keyed/me", ""); r.StatusCode != http.StatusOK {
		t.Fatalf("a good key after an API's own 401: %d", r.StatusCode)
	}
	ended.Store(true)
	r := b.fetch(http.MethodGet, "/api/keyed/me", "")
	if r.StatusCode != http.StatusForbidden || r.Header.Get("BFF-Error") != "needs_reauth" {
		t.Fatalf("a key that ended: %d %s", r.StatusCode, r.Header.Get("BFF-Error"))
	}
	if text := read(t, r); !strings.Contains(text, `"/bff/connect/keyed?connection=c_`) ||
		strings.Contains(text, typedKey) {
		t.Errorf("its problem: %s", text)
	}
	id := ""
	for _, c := range b.session()["connections"].([]any) {
		if c := c.(map[string]any); c["provider"] == "keyed" {
			id = c["id"].(string)
			if c["status"] != "needs_reauth" || c["reason"] != "revoked" {
				t.Errorf("the connection: %v", c)
			}
		}
	}
	if to := typed(url.Values{"api_key": {typedKey + "-new"}, "connection": {id}}); to != "/" {
		t.Errorf("the repair: %s", to)
	}
	if r := b.fetch(http.MethodGet, "/api/keyed/me", ""); r.StatusCode != http.StatusOK {
		t.Errorf("a call with the new key: %d %s", r.StatusCode, read(t, r))
	}
}
