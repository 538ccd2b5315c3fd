package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"bff/internal/proxy"
)

// An upstream that wants more than was granted, in whatever words, becomes one answer that a page can act on. What
// the upstream said itself is kept.
func TestAnUpstreamThatWantsMoreIsMissingScopes(t *testing.T) {
	d := newDesk(t)
	w := newWorld(t, func(s *settings) {
		s.mounts = []proxy.Config{
			{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}},
			{Name: "desk-edit", Path: "/api/desk-edit", Upstream: d.URL, Allow: []string{"GET /x"}},
		}
		s.scopes = map[string][]string{"desk-edit": {"desk.write", "desk.read"}}
	})
	b := w.browser()
	b.signIn("ada")
	conn := b.session()["connections"].([]any)[0].(map[string]any)["id"].(string)
	for _, row := range []struct {
		name, challenge, contentType, body string
		status                             int
		missing, upstream                  any
	}{
		{"RFC 6750", `Bearer error="insufficient_scope", scope="desk.write desk.read"`, "application/json", `{"error":"more"}`, 403,
			[]any{"desk.write", "desk.read"}, map[string]any{"error": "more"}},
		{"Google", "", "application/json; charset=UTF-8", `{"error":{"code":403,"details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`, 403,
			nil, map[string]any{"error": map[string]any{"code": 403.0, "details": []any{map[string]any{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}}}}},
		{"RFC 9470", `Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="60"`, "text/plain", "sign in again", 401, nil,
			"sign in again"},
		{"RFC 9470, but not with such an age", `Bearer error="insufficient_user_authentication", max_age="a day"`, "text/plain", "sign in again", 401, nil,
			"sign in again"},
	} {
		d.mu.Lock()
		d.answer = func(w http.ResponseWriter) {
			if row.challenge != "" {
				w.Header().Set("WWW-Authenticate", row.challenge)
			}
			w.Header().Set("Content-Type", row.contentType)
			w.WriteHeader(row.status)
			_, _ = fmt.Fprint(w, row.body)
		}
		d.mu.Unlock()
		p := refused(t, b.fetch("GET", "/api/desk/x", ""), 403, "missing_scopes")
		if !reflect.DeepEqual(p["missing_scopes"], row.missing) || !reflect.DeepEqual(p["upstream"], row.upstream) ||
			p["connection"] != conn {
			t.Errorf("%s: %v", row.name, p)
		}
		fix, _ := p["fix"].(map[string]any)
		link, err := url.Parse(fmt.Sprint(fix["url"]))
		if err != nil || fix["kind"] != "connect" || link.Path != "/bff/connect/demo" ||
			link.Query().Get("connection") != conn ||
			row.missing != nil && link.Query().Get("scopes") != "desk.write desk.read" {
			t.Errorf("%s: fix %v", row.name, fix)
		}
		// What the api asked for arrives at the provider.
		at, _ := url.Parse(b.begin(fmt.Sprint(fix["url"])))
		var acr, age string
		if row.name == "RFC 9470" {
			acr, age = "gold silver", "60"
		}
		if q := at.Query(); q.Get("acr_values") != acr || q.Get("max_age") != age {
			t.Errorf("%s: %v", row.name, q)
		}
	}
}

// An upstream cannot choose what a person is asked for: the fix offers only scopes of the configured apis.
func TestAFixOffersOnlyScopesOfConfiguredAPIs(t *testing.T) {
	d := newDesk(t)
	w := newWorld(t, func(s *settings) {
		s.mounts = []proxy.Config{
			{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}},
			{Name: "desk-edit", Path: "/api/desk-edit", Upstream: d.URL, Allow: []string{"GET /x"}},
		}
		s.scopes = map[string][]string{"desk-edit": {"desk.write"}}
	})
	b := w.browser()
	b.signIn("ada")
	for challenge, want := range map[string]string{"admin.all desk.write": "desk.write", "admin.all": ""} {
		d.mu.Lock()
		d.answer = func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+challenge+`"`)
			w.WriteHeader(http.StatusForbidden)
		}
		d.mu.Unlock()
		p := refused(t, b.fetch("GET", "/api/desk/x", ""), 403, "missing_scopes")
		fix, _ := p["fix"].(map[string]any)
		if want == "" {
			if fix != nil {
				t.Errorf("%s: a fix that cannot help: %v", challenge, fix)
			}
			continue
		}
		if link, err := url.Parse(fmt.Sprint(fix["url"])); err != nil || link.Query().Get("scopes") != want {
			t.Errorf("%s: fix %v", challenge, fix)
		}
	}
}
