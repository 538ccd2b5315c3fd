package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
)

func TestSessionAnswers(t *testing.T) {
	r := build(t, parts{})
	out := r.c.Fetch("GET", "/bff/session", "").JSON(t)
	providers, _ := out["providers"].([]any)
	if out["authenticated"] != false || len(providers) != 1 {
		t.Fatalf("not signed in: %v", out)
	}
	if p := providers[0].(map[string]any); p["name"] != "acme" || p["login_url"] != "/bff/login/acme" ||
		p["title"] == nil {
		t.Errorf("a provider is %v", p)
	}

	r.c.SignIn("acme")
	a := r.c.Fetch("GET", "/bff/session", "")
	if c := a.Header.Get("Cache-Control"); !strings.Contains(c, "no-store") && !strings.Contains(c, "private") {
		t.Errorf("Cache-Control is %q", c)
	}
	if v := strings.Join(a.Header.Values("Vary"), ","); !strings.Contains(v, "Cookie") {
		t.Errorf("Vary is %q", v)
	}
	in := a.JSON(t)
	session, _ := in["session"].(map[string]any)
	user, _ := in["user"].(map[string]any)
	connections, _ := in["connections"].([]any)
	if in["authenticated"] != true || len(connections) != 1 {
		t.Fatalf("signed in: %v", in)
	}
	connection := connections[0].(map[string]any)
	for kind, id := range map[string]any{"s_": session["id"], "u_": user["id"], "c_": connection["id"]} {
		if text, _ := id.(string); !strings.HasPrefix(text, kind) ||
			strings.Contains(r.c.Session(), strings.TrimPrefix(text, kind)) {
			t.Errorf("an id is %v", id)
		}
	}
	for _, at := range []any{session["created_at"], session["idle_expires_at"], session["expires_at"], connection["connected_at"]} {
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(at)); err != nil {
			t.Errorf("a time is %v", at)
		}
	}
	account, _ := connection["account"].(map[string]any)
	if connection["provider"] != "acme" || connection["status"] != "active" || account["subject"] != "ada" ||
		account["email"] != "ada@example.com" {
		t.Errorf("a connection is %v", connection)
	}
	if scopes, _ := connection["scopes"].([]any); len(scopes) == 0 {
		t.Errorf("scopes are %v", connection["scopes"])
	}
}

// RFC 10017 B3 to B8 on loopback http; the vault and the API test https.
func TestSessionCookie(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	var line string
	for l := range strings.Lines(string(r.c.Received())) {
		if strings.HasPrefix(l, "Set-Cookie: bff=") {
			line = strings.TrimSpace(strings.TrimPrefix(l, "Set-Cookie: "))
		}
	}
	c, err := http.ParseSetCookie(line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(line) >= 200 {
		t.Errorf("%d bytes: %q", len(line), line)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(c.Value); err != nil || len(raw) < 32 {
		t.Errorf("%d bytes in the value, %v", len(raw), err)
	}
}

func TestEveryErrorIsAProblemDocument(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	cookie := r.c.Session()
	for _, e := range []struct {
		name, method, path string
		headers            []string
		status             int
		code               string
	}{
		{"a route that is not listed", "GET", "/api/things/secrets", nil, 403, "route_not_allowed"},
		{"a method that is not listed", "DELETE", "/api/things/items/1", nil, 403, "route_not_allowed"},
		{"below a listed route", "GET", "/api/things/items/1/more", nil, 403, "route_not_allowed"},
		{"a path that two readers read differently", "GET", "/api/things/items/a%2Fb", nil, 400, "bad_request"},
		{"an encoded way up", "GET", "/api/things/%2e%2e/items", nil, 400, "bad_request"},
		{"a backslash", "GET", "/api/things/items/a%5cb", nil, 400, "bad_request"},
		{"a NUL", "GET", "/api/things/items/a%00b", nil, 400, "bad_request"},
		{"an empty segment", "GET", "/api/things//items", nil, 400, "bad_request"},
		{"a connection of somebody else", "GET", "/api/things/items", []string{"BFF-Connection", "c_nobody"}, 403, "not_connected"},
		{"two names that disagree", "GET", "/api/things/items?bff_connection=c_a", []string{"BFF-Connection", "c_b"}, 400, "bad_request"},
		{"two session cookies", "GET", "/api/things/items", []string{"Cookie", "bff=" + cookie + "; bff=" + cookie}, 400, "bad_request"},
		{"no such route", "GET", "/bff/nothing", nil, 404, "not_found"},
		{"no such connection", "DELETE", "/bff/connections/c_nobody", nil, 404, "not_found"},
		{"another method", "PUT", "/bff/session", nil, 405, "method_not_allowed"},
		{"GET where something changes", "GET", "/bff/logout", nil, 405, "method_not_allowed"},
	} {
		t.Run(e.name, func(t *testing.T) {
			before := len(r.api.Calls())
			var a *testenv.Answer
			if len(e.headers) > 0 && e.headers[0] == "Cookie" {
				a = raw(t, r, e.method, e.path, append(e.headers, "Sec-Fetch-Site", "same-origin")...)
			} else {
				a = r.c.Fetch(e.method, e.path, "", e.headers...)
			}
			problem(t, a, e.status, e.code)
			if len(r.api.Calls()) != before {
				t.Error("it reached the upstream")
			}
			if a.Header.Get("Location") != "" {
				t.Error("a script was redirected")
			}
		})
	}
}

// A person who goes to a wrong address gets a page, with the same status and code.
func TestErrorsOfNavigations(t *testing.T) {
	r := build(t, parts{})
	for path, want := range map[string]string{"/bff/login/nobody": "404 not_found", "/bff/callback/nobody": "404 not_found", "/bff/nothing": "404 not_found"} {
		a := r.c.Leave(path)
		if got := fmt.Sprint(a.Status, " ", a.Code()); got != want || a.Header.Get("Location") != "" {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		if strings.Contains(string(a.Body), "<script") {
			t.Errorf("%s: a page with a script", path)
		}
	}
}

// raw is a request without a browser around it: exactly these headers.
func raw(t testing.TB, r *rig, method, path string, headers ...string) *testenv.Answer {
	t.Helper()
	c := testenv.NewClient(r.bff)
	req := c.Request(method, path, "")
	req.Header = http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return testenv.ReadAnswer(t, resp)
}

// RFC 10017 B10, B12; attack classes 18 and 21: whatever changes something, and every proxied call, comes from this
// origin.
func TestCrossSite(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	cookie := "bff=" + r.c.Session()
	for _, e := range []struct {
		name, method, path string
		headers            []string
		allowed            bool
	}{
		{"a script of the page", "GET", "/api/things/items", []string{"Sec-Fetch-Site", "same-origin"}, true},
		{"an address typed in", "GET", "/api/things/items", []string{"Sec-Fetch-Site", "none"}, true},
		{"a client that is no browser and says so", "POST", "/api/things/items", []string{"X-CSRF", "1"}, true},
		{"an old browser's script of the page", "POST", "/api/things/items", []string{"Origin", r.bff.Origin}, true},
		{"a page elsewhere", "GET", "/api/things/items", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"a page elsewhere that sends X-CSRF", "POST", "/api/things/items", []string{"Sec-Fetch-Site", "cross-site", "X-CSRF", "1"}, false},
		{"a sibling", "GET", "/api/things/items", []string{"Sec-Fetch-Site", "same-site"}, false},
		{"a sibling that sends X-CSRF", "GET", "/api/things/items", []string{"Sec-Fetch-Site", "same-site", "X-CSRF", "1"}, false},
		{"another port", "POST", "/api/things/items", []string{"Origin", "http://127.0.0.1:1"}, false},
		{"no origin at all", "POST", "/api/things/items", []string{"Origin", "null"}, false},
		{"a client that sends nothing", "GET", "/api/things/items", nil, false},
		{"X-CSRF with another value", "GET", "/api/things/items", []string{"X-CSRF", "0"}, false},
		{"an unsafe method from the address bar", "POST", "/api/things/items", []string{"Sec-Fetch-Site", "none"}, false},
		{"a word nobody defined", "GET", "/api/things/items", []string{"Sec-Fetch-Site", "same-origin, cross-site"}, false},
		{"logout from elsewhere", "POST", "/bff/logout", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"unlinking from elsewhere", "DELETE", "/bff/connections/c_x", []string{"Sec-Fetch-Site", "same-site"}, false},
		{"preferences from elsewhere", "PATCH", "/bff/preferences", []string{"Origin", "https://evil.example"}, false},
		{"ending sessions from elsewhere", "DELETE", "/bff/sessions", []string{"Sec-Fetch-Site", "cross-site"}, false},
	} {
		t.Run(e.name, func(t *testing.T) {
			before := len(r.api.Calls())
			a := raw(t, r, e.method, e.path, append([]string{"Cookie", cookie}, e.headers...)...)
			if e.allowed {
				if a.Status != http.StatusOK {
					t.Errorf("%d %s", a.Status, a.Body)
				}
				return
			}
			problem(t, a, http.StatusForbidden, "csrf_rejected")
			if len(r.api.Calls()) != before {
				t.Error("it reached the upstream")
			}
		})
	}
	if !r.signedIn(r.c) {
		t.Error("somebody else's page ended the session")
	}
}
