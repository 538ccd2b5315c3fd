package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bff "bff/cmd/bff"
)

// Every scenario goes as expected for providers of different kinds: Google's habits; an OpenID Provider whose refresh tokens rotate; a plain OAuth 2.0
// provider with habits of its own.
func TestSimulate(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"openid.yaml": "  acme:\n    issuer: https://id.acme.example\n    client_id: x\n    client_secret: env:BFF_KEY\n    scopes: [openid, email, offline_access]\n",
		"plain.yaml": "  plain:\n    authorization_url: https://plain.example/authorize\n    token_url: https://plain.example/token\n    refresh_url: https://plain.example/refresh\n" +
			"    userinfo_url: https://plain.example/me\n    client_id: x\n    client_secret: env:BFF_KEY\n    subject: id\n    pkce: \"off\"\n    token_body: json\n    rotates: never\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, provider := range []string{"google", filepath.Join(dir, "openid.yaml"), filepath.Join(dir, "plain.yaml")} {
		t.Run(filepath.Base(provider), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := bff.Run(t.Context(), []string{"provider", "simulate", provider}, environment, &stdout, &stderr)
			if code != 0 || strings.Count(stdout.String(), "the same") < 20 {
				t.Errorf("exit code %d\n%s%s", code, stdout.String(), stderr.String())
			}
		})
	}
}

// What happened otherwise is told, and fails the command.
func TestSimulateTells(t *testing.T) {
	var b bytes.Buffer
	code, text := bff.Tell(&b, []string{"200", "503"}, []string{"200", "401"})
	want := "         SCENARIO   EXPECTED   HAPPENED\nok       no. 0      200        the same\nFAILED   no. 1      503        401\n"
	if code != 1 || text != "bff: 1 of 2 scenarios failed" || b.String() != want {
		t.Errorf("exit code %d, %q, and\n%s\nwant 1 and\n%s", code, text, b.String(), want)
	}
}
