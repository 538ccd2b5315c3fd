package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bff/internal/config"
)

// secondEdition has every key that came after the first edition.
const secondEdition = `origin: https://app.example.com
name: Acme Planner
logo: ./logo.svg
session: {keys: [env:BFF_KEY], cache: true}
provider_dir: ./providers
providers:
  google: {client_id: x, client_secret: env:GOOGLE_CLIENT_SECRET, keep: user}
  acme:
    file: ./acme.yaml
    client_id: y
    client_secret: env:ACME_CLIENT_SECRET
    rights: [realm_access.roles]
    sign_in: false
  local: {client_id: z, client_secret: env:ACME_CLIENT_SECRET}
apis:
  calendar:
    provider: google
    upstream: https://www.googleapis.com/calendar/v3
    allow: ["GET /values/{range}"]
    pause: off
    verbs: [range]
    request_headers: [Notion-Version]
    response_headers: []
    require: [staff]
  app:
    path: /app
    upstream: http://127.0.0.1:3000
    identity: app
    require: [staff]
    anonymous: redirect
    allow: ["/{rest...}"]
clients:
  worker:
    secret: env:BILLING_SECRET
    exchange: [google, app]
    offline: [google]
    manage: true
    data: shared
users:
  allow: ["domain:example.com", "email:ada@example.com", "right:staff"]
  rights:
    admin: ["email:ada@example.com", "claim:groups=admins", "provider:acme"]
  hook: {url: "http://127.0.0.1:3000/hooks/sign-in", secret: env:HOOK_SECRET, timeout: 3s, required: false}
  forget: 8760h
events:
  - {url: "https://app.internal/hooks/bff", secret: env:HOOK_SECRET, types: ["user.*", "connection.*", "session.ended"]}
  - {url: "http://app.internal/hooks/bff", secret: env:HOOK_SECRET, insecure: true}
fronts:
  - origin: https://shop.example.org
    frontend: {dir: ./shop}
    apis: [calendar, app]
sso: false
tls: {cert: ./cert.pem, key: ./key.pem, redirect: ":80"}
telemetry: {endpoint: http://127.0.0.1:4318, sample: 1}
log: {access: true, audit: file:./audit.jsonl}
explain: 0
`

// A certificate and its key, made for these tests alone.
const (
	testCertificate = `-----BEGIN CERTIFICATE-----
MIIBpzCCAU2gAwIBAgIUQPQyJK2ERaaTs765I5jr2MoCnnQwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPYXBwLmV4YW1wbGUuY29tMCAXDTI2MTEyOTAxMDk0MloYDzIx
MjYxMTA1MDEwOTQyWjAaMRgwFgYDVQQDDA9hcHAuZXhhbXBsZS5jb20wWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAATob77m1DrpnGiOwoPZrRNt0kR9GIMZgbcNH1yq
hi5zx7Lo340kK11FfOqFm4Ow1bqq7tLccSW30q57y5zwpsj8o28wbTAdBgNVHQ4E
FgQUBZCqh3cdG9HEgTNeRGYTyx34kQ4wHwYDVR0jBBgwFoAUBZCqh3cdG9HEgTNe
RGYTyx34kQ4wDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgg9hcHAuZXhhbXBs
ZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIgWVpddzLrpRFdSxEMnPj2oegIXAmqrXUy
1fKMBGoKC8cCIQDGOWIbKT/+OIx9I1F25mqqu6Az8bSEnNAwlWYaHcky6g==
-----END CERTIFICATE-----
`
	testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF3BDPTyQMnnbDgXT
NlFX6SooDbkfSkqeoRiW9PvapuGhRANCAATob77m1DrpnGiOwoPZrRNt0kR9GIMZ
gbcNH1yqhi5zx7Lo340kK11FfOqFm4Ow1bqq7tLccSW30q57y5zwpsj8
-----END PRIVATE KEY-----
`
)

// secondFiles are the files that it refers to.
func secondFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"logo.svg": "<svg/>", "shop/index.html": "", "cert.pem": testCertificate, "key.pem": testKey,
		"acme.yaml":            "title: Acme\nissuer: https://id.acme.example\nscopes: [openid, groups]\n",
		"providers/local.yaml": "local:\n  client_id: \"\"\n  client_secret: env:NOT_THERE\n  issuer: https://id.local.example\n",
		"providers/bad.yaml":   "isuer: https://id.local.example\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func secondEnvironment(name string) string {
	if name == "HOOK_SECRET" {
		return "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	}
	return environment(name)
}

// Every key of the second edition reads into its type.
func TestKeysOfTheSecondEdition(t *testing.T) {
	dir := secondFiles(t)
	c, report := config.Read(filepath.Join(dir, "bff.yaml"), []byte(secondEdition), secondEnvironment)
	if report != "" {
		t.Fatal(report)
	}
	acme, local, cal, app := c.Providers[1], c.Providers[2], c.APIs[0], c.APIs[1]
	for what, ok := range map[string]bool{
		"name":          c.Name == "Acme Planner" && c.Logo == filepath.Join(dir, "logo.svg"),
		"cache":         c.Session.Cache,
		"provider file": acme.Title == "Acme" && acme.Issuer == "https://id.acme.example" && acme.Client.ID == "y",
		"provider dir":  local.Issuer == "https://id.local.example" && local.Client.ID == "z" && local.Client.Secret.Reveal() == "acme-secret",
		"provider":      slices.Equal(acme.Rights, []string{"realm_access.roles"}) && !acme.SignIn && c.Providers[0].SignIn,
		"api": cal.Pause == "off" && slices.Equal(cal.Verbs, []string{"range"}) && slices.Equal(cal.Require, []string{"staff"}) &&
			slices.Equal(cal.RequestHeaders, []string{"Notion-Version"}) && cal.ResponseHeaders != nil && cal.Anonymous == "refuse",
		"backend": app.Identity == "app" && app.Provider == "" && app.Anonymous == "redirect" && app.Path == "/app",
		"client": c.Clients[0].Manage && c.Clients[0].Data && c.Clients[0].Shared && slices.Equal(c.Clients[0].Offline, []string{"google"}) &&
			slices.Equal(c.Clients[0].Exchange, []string{"google", "app"}),
		"users": len(c.Users.Allow) == 3 && len(c.Users.Rights["admin"]) == 3 && c.Users.Forget == 8760*time.Hour,
		"hook": c.Users.Hook.URL == "http://127.0.0.1:3000/hooks/sign-in" && c.Users.Hook.Timeout == 3*time.Second &&
			!c.Users.Hook.Required && !c.Users.Hook.Key.IsZero(),
		"events":    len(c.Events) == 2 && len(c.Events[0].Types) == 3 && !c.Events[0].Insecure && c.Events[1].Insecure,
		"fronts":    len(c.Fronts) == 1 && c.Fronts[0].Text() == "https://shop.example.org" && c.Fronts[0].Frontend.Dir == filepath.Join(dir, "shop"),
		"sso":       !c.SSO,
		"tls":       c.TLS.On() && c.TLS.Cert == filepath.Join(dir, "cert.pem") && c.TLS.Redirect == ":80" && c.TLS.ACME == nil,
		"telemetry": c.Telemetry == config.Telemetry{Endpoint: "http://127.0.0.1:4318", Sample: 1},
		"log":       c.Log.Access && c.Log.Audit == "file:"+filepath.Join(dir, "audit.jsonl"),
		"explain":   c.Explain == 0,
		"files":     slices.Contains(c.Files(), filepath.Join(dir, "cert.pem")) && slices.Contains(c.Files(), filepath.Join(dir, "acme.yaml")),
	} {
		if !ok {
			t.Errorf("%s is not as written: %+v", what, c)
		}
	}
}

// Without a word of it, the second edition's keys have the contract's defaults.
func TestDefaultsOfTheSecondEdition(t *testing.T) {
	c, report := config.Read(
		"bff.yaml",
		[]byte(minimal+"tls: {acme: {cache: ./acme}}\ntelemetry: {endpoint: 'http://127.0.0.1:4318'}\n"),
		environment,
	)
	if report != "" {
		t.Fatal(report)
	}
	if !c.Session.Cache || !c.SSO || c.Explain != 24*time.Hour || !c.Providers[0].SignIn || c.Users.Hook != nil || c.Users.Forget != 0 ||
		c.Log.Access || c.Log.Audit != "" ||
		c.Telemetry.Sample != 0.1 ||
		c.TLS.ACME.Cache != "acme" ||
		c.TLS.ACME.Directory != "" {
		t.Errorf("a default is another: %+v", c)
	}
}

// Each of these changes of a good file is the mistake that is named, at the position where it is made.
func TestMistakesInKeysOfTheSecondEdition(t *testing.T) {
	dir := secondFiles(t)
	for name, row := range map[string]struct{ old, new, want string }{
		"a rule that is none":           {`"domain:example.com"`, `"@example.com"`, "`users.allow[0]` is no rule"},
		"a right's rule that is none":   {`"claim:groups=admins"`, `"groups=admins"`, "`users.rights.admin[1]` is no rule"},
		"a rule for no provider":        {"provider:acme", "provider:acne", "`users.rights.admin[2]` names no provider of this file; did you mean `acme`?"},
		"a hook beyond loopback":        {"http://127.0.0.1:3000/hooks", "http://hooks.example/hooks", "`users.hook.url` is plain http"},
		"an event beyond loopback":      {", insecure: true", "", "`events[1].url` is plain http beyond loopback; write https, or add `insecure: true`"},
		"an event that is none":         {"session.ended", "session.finished", "`events[0].types[2]` is no event"},
		"a literal secret":              {"secret: env:HOOK_SECRET, timeout", "secret: hunter2, timeout", "`users.hook.secret` is a literal secret"},
		"a short secret":                {"secret: env:HOOK_SECRET, timeout", "secret: env:GOOGLE_CLIENT_SECRET, timeout", "`users.hook.secret` cannot sign"},
		"a provider and an identity":    {"    identity: app", "    identity: app\n    provider: google", "`apis.app` has both `provider` and `identity`"},
		"neither of them":               {"    identity: app\n", "", "`apis.app` has no `provider`"},
		"anonymous of a provider's api": {"    pause: off", "    pause: off\n    anonymous: pass", "`apis.calendar.anonymous` is for backends"},
		"pass and require":              {"anonymous: redirect", "anonymous: pass", "`apis.app` lets calls of nobody pass"},
		"a pause that is none":          {"pause: off", "pause: never", "`apis.calendar.pause` is none of its values"},
		"a provider's api at /":         {"    pause: off", "    path: /", "`apis.calendar.path` would put the API over the frontend"},
		"a header that is none":         {"[Notion-Version]", "['Notion Version']", "`apis.calendar.request_headers[0]` is no header name"},
		"offline without keep: user":    {", keep: user", "", "`clients.worker.offline[0]` names a provider whose tokens live in sessions"},
		"an exchange of nobody":         {"exchange: [google, app]", "exchange: [google, apps]", "`clients.worker.exchange[1]` names no provider"},
		"data of another kind":          {"data: shared", "data: shred", "`clients.worker.data`"},
		"a front that is the origin":    {"https://shop.example.org", "https://app.example.com", "`fronts[0].origin` is the same as `origin`"},
		"a front of another scheme":     {"https://shop.example.org", "http://shop.localhost", "`tls` is set and `fronts[0].origin` is http; write `https://shop.localhost`"},
		"a front of another port":       {"https://shop.example.org", "https://app.example.com:8443", "`fronts[0].origin` has the host name of `origin`"},
		"a front with an api of none":   {"apis: [calendar, app]", "apis: [calender]", "`fronts[0].apis[0]` names no api of this file; did you mean `calendar`?"},
		"a certificate without its key": {", key: ./key.pem", "", "`tls` has one of `cert` and `key`; write both"},
		"a certificate that is nowhere": {"./cert.pem", "./none.pem", "`tls.cert`: the file does not exist"},
		"a key of another certificate":  {"./key.pem", "./logo.svg", "`tls`: `cert` and `key` are no pair"},
		"acme and a certificate":        {"redirect:", "acme: {cache: ./x}, redirect:", "`tls` has both `acme` and certificate files"},
		"acme without a cache":          {"cert: ./cert.pem, key: ./key.pem", "acme: {email: a@example.com}", "`tls.acme` has no `cache`"},
		"tls and an http origin":        {"https://app.example.com", "http://app.localhost", "`tls` is set and `origin` is http"},
		"a sample over 1":               {"sample: 1", "sample: 2", "`telemetry.sample` is no share"},
		"an audit log of neither kind":  {"file:./audit.jsonl", "stdout", "`log.audit` is none of its values"},
		"an audit log in no folder":     {"file:./audit.jsonl", "file:./none/audit.jsonl", "`log.audit`: the folder of the file does not exist"},
		"a logo that is no picture":     {"logo.svg", "acme.yaml", "`logo` has a name that is no picture's"},
		"a long name":                   {"Acme Planner", strings.Repeat("x", 81), "`name` is longer than 80 characters"},
		"nobody may sign in": {"keep: user}", "keep: user, sign_in: false}\n  none: {issuer: 'https://x.example', client_id: x, client_secret: " +
			"env:GOOGLE_CLIENT_SECRET, sign_in: false}",
			""},
		"a provider file with a mistake": {"./acme.yaml", "./providers/bad.yaml",
			"`providers.acme.file`: the file has a mistake in line 1: `isuer` is not a key; did you mean `issuer`?"},
		"a provider file that is not": {"./acme.yaml", "./none.yaml", "`providers.acme.file`: the file does not exist"},
		"a claim that is none":        {"[realm_access.roles]", "['.roles']", "`providers.acme.rights[0]` is no path of a claim"},
		"explain for too long":        {"explain: 0", "explain: 9000h", "`explain` is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(secondEdition, row.old, row.new, 1)
			if text == secondEdition {
				t.Fatal("nothing was changed")
			}
			_, report := config.Read(filepath.Join(dir, "bff.yaml"), []byte(text), secondEnvironment)
			if row.want == "" && report == "" {
				return
			}
			if !strings.Contains(report, row.want) || strings.Contains(report, "hunter2") {
				t.Errorf("the report is\n%s\nand does not say\n%s", report, row.want)
			}
			if line, _, _ := strings.Cut(report, "\n"); !mistakeLine.MatchString(line) {
				t.Errorf("no position: %s", line)
			}
		})
	}
}

// What a provider file would say is not asked for again where the file cannot be read.
func TestAProviderFileThatIsNotThereIsOneMistake(t *testing.T) {
	text := strings.Replace(minimal, "client_id: x", "file: ./none.yaml\n    client_id: x", 1)
	_, report := config.Read(filepath.Join(t.TempDir(), "bff.yaml"), []byte(text), secondEnvironment)
	if strings.Count(report, "bff.yaml:") != 1 || !strings.Contains(report, "file`: the file does not exist") {
		t.Errorf("the report is\n%s", report)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "acme.yaml"), []byte("title: [broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text = "provider_dir: .\n" + strings.Replace(minimal, "google:", "acme:", 1)
	_, report = config.Read(filepath.Join(dir, "bff.yaml"), []byte(text), secondEnvironment)
	if strings.Count(report, "bff.yaml:") != 1 || !strings.Contains(report, "the file acme.yaml of `provider_dir` has a mistake in line 1") {
		t.Errorf("of provider_dir, the report is\n%s", report)
	}
}

// What works to the letter and is meant otherwise is a warning.
func TestWarningsOfTheSecondEdition(t *testing.T) {
	v := good(t, strings.Replace(minimal, "client_id: x", "client_id: your-client-id", 1)+`admin: "[::1]:9090"
apis:
  a: {provider: google, upstream: 'https://a.example', host: a.example.com, allow: ["GET /users/:id", "GET /files/*"], query: key}
`)
	all := strings.Join(v.Warnings, "\n")
	for _, want := range []string{"has a segment `:id`, which is taken to the letter; write `{id}`", "has a `*`, which is taken to the letter",
		"`apis.a.query` puts the token into the address", "`apis.a.host` gets no session on https", "is what `bff init` wrote"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning says %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "reachable from outside") {
		t.Errorf("[::1] is called reachable:\n%s", all)
	}
}

func TestAnAdminListenerThatIsReachableIsAWarning(t *testing.T) {
	for admin, reachable := range map[string]bool{"127.0.0.1:9090": false, "[::1]:9090": false, "localhost:9090": false,
		":9090": true, "0.0.0.0:9090": true, "[::]:9090": true, "192.0.2.1:9090": true} {
		v := good(t, minimal+"admin: '"+admin+"'\n")
		if all := strings.Join(v.Warnings, "\n"); strings.Contains(all, "`admin` is reachable from outside") != reachable {
			t.Errorf("%s, reachable %v: %q", admin, reachable, all)
		}
	}
}

// Lines that are indented wrongly are reported as that, at the line.
func TestWrongIndentationIsReportedAsThat(t *testing.T) {
	const deeper, nothing = "the line is indented deeper than the one above it", "the line lines up with nothing above it"
	for name, row := range map[string]struct{ text, want string }{
		"deeper after a list":       {"session:\n  keys: [env:BFF_KEY]\n    idle: 5m\n", "3:5: " + deeper},
		"between two levels":        {"session:\n  keys: [env:BFF_KEY]\n idle: 5m\n", "3:2: " + nothing},
		"below a value":             {"origin: http://localhost:8080\n  listen: ':80'\n", "2:3: " + deeper},
		"an item out of line":       {"session:\n  keys:\n    - env:A\n   - env:B\n", "4:4: " + nothing},
		"a key left of its sibling": {"providers:\n  google:\n      client_id: x\n    client_secret: env:X\n", "4:5: " + nothing},
		"a first line to the right": {" origin: http://localhost:8080\nsession: {}\n", "2:1: " + nothing},
	} {
		if _, report := config.Read("bff.yaml", []byte(row.text), environment); !strings.HasPrefix(
			report,
			"bff.yaml:"+row.want,
		) {
			t.Errorf("%s: the report is\n%s\nand not %s", name, report, row.want)
		}
	}
}

// An issuer that was pasted with the path of its metadata is a mistake that says what to cut; origins on loopback are
// taken for CORS.
func TestPastedAddresses(t *testing.T) {
	text := top + session + "providers:\n  acme: {issuer: 'https://id.example/realms/a/.well-known/openid-configuration', client_id: x, client_secret: " +
		"env:BFF_KEY}\n"
	if _, report := config.Read("bff.yaml", []byte(text), environment); !strings.Contains(
		report,
		"write `issuer: https://id.example/realms/a`",
	) {
		t.Errorf("the report is %s", report)
	}
	good(t, minimal+"frontend: {origins: ['http://app.localhost', 'http://localhost:3000', 'http://127.0.0.1:5173']}\n")
}
