package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/config"
)

const operatedKeyFile = `{"type": "service_account", "client_email": "robot@acme.iam.gserviceaccount.com",
"private_key_id": "k1", "token_uri": "https://oauth2.googleapis.com/token", "private_key": "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n"}`

// operatedFiles are the credentials that these configurations name.
func operatedFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"robot.json": operatedKeyFile, "app.pem": testKey, "user.json": `{"type": "authorized_user"}`,
		"noise": secretValue, "password": secretValue + ":with a colon"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// operatedBy is a file with one provider more, whose lines begin at line 6 or so.
func operatedBy(lines string) []byte {
	return []byte(minimal + "  acme: {" + lines + "}\napis:\n  notes:\n    provider: acme\n    upstream: https://notes.example\n" +
		"    allow: [GET /]\n    scopes: [read]\n")
}

// Each credential of the operator's reads into its place, and needs nothing that OAuth needs.
func TestCredentialsOfTheOperatorAreRead(t *testing.T) {
	dir := operatedFiles(t)
	for name, lines := range map[string]string{
		"a key":              "auth: api_key, api_key: file:noise, scopes: [read]",
		"a password":         "auth: basic, username: robot, password: file:password, scopes: [read]",
		"a service account":  "auth: service_account, service_account: file:robot.json, act_as: ada@example.com, scopes: [read]",
		"client credentials": "auth: client_credentials, client_id: x, client_secret: file:noise, token_url: https://acme.example/token, scopes: [read]",
		"an issuer's client": "auth: client_credentials, client_id: x, client_secret: file:noise, issuer: https://acme.example, scopes: [read]",
		"an installation":    `auth: github_app, client_id: x, client_key: file:app.pem, installation: "12", scopes: [read]`,
	} {
		c, report := config.Read(filepath.Join(dir, "bff.yaml"), operatedBy(lines), environment)
		if report != "" {
			t.Errorf("%s: %s", name, report)
			continue
		}
		p := c.Providers[len(c.Providers)-1]
		if !p.Operated() || p.Typed() {
			t.Errorf("%s: people would be asked to link an account", name)
		}
		if want := map[bool]string{true: "Basic"}[p.Auth == "basic"]; c.APIs[0].Scheme != want {
			t.Errorf("%s: the scheme of its api is %q", name, c.APIs[0].Scheme)
		}
	}
}

// What does not fit together is refused where it stands, with what to write instead, and no secret in the text.
func TestCredentialsOfTheOperatorAreRefused(t *testing.T) {
	dir := operatedFiles(t)
	for name, c := range map[string]struct{ lines, want string }{
		"a literal key":             {"auth: api_key, api_key: " + secretValue, "is a literal secret; write `api_key: env:ACME_API_KEY`"},
		"a key without auth":        {"issuer: https://acme.example, client_id: x, client_secret: file:noise, api_key: file:noise", "has no meaning without `auth`; write `auth: api_key`"},
		"a key beside a password":   {"auth: basic, username: robot, password: file:noise, api_key: file:noise", "has no meaning beside `auth: basic`"},
		"a user without a password": {"auth: basic, username: robot", "has no `password`, which `auth: basic` needs; write `password: env:ACME_PASSWORD`"},
		"a colon in the user":       {"auth: basic, username: 'a:b', password: file:noise", "has a colon"},
		"no key file":               {"auth: service_account, scopes: [read]", "has no `service_account`, which `auth: service_account` needs"},
		"another kind of key file":  {"auth: service_account, service_account: file:user.json, scopes: [read]", "is no key file of a service account"},
		"noise for a key file":      {"auth: service_account, service_account: file:noise, scopes: [read]", "is no key file of a service account"},
		"no scopes":                 {"auth: service_account, service_account: file:robot.json", "has no `scopes`"},
		"a client of nobody":        {"auth: client_credentials, client_id: x, client_secret: file:noise", "has no `token_url`; write it, or its `issuer`"},
		"no client":                 {"auth: client_credentials, token_url: https://acme.example/t", "has no `client_id`"},
		"no installation":           {"auth: github_app, client_id: x, client_key: file:app.pem", "has no `installation`"},
		"noise for a key":           {`auth: github_app, client_id: x, client_key: file:noise, installation: "1"`, "has no private key in it"},
		"a secret for an app":       {`auth: github_app, client_id: x, client_secret: file:noise, client_key: file:app.pem, installation: "1"`, "has no meaning beside `auth: github_app`"},
		"keep":                      {"auth: api_key, api_key: file:noise, keep: user", "is for accounts that people link"},
		"somebody of a token": {"auth: client_credentials, client_id: x, client_secret: file:noise, token_url: https://acme.example/t, " +
			"userinfo_url: https://acme.example/me", "has no meaning beside `auth: client_credentials`, whose token is the application's own"},
		"an unknown auth":           {"auth: kerberos", "auth"},
		"a scope that is not asked": {"auth: api_key, api_key: file:noise", "is not among what `providers.acme` asks for"},
	} {
		_, report := config.Read(filepath.Join(dir, "bff.yaml"), operatedBy(c.lines), environment)
		if !strings.Contains(report, c.want) || !strings.Contains(report, "bff.yaml:") {
			t.Errorf("%s: %s", name, report)
		}
		if strings.Contains(report, secretValue) {
			t.Errorf("%s: the report has the secret: %s", name, report)
		}
	}
}

// A file whose only provider is called with a key lets nobody sign in.
func TestAKeyIsNoWayToSignIn(t *testing.T) {
	_, report := config.Read("bff.yaml", []byte(top+session+"providers:\n  acme: {auth: api_key}\n"), environment)
	if !strings.Contains(report, "nobody could sign in") {
		t.Errorf("%s", report)
	}
}
