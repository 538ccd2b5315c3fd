package providers_test

import (
	"strings"
	"testing"

	"bff/internal/oauth/providers"
)

// A provider of the operator's is known by its issuer, to the letter: nobody borrows the name that another issuer's
// scopes have on the account page.
func TestABuiltinProviderIsFoundByItsIssuerAlone(t *testing.T) {
	found := 0
	for _, name := range providers.Builtins() {
		p, _ := providers.Builtin(name)
		if p.Issuer == "" {
			continue
		}
		found++
		if got, ok := providers.BuiltinOf(p.Issuer); !ok || got.Issuer != p.Issuer || got.Title == "" {
			t.Errorf("%s: %q %v, by %s", name, got.Name, ok, p.Issuer)
		} else if got.Name != name {
			t.Errorf("%s has the issuer of %s", name, got.Name)
		}
		for _, other := range []string{p.Issuer + "x", p.Issuer + ".evil.example", p.Issuer[:len(p.Issuer)-1],
			strings.TrimPrefix(p.Issuer, "https://"), "https://evil.example/" + p.Issuer, strings.ToUpper(p.Issuer), " " + p.Issuer} {
			if got, ok := providers.BuiltinOf(other); ok && got.Issuer != other {
				t.Errorf("%q is taken for %s", other, got.Name)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d built-in providers have an issuer", found)
	}
	for _, nobody := range []string{"", "h", "https://", "https", "\n", "# ", "title", "issuer: https://accounts.google.com"} {
		if got, ok := providers.BuiltinOf(nobody); ok {
			t.Errorf("%q is taken for %s", nobody, got.Name)
		}
	}
}
