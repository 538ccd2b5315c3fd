package main_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bff "bff/cmd/bff"
	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/testenv"
)

// environment is what the files of these tests refer to.
func environment(name string) string {
	return map[string]string{
		"BFF_KEY":              "bffk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
		"GOOGLE_CLIENT_SECRET": "google-secret", "ACME_CLIENT_SECRET": "acme-secret",
	}[name]
}

const providers = "providers:\n  google:\n    client_id: x\n    client_secret: env:GOOGLE_CLIENT_SECRET\n"

// theDemo is a provider that runs, and a configuration's text for it.
func theDemo(t *testing.T, habits provider.Habits) *demo.Demo {
	t.Helper()
	d, err := demo.Start(
		demo.Config{
			Origin:       "http://localhost:8080",
			Provider:     "acme",
			Habits:       &habits,
			RedirectURIs: []string{"http://localhost:8080/bff/callback/acme"},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// ran runs a command with the client's secret in the environment.
func ran(t *testing.T, secret string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = bff.Run(t.Context(), args, func(name string) string {
		if name == "ACME_CLIENT_SECRET" {
			return secret
		}
		return environment(name)
	}, &out, &errs)
	return code, out.String(), errs.String()
}

// --offline reaches for nothing: neither the store nor a provider is dialled.
func TestCheckOfflineDialsNobody(t *testing.T) {
	door := testenv.CountDials(t)
	at := door.Addr
	file := written(t, "origin: http://localhost:8080\nsession: {keys: [env:BFF_KEY], store: 'redis://"+at+"'}\nproviders:\n"+
		"  acme: {issuer: 'http://"+at+"', client_id: x, client_secret: env:ACME_CLIENT_SECRET}\n")
	code, _, stderr := ran(t, "x", "check", "--offline", "--config", file)
	door.Close()
	if n := door.Dialled.Load(); code != 0 || stderr != "" || n > 0 {
		t.Errorf("exit code %d, %d connections\n%s", code, n, stderr)
	}
}

// check says ok to what works: exit code 0 means that serve would work.
func TestCheckReaches(t *testing.T) {
	d, store := theDemo(t, provider.Google()), testenv.Redis(t)
	file := written(
		t,
		"origin: http://localhost:8080\nsession: {keys: [env:BFF_KEY], store: '"+store.URL+"'}\nproviders:\n  acme: {issuer: '"+d.Issuer+
			"', client_id: '"+d.ClientID+"', client_secret: env:ACME_CLIENT_SECRET}\n",
	)
	code, stdout, stderr := ran(t, d.ClientSecret, "check", "--config", file)
	for _, want := range []string{"ok       " + file + ": no mistakes\n", "ok       store: redis ", " at " + store.Addr + ", reached in ",
		"warning  store: writes nothing to disk", "ok       provider acme: "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("check does not say %q", want)
		}
	}
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	d.Close()
	code, stdout, _ = ran(t, d.ClientSecret, "check", "--config", file)
	if code != 1 || !strings.Contains(stdout, "failed   provider acme: ") || !strings.Contains(stdout, "ok       store") {
		t.Errorf("without its provider: exit code %d\n%s", code, stdout)
	}
	if code, stdout, _ = ran(t, d.ClientSecret, "check", "--offline", "--config", file); code != 0 ||
		strings.Contains(stdout, "store") {
		t.Errorf("offline: exit code %d\n%s", code, stdout)
	}
}

// check looks whether the audit log can be written, and writes nothing: a file of something else would keep serve from
// starting.
func TestCheckLooksAtTheAuditLog(t *testing.T) {
	d, dir := theDemo(t, provider.Google()), t.TempDir()
	notes := filepath.Join(dir, "notes")
	if err := os.WriteFile(notes, []byte("my notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		code int
		says string
	}{
		filepath.Join(dir, "new.jsonl"): {0, "ok       log.audit: it can be written\n"},
		notes:                           {1, "failed   log.audit: its end is not that of an audit log, and is not written over"},
	} {
		file := written(t, "origin: http://localhost:8080\nsession: {keys: [env:BFF_KEY], store: 'memory:'}\nlog: {audit: 'file:"+
			path+"'}\nproviders:\n  acme: {issuer: '"+d.Issuer+"', client_id: '"+d.ClientID+
			"', client_secret: env:ACME_CLIENT_SECRET}\n")
		if code, stdout, _ := ran(t, d.ClientSecret, "check", "--config", file); code != want.code || !strings.Contains(stdout, want.says) {
			t.Errorf("%s: exit code %d\n%s", path, code, stdout)
		}
	}
	left, err := os.ReadDir(dir)
	if text, _ := os.ReadFile(notes); err != nil || len(left) != 1 || string(text) != "my notes" {
		t.Errorf("check wrote: %v %q %v", left, text, err)
	}
}

// check says what it did and nothing more: keys are read only where a provider has some, and an endpoint that nobody
// answers at is no success; upstreams and dev servers are tried; the addresses to register are printed.
func TestCheckSaysWhatItDid(t *testing.T) {
	d, store := theDemo(t, provider.Google()), testenv.Redis(t)
	file := written(
		t,
		"origin: http://localhost:8080\nsession: {keys: [env:BFF_KEY], store: '"+store.URL+"'}\nproviders:\n"+
			"  acme: {issuer: '"+d.Issuer+"', client_id: '"+d.ClientID+"', client_secret: env:ACME_CLIENT_SECRET}\n"+
			"  plain: {authorization_url: 'http://localhost:1/a', token_url: 'http://localhost:1/t', client_id: '"+d.ClientID+"', client_secret: env:ACME_CLIENT_SECRET}\n"+
			"apis:\n  good: {provider: acme, upstream: '"+d.APIURL+"', allow: [GET /a]}\n  bad: {provider: acme, upstream: 'http://localhost:1', allow: [GET /a]}\n"+
			"frontend: {upstream: 'http://localhost:1'}\n",
	)
	code, stdout, _ := ran(t, d.ClientSecret, "check", "--config", file)
	for _, want := range []string{
		"ok       provider acme: its metadata was read, ", "its keys were read, and ", "failed   provider plain: authorization endpoint: localhost:1: nobody " +
			"answers there",
		"ok       api good: ", "warning  api bad: localhost:1: nobody answers there", "warning  frontend: localhost:1: nobody answers there",
		"redirect URI to register: http://localhost:8080/bff/callback/acme\n", "post-logout redirect URI: http://localhost:8080/\n",
		"back-channel logout URI: http://localhost:8080/bff/backchannel-logout/acme\n", "http://localhost:8080/bff/security-events/acme\n",
		"open http://localhost:8080 and not 127.0.0.1",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("check does not say %q", want)
		}
	}
	if _, plain, _ := strings.Cut(stdout, "provider plain"); code != 1 ||
		strings.Contains(strings.SplitN(plain, "\n", 2)[0], "keys") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}

// check tries the operator's credentials: a key and a password at `userinfo_url`, a client by a token. It says what nothing
// tries.
func TestCheckTriesTheOperatorsCredentials(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, basic := r.BasicAuth()
		switch {
		case r.Header.Get("X-API-Key") != "good" && !(basic && user == "robot" && password == "good"):
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodPost:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token": "x", "token_type": "Bearer", "expires_in": 60}`)
		default:
			_, _ = io.WriteString(w, `{"id": 1}`)
		}
	}))
	t.Cleanup(service.Close)
	at := strings.Replace(service.URL, "127.0.0.1", "localhost", 1)
	file := written(t, "origin: http://localhost:8080\nsession: {keys: [env:BFF_KEY], store: 'memory:'}\n"+providers+
		"  acme: {auth: api_key, api_key: env:ACME_CLIENT_SECRET, userinfo_url: '"+at+"/me', userinfo_token_header: X-API-Key}\n"+
		"  legacy: {auth: basic, username: robot, password: env:ACME_CLIENT_SECRET, userinfo_url: '"+at+"/me'}\n"+
		"  reports: {auth: client_credentials, client_id: robot, client_secret: env:ACME_CLIENT_SECRET, token_url: '"+at+"/token'}\n"+
		"  blind: {auth: api_key, api_key: env:ACME_CLIENT_SECRET}\n  people: {auth: api_key, userinfo_url: '"+at+"/me'}\n")
	for secret, want := range map[string][]string{
		"good": {"ok       provider acme: it takes the credential\n", "ok       provider legacy: it takes the credential\n",
			"ok       provider reports: it gives a token for the credential\n"},
		"bad": {"failed   provider acme: ", "failed   provider legacy: ", "failed   provider reports: "},
	} {
		_, stdout, _ := ran(t, secret, "check", "--config", file)
		want = append(want, "skipped  provider blind: nothing tries the credential: the provider has no `userinfo_url`\n",
			"ok       provider people: people type what it is called with\n")
		for _, line := range want {
			if !strings.Contains(stdout, line) {
				t.Errorf("with a %s secret check does not say %q\n%s", secret, line, stdout)
			}
		}
	}
	service.Close()
	if _, stdout, _ := ran(t, "good", "check", "--config", file); strings.Count(stdout, "failed   provider ") < 3 {
		t.Errorf("with nobody there:\n%s", stdout)
	}
}

// A metadata document that is behind a redirect, and a key set of which nothing can be used, are what check says.
func TestCheckReadsMetadataAndKeys(t *testing.T) {
	store := testenv.Redis(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	issuer := "http://" + strings.Replace(server.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	mux.HandleFunc("GET /moved/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
	})
	for path, keys := range map[string]string{"/none": `{"keys":[{"kty":"oct","k":"aaaa"},{"kty":"RSA","e":"AQAB"},42]}`, "/some": `{"keys":[
		{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","x5c":["!"]},{"kty":"RSA","e":"AQAB"}]}`, "/away": ""} {
		mux.HandleFunc("GET "+path+"/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(
				w,
				strings.ReplaceAll(`{"issuer":"I","authorization_endpoint":"I/a","token_endpoint":"I/t","jwks_uri":"I/keys"}`,
					"I", issuer+path),
			)
		})
		mux.HandleFunc("GET "+path+"/keys", func(w http.ResponseWriter, _ *http.Request) {
			if keys == "" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = io.WriteString(w, keys)
		})
	}
	for path, want := range map[string]string{
		"/moved": "it redirects (301), and bff follows no redirect", "/none": "keys: none can sign ID tokens",
		"/away": "failed   provider acme: keys: ", "/some": "its keys were read, and 1 can sign ID tokens; 1 cannot and are left out",
	} {
		file := written(
			t,
			"origin: http://localhost:8080\nsession: {keys: [env:BFF_KEY], store: '"+store.URL+"'}\nproviders:\n"+
				"  acme: {issuer: '"+issuer+path+"', client_id: x, client_secret: env:ACME_CLIENT_SECRET}\n",
		)
		if _, stdout, _ := ran(t, "secret", "check", "--config", file); !strings.Contains(stdout, want) {
			t.Errorf("%s: check does not say %q\n%s", path, want, stdout)
		}
	}
}

// provider check finds out whether the provider knows the client, without a person.
func TestProviderCheck(t *testing.T) {
	d := theDemo(t, provider.Habits{})
	file := written(
		t,
		"acme:\n  issuer: "+d.Issuer+"\n  client_id: "+d.ClientID+"\n  client_secret: env:ACME_CLIENT_SECRET\n",
	)
	code, stdout, stderr := ran(t, d.ClientSecret, "provider", "check", file)
	for _, want := range []string{"ok       discovery: ", "ok       authorization endpoint: ", "ok       token endpoint: ", "ok       keys: ", "ok       PKCE: ",
		"ok       iss parameter: ", "ok       client: "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("provider check does not say %q", want)
		}
	}
	if code != 0 || strings.Contains(stdout+stderr, d.ClientSecret) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for name, c := range map[string]struct{ secret, issuer, want string }{
		"another secret":      {"wrong", d.Issuer, "failed   client: the provider does not know this id with this secret"},
		"another issuer":      {d.ClientSecret, d.Issuer + "/", "failed   discovery: "},
		"nobody at that port": {d.ClientSecret, "http://localhost:1", "failed   discovery: "},
	} {
		file := written(
			t,
			"acme:\n  issuer: "+c.issuer+"\n  client_id: "+d.ClientID+"\n  client_secret: env:ACME_CLIENT_SECRET\n",
		)
		code, stdout, _ := ran(t, c.secret, "provider", "check", file)
		if code != 1 || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: exit code %d, and not %q\n%s", name, code, c.want, stdout)
		}
	}
}

// A name is looked up in the configuration first.
func TestProviderCheckByName(t *testing.T) {
	d := theDemo(t, provider.Habits{})
	file := written(
		t,
		"origin: http://localhost:8080\nproviders:\n  google: {client_id: x}\n  acme: {issuer: '"+d.Issuer+"', client_id: "+d.ClientID+", client_secret: env:ACME_CLIENT_SECRET}\n",
	)
	if code, stdout, stderr := ran(t, d.ClientSecret, "provider", "check", "acme", "--config", file); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := ran(t, d.ClientSecret, "provider", "check", "google", "--config", file); code != 2 ||
		!strings.Contains(stderr, "has no `client_secret`") {
		t.Errorf("a provider with a mistake: exit code %d\n%s", code, stderr)
	}
}

// An answer without an end, and one that is none, are reported and end the command.
func TestProviderCheckOfNonsense(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 1e10,
		MaxHeaderBytes:    1 << 16,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("[", 1<<16)); err != nil {
					return
				}
			}
		}),
	}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	file := written(
		t,
		"acme:\n  issuer: http://"+l.Addr().String()+"\n  client_id: x\n  client_secret: env:ACME_CLIENT_SECRET\n",
	)
	if code, stdout, _ := ran(t, "s", "provider", "check", file); code != 1 ||
		!strings.Contains(stdout, "failed   discovery: ") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}
