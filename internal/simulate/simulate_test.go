package simulate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/config"
	"bff/internal/oauth/providers"
	"bff/internal/simulate"
)

// Every scenario goes as expected for providers of different kinds: Google's habits; an OpenID Provider whose refresh
// tokens rotate; a plain OAuth 2.0 provider with habits of its own.
func TestSimulate(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"openid.yaml": "  acme:\n    issuer: https://id.acme.example\n    client_id: x\n    client_secret: env:BFF_KEY\n    scopes: [openid, email, " +
			"offline_access]\n",
		"plain.yaml": "  plain:\n    authorization_url: https://plain.example/authorize\n    token_url: https://plain.example/token\n    refresh_url: " +
			"https://plain.example/refresh\n    userinfo_url: https://plain.example/me\n    client_id: x\n    client_secret: env:BFF_KEY\n    subject: id\n    " +
			"pkce: \"off\"\n    token_body: json\n    rotates: never\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	google, _ := providers.Builtin("google")
	all := map[string]providers.Config{"google": google}
	for _, name := range []string{"openid.yaml", "plain.yaml"} {
		p, _, report := config.ReadProvider(filepath.Join(dir, name), func(string) string { return "secret" }, "")
		if report != "" {
			t.Fatal(report)
		}
		all[name] = p
	}
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := simulate.Run(t.Context(), p, &out); err != nil || strings.Count(out.String(), "the same") < 20 {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

// What happened otherwise is printed, and fails the command.
func TestSimulateReportsWhatDiffers(t *testing.T) {
	var b bytes.Buffer
	err := simulate.Report(&b, []string{"200", "503"}, []string{"200", "401"})
	want := "         SCENARIO   EXPECTED   HAPPENED\nok       no. 0      200        the same\nFAILED   no. 1      503        401\n"
	if err == nil || err.Error() != "1 of 2 scenarios failed" || b.String() != want {
		t.Errorf("%v, and\n%s\nwant\n%s", err, b.String(), want)
	}
}
