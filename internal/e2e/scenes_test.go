package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/testenv"
)

func scenes() []scene {
	service := func(s string) func(*testing.T, *shell) { return func(t *testing.T, st *shell) { aService(t, st, s) } }
	return []scene{
		{"README.md", "go run ./cmd/bff dev", theDemo},
		{"README.md", "go install ./cmd/bff && export PATH=\"$PATH:$(go env GOPATH)/bin\"", installed},
		{"examples/README.md", "export BFF_KEY=", anExample},
		{"examples/plain/README.md", "export BFF_KEY=", anExample},
		{"examples/react-vite/README.md", "export BFF_KEY=", anExample},
		{"CONTRIBUTING.md", "go run ./cmd/bff provider check acme --offline", aNewProvider},
		{"docs/backends-go.md", "LISTEN=", service("go")},
		{"docs/backends-node.md", "LISTEN=", service("node")},
		{"docs/backends-python.md", "LISTEN=", service("python")},
		{"examples/services/README.md", "LISTEN=", service("node")},
		{"docs/client.md", "cd bff/web/client && npm pack", thePackage},
		{"docs/providers-try.md", "bff provider check acme.yaml --offline", aProvidersFile},
		{"docs/testing.md", "curl -sS -c jar", theDemosSignIn},
	}
}

// theDemo: `go run ./cmd/bff` is bff, on another port than the one it has by itself.
func theDemo(t *testing.T, s *shell) {
	at := local(t)
	s.replace("go run ./cmd/bff dev", "bff dev --listen "+at)
	s.serve("the demo app is there", func() bool { return answers("http://"+at+"/", http.StatusOK) })
}

// installed is the README's two ways from an installed bff: to the demo provider with a file of one's own, and to serve.
func installed(t *testing.T, s *shell) {
	at, admin := local(t), local(t)
	flag := "" // the same as of the binary that the other tests run, which need not be compiled again
	if strings.HasSuffix(testenv.Binary(t), ".race") {
		flag = "-race "
	}
	s.replace("go install ./cmd/bff", "(cd "+testenv.Root(t)+" && go install "+flag+"./cmd/bff)")
	for _, name := range []string{"GOMODCACHE", "GOCACHE"} {
		s.env = append(s.env, name+"="+strings.TrimSpace(newShell(t, "go env "+name+"\n").run()))
	}
	s.env = append(s.env, "GOPATH="+t.TempDir(), "PATH="+os.Getenv("PATH"))
	if strings.Contains(s.script, "bff dev") {
		s.replace("--config bff.yaml", "--config bff.yaml --listen "+at)
		s.serve("the demo app is there", func() bool { return answers("http://"+at+"/bff/session", http.StatusOK) })
		return
	}
	for _, yaml := range blocks(t, "README.md", "yaml") {
		if strings.HasPrefix(yaml, "origin:") {
			s.write("bff.yaml", yaml)
		}
	}
	s.write("dist/index.html", "<!doctype html><title>the page</title>")
	theMainJob(t, s, at, admin)
}

// anExample is an example of the repository with the configuration that stands there.
func anExample(t *testing.T, s *shell) {
	folder := "examples/plain"
	if strings.Contains(t.Name(), "react-vite") {
		folder = "examples/react-vite"
	}
	if err := os.CopyFS(s.dir, os.DirFS(filepath.Join(testenv.Root(t), folder))); err != nil {
		t.Fatal(err)
	}
	theMainJob(t, s, local(t), local(t))
}

// theMainJob runs a script that ends with `bff check && bff serve` on the bff.yaml of the shell, with a store, a
// provider and an API of the test's: somebody signs in, and the API is called with her token.
func theMainJob(t *testing.T, s *shell, at, admin string) {
	op := testenv.OIDC(t, testenv.OIDCOptions{Scopes: []string{"https://www.googleapis.com/auth/calendar.readonly"}})
	api := testenv.API(t, op.Check, nil)
	text, err := os.ReadFile(filepath.Join(s.dir, "bff.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("bff.yaml", replaced(t, string(text), "http://localhost:8080", "http://"+at, "127.0.0.1:8080", at,
		"redis://127.0.0.1:6379/0", testenv.Redis(t).URL, "client_id: 1234.apps.googleusercontent.com",
		"client_id: bff\n    issuer: "+op.Issuer, "https://www.googleapis.com/calendar/v3", api.URL))
	op.Register("google", "http://"+at)
	s.replace("GOOGLE_CLIENT_SECRET=…", "GOOGLE_CLIENT_SECRET="+op.ClientSecret, "bff serve", "bff serve --admin "+admin)
	s.serve("bff is ready", func() bool { return answers("http://"+admin+"/readyz", http.StatusOK) })
	c := testenv.NewClient(testenv.At(t, "http://"+at, at, "http://"+admin))
	c.SignIn("google")
	if a := c.Fetch("GET", "/api/calendar/calendars/primary/events", ""); a.Status != http.StatusOK ||
		!strings.Contains(string(a.Body), "ada") {
		t.Errorf("the calendar: %d %s", a.Status, a.Body)
	}
}

// aNewProvider: the provider of CONTRIBUTING.md is no built-in one, so a file stands for its name; the one whose
// addresses are asked has a provider of the test's for its issuer.
func aNewProvider(t *testing.T, s *shell) {
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	for _, yaml := range blocks(t, "CONTRIBUTING.md", "yaml") {
		if strings.HasPrefix(yaml, "# Acme ID.") {
			s.write("acme.yaml", yaml)
			s.write("here.yaml", replaced(t, yaml, "issuer: https://id.acme.example", "issuer: "+op.Issuer))
		}
	}
	s.write("acme.answers.yaml", "source: a test\nrevocation: {status: 200}\n")
	s.replace("go run ./cmd/bff", "bff", "show acme", "show google", "check acme --offline", "check acme.yaml --offline",
		"check acme\n", "check here.yaml\n", "simulate acme --answers", "simulate acme.yaml --list --answers", "simulate acme\n",
		"simulate acme.yaml --list\n") // the tests of internal/simulate play
	out := s.run()
	for _, words := range []string{"ok       acme.yaml: no mistakes", "here.yaml: ", "the API: 500", "accounts.google.com"} {
		if !strings.Contains(out, words) {
			t.Errorf("%q is not in:\n%s", words, out)
		}
	}
}

// aProvidersFile: the file of docs/providers.md and the answers of docs/providers-try.md; what asks the addresses finds
// them on a server of the test's. The answers are played: the page's two files fit each other.
func aProvidersFile(t *testing.T, s *shell) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[bool]int{true: http.StatusUnauthorized, false: http.StatusBadRequest}[r.Method == "GET"])
	}))
	t.Cleanup(provider.Close)
	for _, yaml := range append(blocks(t, "docs/providers.md", "yaml"), blocks(t, "docs/providers-try.md", "yaml")...) {
		switch {
		case strings.HasPrefix(yaml, "# Acme."):
			s.write("acme.yaml", yaml)
			s.write("here.yaml", replaced(t, yaml, "https://acme.example", provider.URL, "https://api.acme.example", provider.URL))
		case strings.HasPrefix(yaml, "source: "):
			s.write("acme.answers.yaml", yaml)
		}
	}
	s.replace("check acme.yaml\n", "check here.yaml\n", "simulate acme.yaml\n", "simulate acme.yaml --list\n")
	s.run()
}

// aService is an example service, between a bff and somebody who is signed in.
func aService(t *testing.T, s *shell, language string) {
	op, at, secret, origin := testenv.OIDC(t, testenv.OIDCOptions{}), local(t), testenv.Random(t), "http://"+local(t)
	b := testenv.BFF(t, "origin: "+origin+"\nsession: {store: \"memory:\", keys: [env:BFF_KEY]}\nproviders:\n"+op.YAML("op")+
		"clients:\n  basket: {secret: env:BASKET_SECRET}\napis:\n  basket: {path: /basket, upstream: \"http://"+at+
		"\", identity: basket, allow: [GET /whoami]}\n", op.Env(), "BASKET_SECRET="+secret)
	op.Register("op", b.Origin)
	s.dir = filepath.Join(testenv.Root(t), "examples", "services", language)
	s.replace("127.0.0.1:3000", at, "https://app.example.com", b.Origin, "http://127.0.0.1:9090", b.Admin)
	python := "python3"
	if _, err := os.Stat("/usr/bin/python3"); err == nil { // which has the distribution's packages
		python = "/usr/bin/python3"
	}
	s.script = strings.Replace(s.script, "python3", python, 1)
	s.serve("the service answers", func() bool { return answers("http://"+at+"/whoami", http.StatusUnauthorized) },
		"BASKET_SECRET="+secret)
	c := testenv.NewClient(b)
	c.SignIn("op")
	if a := c.Fetch("GET", "/basket/whoami", ""); a.Status != http.StatusOK || a.JSON(t)["language"] != language {
		t.Errorf("whoami: %d %s", a.Status, a.Body)
	}
}

// thePackage is made and installed, from a copy, and what it exports can be imported.
func thePackage(t *testing.T, s *shell) {
	client := filepath.Join(testenv.Root(t), "web", "client")
	names, err := os.ReadDir(client)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if text, err := os.ReadFile(filepath.Join(client, name.Name())); err == nil {
			s.write("bff/web/client/"+name.Name(), string(text))
		}
	}
	s.write("your-app/package.json", `{"name": "your-app", "type": "module"}`)
	s.write("your-app/try.js", `import { createClient } from "bff-client"; console.log(typeof createClient().fetch)`)
	s.replace("cd bff/web/client && npm pack", "(cd bff/web/client && npm pack)", "npm install",
		"npm install --offline --no-audit --no-fund")
	s.script += "node try.js\n"
	if out := s.run(); !strings.HasSuffix(out, "function\n") {
		t.Error(out)
	}
}

// theDemosSignIn are the two requests that stand in for a browser.
func theDemosSignIn(t *testing.T, s *shell) {
	b := testenv.Dev(t)
	s.replace("http://127.0.0.1:8080", b.Origin)
	out := s.run()
	var events struct{ Items []any }
	if err := json.Unmarshal([]byte(out), &events); err != nil || len(events.Items) == 0 {
		t.Errorf("%v in %s", err, out)
	}
}
