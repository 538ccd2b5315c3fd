package providers_test

import (
	"strings"
	"testing"

	"golang.org/x/oauth2/google"

	"bff/internal/oauth/providers"
)

// The endpoints of the built-in Google are those of golang.org/x/oauth2/google. The authorization endpoint there is
// the older form of the same one: Google's discovery document has /o/oauth2/v2/auth.
func TestGooglesEndpointsAreThoseOfItsOwnPackage(t *testing.T) {
	file, ok := providers.BuiltinYAML("google")
	p, err := providers.Parse("google", file)
	if !ok || err != nil {
		t.Fatal("there is no Google: ", err)
	}
	if p.Token.URL != google.Endpoint.TokenURL {
		t.Errorf("the token endpoint is %s, the package has %s", p.Token.URL, google.Endpoint.TokenURL)
	}
	if old := strings.Replace(p.Authorization.URL, "/v2/", "/", 1); old != google.Endpoint.AuthURL {
		t.Errorf("the authorization endpoint is %s, the package has %s", p.Authorization.URL, google.Endpoint.AuthURL)
	}
}
