package config_test

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bff/internal/config"
	"bff/internal/secret"
	"bff/internal/vault"
)

const aKey = "bffk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

// environment is what the files of these tests refer to.
func environment(name string) string {
	return map[string]string{
		"BFF_KEY": aKey, "OLD_KEY": "bffk1_HxwdHhscGRoXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA",
		"GOOGLE_CLIENT_SECRET": "google-secret", "ACME_CLIENT_SECRET": "acme-secret", "BILLING_SECRET": "billing-secret",
		"REDIS_URL": "rediss://user:pass@redis.internal:6380/1", "EMPTY": "", "TWO_LINES": "a\nb",
		"ENDS": "google-secret\r\n", "NOTION_KEY": "notion-key", "CLIENT_ID": "from-the-environment",
		"ADS_TOKEN": "ads-token",
	}[name]
}

const (
	top       = "origin: https://app.example.com\n"
	session   = "session:\n  keys: [env:BFF_KEY]\n"
	providers = "providers:\n  google:\n    client_id: x\n    client_secret: env:GOOGLE_CLIENT_SECRET\n"
	minimal   = top + session + providers
)

func good(t *testing.T, yaml string) *config.View {
	t.Helper()
	v, report := config.ReadView("bff.yaml", []byte(yaml), environment)
	if report != "" {
		t.Fatalf("refused:\n%s", report)
	}
	return v
}

// Every key of the contract's sample reads to the right value.
func TestEveryKeyOfTheSampleReadsToItsValue(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"dist/index.html": "<!doctype html>", "acme": "\uFEFFacme-secret\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sample, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(sample), "file:/run/secrets/acme", "file:acme", 1) // relative to the file
	v, report := config.ReadView(filepath.Join(dir, "bff.yaml"), []byte(text), environment)
	if report != "" {
		t.Fatalf("refused:\n%s", report)
	}
	providers := v.Providers
	v.Providers, v.Warnings = nil, nil
	want := &config.View{
		Origin: "https://app.example.com", Listen: ":8080", Admin: "127.0.0.1:9090",
		Store: "redis://127.0.0.1:6379/0", Keys: []string{aKey}, Idle: 30 * time.Minute, Lifetime: 12 * time.Hour, Cookie: "__Host-bff", Prefix: "bff",
		APIs: []config.APIView{
			{Name: "calendar", Path: "/api/calendar", Provider: "google", Upstream: "https://www.googleapis.com/calendar/v3",
				Scopes: []string{
					"https://www.googleapis.com/auth/calendar.readonly",
				}, Allow: []string{"GET /users/me/calendarList", "GET /calendars/{id}/events"},
				Timeout: 30 * time.Second},
		},
		Clients:  []config.Client{{Name: "billing", Secret: secret.New("billing-secret"), Exchange: []string{"google"}}},
		Limits:   config.Limits{LoginPerMinute: 600, SessionConcurrency: 4096},
		Cache:    true,
		Dir:      filepath.Join(dir, "dist"),
		Shutdown: 15 * time.Second,
	}
	if diff := cmp.Diff(want, v, cmpopts.EquateEmpty(), cmp.AllowUnexported(secret.Text{}),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("the sample reads differently (-want +got):\n%s", diff)
	}
	if len(providers) != 2 || providers[0].Name != "google" || providers[1].Name != "acme" {
		t.Fatalf("providers are not google and acme, in this order: %v", len(providers))
	}
	google, acme := providers[0], providers[1]
	if google.Client.ID != "1234.apps.googleusercontent.com" || google.Client.Secret.Reveal() != "google-secret" ||
		google.Issuer != "https://accounts.google.com" ||
		google.Authorization.Params["access_type"] != "offline" ||
		google.Keep != vault.KeepSession ||
		!google.NeedsAPI {
		t.Errorf("google has lost its habits or its client: %+v", google)
	}
	if acme.Issuer != "https://id.acme.example" || acme.Client.Secret.Reveal() != "acme-secret" ||
		!reflect.DeepEqual(acme.Scopes, []string{"openid", "email", "offline_access"}) ||
		acme.NeedsAPI {
		t.Errorf("acme is not as written: %+v", acme)
	}
}

// What is not written has the contract's default.
func TestKeysThatAreAbsentHaveTheirDefaults(t *testing.T) {
	v := good(t, minimal+"apis:\n  notes: {provider: google, upstream: https://notes.example, allow: [GET /notes]}\n")
	if v.Listen != ":8080" || v.Admin != "127.0.0.1:9090" || v.Store != "redis://127.0.0.1:6379/0" || v.Idle != 30*time.Minute || v.Lifetime != 12*time.Hour ||
		v.Cookie != "__Host-bff" || v.Prefix != "bff" || v.Shutdown != 15*time.Second ||
		v.Level != slog.LevelInfo ||
		v.Text ||
		v.Trusted != nil {
		t.Errorf("a default is another: %+v", v)
	}
	if a := v.APIs[0]; a.Path != "/api/notes" || a.Timeout != 30*time.Second {
		t.Errorf("an api's default is another: %+v", a)
	}
	if k := v.Providers[0].Keep; k != vault.KeepSession {
		t.Errorf("keep is %q", k)
	}
}

// Keys beyond the sample.
func TestKeysBeyondTheSampleAreRead(t *testing.T) {
	v := good(
		t,
		strings.NewReplacer("https://app.example.com", "http://localhost:8080", "session: {", "session: {cache: true, ", "session:\n", "session:\n  cache: true\n").
			Replace(minimal)+
			`apis:
  drive:
    host: drive.localhost:8080
    provider: google
    upstream: https://www.googleapis.com/drive/v3/
    upstreams: {/upload: https://www.googleapis.com/upload/drive/v3}
    allow: ["GET /files/{id}"]
    encoded: [id]
    rewrite: [$.paging.next]
    header: X-Token
    scheme: token
    headers: {Notion-Version: "2022-06-28", X-Key: env:NOTION_KEY}
    timeout: 5s
    idle: 2m
limits: {login_per_minute: 30, session_concurrency: 8, session_per_second: 20, api_concurrency: 100, provider_concurrency: 200, provider_per_second: 300}
log: {level: debug, format: text}
shutdown_timeout: 0s
trusted_proxies: [10.0.0.0/8, fd00::/8]
frontend:
  upstream: http://localhost:5173
  origins: [https://other.example.com, "http://localhost:3000"]
`,
	)
	want := config.APIView{
		Name:     "drive",
		Host:     "drive.localhost:8080",
		Provider: "google",
		Upstream: "https://www.googleapis.com/drive/v3",
		Upstreams: map[string]string{
			"/upload": "https://www.googleapis.com/upload/drive/v3",
		},
		Allow:   []string{"GET /files/{id}"},
		Encoded: []string{"id"},
		Rewrite: []string{
			"$.paging.next",
		},
		Header:  "X-Token",
		Scheme:  "token",
		Headers: map[string]string{"Notion-Version": "2022-06-28", "X-Key": "notion-key"},
		Timeout: 5 * time.Second,
		Idle:    2 * time.Minute,
	}
	if diff := cmp.Diff(want, v.APIs[0], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("api (-want +got):\n%s", diff)
	}
	if v.Cookie != "bff" || v.Limits != (config.Limits{LoginPerMinute: 30, SessionConcurrency: 8, SessionPerSecond: 20, APIConcurrency: 100,
		ProviderConcurrency: 200, ProviderPerSecond: 300}) ||
		v.Level != slog.LevelDebug || !v.Text || !v.Cache || v.Shutdown != 0 ||
		len(v.Trusted) != 2 ||
		v.Upstream != "http://localhost:5173" ||
		len(v.Origins) != 2 {
		t.Errorf("not as written: %+v", v)
	}
}

// The contract writes `memory:` bare, which YAML takes for the beginning of a mapping.
func TestMemoryNeedsNoQuotes(t *testing.T) {
	for _, written := range []string{"session:\n  store: memory:\n  keys: [env:BFF_KEY]\n", "session:\n  store: memory:   # for now\r\n  keys: [env:BFF_KEY]\n",
		"session: {store: memory:, keys: [env:BFF_KEY]}\n", "session: {keys: [env:BFF_KEY], store: memory:}\n", "session:\n  store: 'memory:'\n  keys: " +
			"[env:BFF_KEY]\n"} {
		if v := good(t, top+written+providers); v.Store != "memory:" {
			t.Errorf("%q is read as %q", written, v.Store)
		}
	}
}

// What a person writes and YAML understands, bff understands.
func TestEveryFormOfYAMLIsRead(t *testing.T) {
	for name, yaml := range map[string]string{
		"a byte order mark":      "\ufeff" + minimal,
		"Windows line ends":      strings.ReplaceAll(minimal, "\n", "\r\n"),
		"a document marker":      "---\n" + minimal,
		"no line end at the end": strings.TrimSuffix(minimal, "\n"),
		"an anchor and its alias": minimal + "apis:\n  a: {provider: google, upstream: https://a.example, allow: &list [GET /x]}\n  b: " +
			"{provider: google, upstream: https://b.example, allow: *list}\n",
		"a numeric client id":                      top + session + "providers: {google: {client_id: 123456, client_secret: env:GOOGLE_CLIENT_SECRET}}\n",
		"a client id from the environment":         top + session + "providers: {google: {client_id: env:CLIENT_ID, client_secret: env:GOOGLE_CLIENT_SECRET}}\n",
		"a store URL with a password, referred to": top + "session: {keys: [env:BFF_KEY], store: env:REDIS_URL}\n" + providers,
		"a secret whose variable ends in newline":  top + session + "providers: {google: {client_id: x, client_secret: env:ENDS}}\n",
		"two keys": top + "session: {keys: [env:BFF_KEY, env:OLD_KEY]}\n" + providers,
		"http on the whole of 127/8 and on ::1": "origin: http://127.1.2.3:8080\n" + session + providers + "frontend: {origins: ['http://[::1]:3000', " +
			"'http://app.localhost']}\n",
		"an issuer with a path and a slash": top + session + "providers: {acme: {issuer: https://id.example/realms/a/, client_id: x, client_secret: " +
			"env:ACME_CLIENT_SECRET}}\n",
		"a provider without an issuer": top + session + "providers: {acme: {authorization_url: https://a.example/a, token_url: https://a.example/t, " +
			"userinfo_url: https://a.example/u, client_id: x, client_secret: env:ACME_CLIENT_SECRET}}\n",
		"idle as long as lifetime":       top + "session: {keys: [env:BFF_KEY], idle: 1h, lifetime: 1h}\n" + providers,
		"a lifetime below the idle time": top + "session: {keys: [env:BFF_KEY], lifetime: 5m}\n" + providers,
		"both listeners on a free port":  "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n" + minimal,
	} {
		if _, report := config.ReadView("bff.yaml", []byte(yaml), environment); report != "" {
			t.Errorf("%s: refused:\n%s", name, report)
		}
	}
}

// An issuer is compared byte by byte, so it is kept as written.
func TestIssuerStaysAsWritten(t *testing.T) {
	v := good(
		t,
		top+session+"providers: {acme: {issuer: 'https://id.example/a%2Fb/', client_id: x, client_secret: env:ACME_CLIENT_SECRET}}\n",
	)
	if got := v.Providers[0].Issuer; got != "https://id.example/a%2Fb/" {
		t.Errorf("the issuer became %q", got)
	}
	if got := v.Providers[0].Scopes; !reflect.DeepEqual(got, []string{"openid", "email", "profile"}) {
		t.Errorf("an OpenID Provider without scopes is asked for %q", got)
	}
}

func TestAMisspeltWordFindsTheOneThatWasMeant(t *testing.T) {
	words := []string{"client_id", "client_secret", "issuer", "keep", "scopes", "x"}
	for word, want := range map[string]string{"client_idd": "client_id", "clientid": "client_id", "secret": "client_secret", "isuser": "issuer", "ISSUER": "issuer",
		"kep": "keep", "scope": "scopes", "frobnicate": "", "b": "", "xx": "", "": ""} {
		if got := config.Nearest(word, words); got != want {
			t.Errorf("%q is taken for %q, want %q", word, got, want)
		}
	}
}
