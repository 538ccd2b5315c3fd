package backend_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"bff/internal/api/backend"
	"bff/internal/vault"
)

// RFC 8187: what is not visible ASCII is encoded, and nothing that a person calls herself is taken for an encoded name.
func TestNamesInHeaders(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace":  "Ada Lovelace",
		"José":          "UTF-8''Jos%C3%A9",
		"李":             "UTF-8''%E6%9D%8E",
		"a\r\nX: y":     "UTF-8''a%0D%0AX%3A%20y",
		"a\tb":          "UTF-8''a%09b",
		" Ada":          "UTF-8''%20Ada",
		"UTF-8''x":      "UTF-8''UTF-8%27%27x",
		"utf-8'en'x":    "UTF-8''utf-8%27en%27x",
		"bad\xffbytes":  "UTF-8''bad%EF%BF%BDbytes",
		"O'Hara, \"A\"": "O'Hara, \"A\"",
	} {
		if got := backend.EncodeText(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzNamesInHeaders(f *testing.F) {
	for _, s := range []string{"Ada", "José", "UTF-8''x", "\r\n", strings.Repeat("é", 400), "\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := backend.EncodeText(name)
		if !httpguts.ValidHeaderFieldValue(got) ||
			strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q gives a header of %q", name, got)
		}
		back := got
		if rest, ok := strings.CutPrefix(got, "UTF-8''"); ok {
			var err error
			if back, err = url.PathUnescape(rest); err != nil {
				t.Fatalf("%q gives %q: %v", name, got, err)
			}
		}
		if !strings.HasPrefix(strings.ToValidUTF8(name, "\uFFFD"), back) {
			t.Fatalf("%q comes back as %q", name, back)
		}
	})
}

// An address that the provider has not verified goes into no header.
func TestOnlyAVerifiedEmailGoesIntoAHeader(t *testing.T) {
	for _, verified := range []bool{false, true} {
		h := http.Header{}
		s := &vault.Session{
			ID:   "s_1",
			User: vault.User{ID: "u_1", Email: "ada@example.com", EmailVerified: verified, AppID: "42"},
		}
		backend.SetHeaders(h, s, "admin,staff")
		if (h.Get("BFF-Email") != "") != verified || h.Get("BFF-App-Id") != "42" || h.Get("BFF-Rights") != "admin,staff" ||
			h.Get("BFF-Name") != "" {
			t.Errorf("verified %v: %v", verified, h)
		}
	}
}

func TestEveryRequiredRightIsNeeded(t *testing.T) {
	s := &vault.Session{User: vault.User{Rights: []string{"admin", "staff"}}}
	for _, rights := range [][]string{nil, {"staff"}, {"staff", "admin"}} {
		if err := backend.Require(s, rights); err != nil {
			t.Errorf("%v: %v", rights, err)
		}
	}
	for _, rights := range [][]string{{"Staff"}, {"staff", "editor"}, {""}, {"staff,admin"}} {
		if backend.Require(s, rights) == nil {
			t.Errorf("%v: permitted", rights)
		}
	}
	if backend.Require(nil, []string{"staff"}) == nil || backend.Require(nil, nil) != nil {
		t.Error("nobody has rights, and where none is required nobody needs any")
	}
}

// A backend's claims are those of the session, and an e-mail that is not there is not verified.
func TestClaimsAreThoseOfTheSession(t *testing.T) {
	s := &vault.Session{
		ID:   "s_1",
		User: vault.User{ID: "u_1", Provider: "acme", EmailVerified: true, Rights: []string{"staff"}},
	}
	got := backend.Claims("https://app.example.com", "app", s)
	if got.EmailVerified || got.Audience != "app" || got.SessionID != "s_1" || got.Subject != "u_1" ||
		got.Rights[0] != "staff" {
		t.Errorf("%+v", got)
	}
}
