package simulate_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/simulate"
)

// operatedShapes are providers that are called with a credential of the operator's, of each kind.
func operatedShapes() map[string]providers.Config {
	return map[string]providers.Config{
		"client_credentials": {Name: "acme", Auth: providers.AuthClientCredentials, Scopes: []string{"read", "write"},
			Client: providers.Client{Auth: "client_secret_post"}, Authorization: providers.Authorization{ScopeSeparator: ","},
			Token: providers.Token{URL: "https://acme.example/token", Params: map[string]string{"audience": "https://api.acme.example"},
				Headers: map[string]string{"Acme-Version": "2"}, Lifetime: 30 * time.Minute, ErrorField: "code"}},
		"client_credentials of an issuer": {Name: "acme", Auth: providers.AuthClientCredentials, Issuer: "https://acme.example",
			Scopes: []string{"read"}},
		"service_account": {Name: "drive", Auth: providers.AuthServiceAccount, Scopes: []string{"a", "b"},
			Operator: providers.Operator{ActAs: "ada@example.com"}},
		"github_app": {Name: "repos", Auth: providers.AuthGitHubApp},
		"api_key":    {Name: "acme", Auth: providers.AuthAPIKey, Operator: providers.Operator{APIKey: secret.New("x")}},
		"api_key that is tried": {Name: "acme", Auth: providers.AuthAPIKey, Operator: providers.Operator{APIKey: secret.New("x")},
			Userinfo: providers.Userinfo{URL: "https://acme.example/me", Method: "POST", Body: `{"q": 1}`, TokenHeader: "X-Key",
				Headers: map[string]string{"Acme-Version": "2"}}, Shapes: providers.Shapes{UserAgent: "acme-planner"}},
		"basic that is tried": {Name: "acme", Auth: providers.AuthBasic, Operator: providers.Operator{Username: "x", Password: secret.New("y")},
			Userinfo: providers.Userinfo{URL: "https://acme.example/me"}},
		"basic": {Name: "acme", Auth: providers.AuthBasic, Operator: providers.Operator{Username: "x", Password: secret.New("y")}},
	}
}

// A provider that is called with the operator's credential is played too: its token request in its own shape, refusals
// in its own words, renewal, a wrong credential, an outage. No key of its file can be wrong unnoticed.
func TestTheOperatorsCredentialIsPlayed(t *testing.T) {
	t.Parallel()
	for name, p := range operatedShapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := simulate.Run(t.Context(), p, simulate.Options{File: name}, &out); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "warning") {
					t.Error(line)
				}
			}
			want := []string{"the application's credential is another"}
			if tried := p.Userinfo.URL != "" || p.Auth != providers.AuthAPIKey && p.Auth != providers.AuthBasic; tried {
				want = append(want, "bff check tries the application's credential", "bff check tries another credential")
			}
			for _, scenario := range want {
				if !strings.Contains(out.String(), scenario) {
					t.Errorf("it is not played that %s:\n%s", scenario, out.String())
				}
			}
		})
	}
}
