package config_test

import (
	"slices"
	"strings"
	"testing"

	"bff/internal/config"
)

const whole = `origin: http://127.0.0.1:8080
session: {store: "memory:", keys: [env:KEY]}
providers:
  acme:
    issuer: http://127.0.0.1:9000
    client_id: bff
    client_secret: env:SECRET
apis:
  things:
    provider: acme
    upstream: http://127.0.0.1:9001
    allow:
      - GET /items
`

// Which keys differ is said by their paths, a secret behind a reference included; comments, order and spelling of the
// same values are no difference.
func TestChangedNamesTheKeysThatDiffer(t *testing.T) {
	digests := func(text, secret string) map[string]string {
		t.Helper()
		c, report := config.Read("bff.yaml", []byte(text), func(name string) string {
			if name == "KEY" {
				return "bffk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
			}
			return secret
		})
		if report != "" {
			t.Fatal(report)
		}
		return c.Digests()
	}
	before := digests(whole, "first")
	for _, row := range []struct {
		name, text, secret, want string
	}{
		{"nothing", whole, "first", ""},
		{"a comment", "# new\n" + whole, "first", ""},
		{"quotes", strings.Replace(whole, "client_id: bff", `client_id: "bff"`, 1), "first", ""},
		{"a secret behind a reference", whole, "second", "providers.acme.client_secret"},
		{"an item more", whole + "      - GET /more\n", "first", "apis.things.allow"},
		{"a key more", whole + "name: Planner\n", "first", "name"},
		{"two", strings.Replace(whole, "GET /items", "GET /all", 1) + "explain: 1h\n", "first", "apis.things.allow explain"},
	} {
		got := config.Changed(before, digests(row.text, row.secret))
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		back := config.Changed(digests(row.text, row.secret), before)
		if !slices.Equal(got, back) {
			t.Errorf("%s: %q one way and %q the other", row.name, got, back)
		}
	}
	for path, sum := range digests(whole, "planted-secret") {
		if strings.Contains(sum, "planted") || len(sum) > 24 {
			t.Errorf("%s: %q is no digest", path, sum)
		}
	}
}
