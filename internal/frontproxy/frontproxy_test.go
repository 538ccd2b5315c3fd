package frontproxy_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// each runs a test behind every front proxy.
func each(t *testing.T, f func(t *testing.T, s *site)) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) { f(t, open(t, name)) })
	}
}

// A person is sent to sign in and comes back to where she wanted; a script gets 401, and the application sees neither.
func TestWhoIsNotSignedIn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		if a := s.client.Fetch("GET", "/data", ""); a.Status != http.StatusUnauthorized || a.Code() != "not_signed_in" {
			t.Errorf("a script: %d %s", a.Status, a.Code())
		}
		if a := s.client.Fetch("POST", "/data", "x"); a.Status != http.StatusUnauthorized {
			t.Errorf("a script that writes: %d", a.Status)
		}
		if _, n := s.app.last(); n != 0 {
			t.Fatal("a call of nobody reached the application")
		}
		first := s.client.Leave("/deep/page?a=b&c=%2F")
		if to := first.Header.Get("Location"); first.Status != http.StatusFound ||
			!strings.HasSuffix(to, "/bff/login/op?return_to=%2Fdeep%2Fpage%3Fa%3Db%26c%3D%252F") {
			t.Fatalf("a person: %d to %q", first.Status, to)
		}
		s.client.Navigate("/deep/page?a=b&c=%2F") // to a page that loads the address again, by a script
		if a := s.client.Navigate("/deep/page?a=b&c=%2F"); a.Status != http.StatusOK ||
			a.URL != s.origin+"/deep/page?a=b&c=%2F" {
			t.Errorf("after the sign-in: %d at %s", a.Status, a.URL)
		}
	})
}

// The application learns who is asking, in headers and in an assertion for it, and nothing that a client planted.
func TestWhatTheApplicationLearns(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.client.SignIn("op")
		user := s.client.Fetch("GET", "/bff/session", "").JSON(t)
		r := s.client.Request("GET", "/whoami", "", "Authorization", "Bearer forged", "X-Forwarded-Uri", "/elsewhere")
		for _, name := range []string{"BFF-User", "BFF-Session", "BFF-Email", "BFF-Name", "BFF-Rights", "BFF-App-Id",
			"bff-user", "BFF_Rights", "BFF_USER", "BFF.User", "BFF.App_Id"} {
			r.Header[name] = []string{"planted"}
		}
		resp, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		testenv.ReadAnswer(t, resp)
		got, _ := s.app.last()
		id := user["user"].(map[string]any)["id"]
		if got.Header.Get("BFF-User") != id || got.Header.Get("BFF-Session") != user["session"].(map[string]any)["id"] {
			t.Errorf("who is asking: %v", got.Header)
		}
		profile := user["user"].(map[string]any)
		for name, want := range map[string]any{"BFF-Email": profile["email"], "BFF-Name": profile["name"],
			"BFF-Rights": "editor,may%2C too"} {
			if all := got.Header[http.CanonicalHeaderKey(name)]; len(all) != 1 || all[0] != want {
				t.Errorf("%s: %q, want %q", name, all, want)
			}
		}
		for name, values := range got.Header {
			if strings.Contains(strings.Join(values, ""), "planted") {
				t.Errorf("%s was planted: %q", name, values)
			}
		}
		claims := assertionOf(t, got)
		if claims["aud"] != "app" || claims["sub"] != id || claims["iss"] != s.origin ||
			fmt.Sprint(claims["rights"]) != "[editor may, too]" {
			t.Errorf("the assertion: %v", claims)
		}
	})
}

func assertionOf(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	m := map[string]any{}
	parts := strings.Split(r.Header.Get("Authorization"), ".")
	if len(parts) != 3 {
		t.Fatalf("no assertion: %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &m) != nil {
		t.Fatal("an assertion that cannot be read")
	}
	return m
}

// What changes something must come from the site itself, though the cookie comes along from a sibling.
func TestAnotherSitesRequests(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.client.SignIn("op")
		plain := &http.Transport{}
		t.Cleanup(plain.CloseIdleConnections)
		_, before := s.app.last()
		for _, from := range []string{"same-site", "cross-site", "none"} {
			for _, method := range []string{"POST", "DELETE", "PUT"} {
				r := s.client.Request(method, "/buy", "x=1", "Cookie", "bff="+s.client.Session(), "Origin", "https://evil.example",
					"Sec-Fetch-Site", from, "X-Forwarded-Method", "GET")
				resp, err := plain.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				if a := testenv.ReadAnswer(t, resp); a.Status != http.StatusForbidden || a.Code() != "csrf_rejected" {
					t.Errorf("%s from %s: %d %s", method, from, a.Status, a.Code())
				}
			}
		}
		if _, after := s.app.last(); after != before {
			t.Error("it reached the application")
		}
	})
}

// An upload goes to the application, once; the question to bff brings no body. What the application refuses itself is
// its own answer.
func TestUploadsAreNotSentTwice(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.client.SignIn("op")
		_, before := s.app.last()
		body := strings.Repeat("0123456789abcdef", 5<<16)
		if a := s.client.Fetch("POST", "/upload", body); a.Status != http.StatusOK {
			t.Fatalf("%d", a.Status)
		}
		_, after := s.app.last()
		if got := s.app.newestBody(); got != int64(len(body)) || after != before+1 {
			t.Errorf("%d bytes of %d in %d requests", got, len(body), after-before)
		}
		if n := s.asked.Load(); n != 0 {
			t.Errorf("%d bytes of bodies were sent to bff", n)
		}
		if a := s.client.Fetch("GET", "/refuses", ""); a.Status != http.StatusUnauthorized || a.Code() != "" ||
			!strings.Contains(string(a.Body), "/refuses") {
			t.Errorf("the application's own 401: %d %q", a.Status, a.Code())
		}
	})
}

// Guarantee 4 through a front proxy: an outage is no sign-out. Guarantee 6: after a logout nothing reaches the
// application.
func TestAnOutageAndALogout(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.client.SignIn("op")
		s.store.Stop()
		testenv.Eventually(t, "the store is missed", func() bool {
			return s.client.Fetch("GET", "/data", "").Status == http.StatusServiceUnavailable
		})
		if a := s.client.Fetch("GET", "/data", ""); a.Status != http.StatusServiceUnavailable ||
			a.Header.Get("Retry-After") == "" {
			t.Errorf("without a store: %d %v", a.Status, a.Header)
		}
		s.store.Start()
		testenv.Eventually(
			t,
			"signed in again",
			func() bool { return s.client.Fetch("GET", "/data", "").Status == http.StatusOK },
		)
		s.client.Fetch("POST", "/bff/logout", "")
		_, before := s.app.last()
		if a := s.client.Fetch("GET", "/data", ""); a.Status != http.StatusUnauthorized {
			t.Errorf("after the logout: %d", a.Status)
		}
		if _, after := s.app.last(); after != before {
			t.Error("it reached the application")
		}
	})
}
