package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// A mistake is made on purpose, and returns all that whoever made it gets to see.
type mistake struct {
	named string // the heading of docs/troubleshooting.md
	made  func(t *testing.T) string
}

// Every row of the page of common mistakes is made on real processes, and shows what the page says is seen; the page
// has no row beyond those.
func TestTroubleshootingShowsWhatIsSeen(t *testing.T) {
	seen := rowsOfThePage(t)
	all := append(mistakesOfAFile(), append(mistakesAtAStart(), mistakesOfAPage()...)...)
	for _, m := range all {
		texts, ok := seen[m.named]
		if !ok {
			t.Errorf("docs/troubleshooting.md has no row %q", m.named)
			continue
		}
		delete(seen, m.named)
		t.Run(m.named, func(t *testing.T) {
			t.Parallel()
			out := m.made(t)
			for _, text := range texts {
				if !strings.Contains(out, text) {
					t.Errorf("not seen: %s\nbut: %s", text, out)
				}
			}
		})
	}
	for name := range seen {
		t.Errorf("docs/troubleshooting.md has a row that nothing produces: %q", name)
	}
	if len(all) < 25 {
		t.Errorf("%d mistakes, of 25", len(all))
	}
}

// rowsOfThePage are the headings with the texts that stand behind "Seen:" in backquotes.
func rowsOfThePage(t *testing.T) map[string][]string {
	data, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	quoted := regexp.MustCompile("``? ?(.+?) ?``?(?:[,.; ]|$)")
	for section := range strings.SplitSeq(string(data), "\n### ") {
		name, rest, _ := strings.Cut(section, "\n")
		_, line, found := strings.Cut(rest, "\nSeen: ")
		if !found {
			continue
		}
		line, _, _ = strings.Cut(line, "\n\n")
		for _, m := range quoted.FindAllStringSubmatch(strings.ReplaceAll(line, "\n", " "), -1) {
			rows[name] = append(rows[name], m[1])
		}
		if rows[name] == nil {
			t.Errorf("the row %q says nothing of what is seen", name)
		}
	}
	return rows
}

// checked is what `bff check --offline` says of a file of which every line that lines name by its key is replaced.
func checked(lines map[string]string, without ...string) func(t *testing.T) string {
	return func(t *testing.T) string {
		file := []string{"origin: https://app.example.com", "session: {store: 'memory:', keys: [env:BFF_KEY]}", "providers:",
			"  acme: {issuer: https://id.example.com, client_id: bff, client_secret: env:ACME_SECRET}", "apis:",
			"  things: {provider: acme, upstream: https://api.example.com, allow: [GET /items]}"}
		for i, line := range file {
			key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			if other, ok := lines[key]; ok {
				file[i] = other
			}
		}
		env := []string{"BFF_KEY=" + testenv.NewKey(t), "ACME_SECRET=" + testenv.Random(t)}
		return check(t, strings.Join(file, "\n")+"\n", append(env, without...), "--offline")
	}
}

func check(t *testing.T, yaml string, env []string, flags ...string) string {
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := testenv.Command(t, env, append([]string{"check", "--config", file}, flags...)...)
	return out
}

func mistakesOfAFile() []mistake {
	acme := func(rest string) map[string]string {
		return map[string]string{"acme": "  acme: {" + rest + "}"}
	}
	return []mistake{
		{"A secret stands in the file", checked(acme(
			"issuer: https://id.example.com, client_id: bff, client_secret: c2VjcmV0"))},
		{"A secret's variable is not set", checked(nil, "ACME_SECRET=")},
		{"A key is misspelled", checked(acme(
			"issuer: https://id.example.com, clientid: bff, client_secret: env:ACME_SECRET"))},
		{"The origin is http", checked(map[string]string{"origin": "origin: http://app.example.com"})},
		{"The origin has a path", checked(map[string]string{"origin": "origin: https://app.example.com/app"})},
		{"The issuer is the address of the discovery document", checked(acme("issuer: https://id.example.com/.well-known/" +
			"openid-configuration, client_id: bff, client_secret: env:ACME_SECRET"))},
		{"An api allows nothing", checked(map[string]string{
			"things": "  things: {provider: acme, upstream: https://api.example.com}"})},
		{"An api names no provider of the file", checked(map[string]string{
			"things": "  things: {provider: acne, upstream: https://api.example.com, allow: [GET /items]}"})},
		{"The lines of the file do not stand in line", checked(map[string]string{
			"things": "  things:\n    provider: acme\n   upstream: https://api.example.com"})},
	}
}

func mistakesAtAStart() []mistake {
	acme := func(t *testing.T, store, issuer string) string {
		return check(t, fmt.Sprintf("origin: http://localhost:8080\nsession: {store: %q, keys: [env:BFF_KEY]}\nproviders:\n"+
			"  acme: {issuer: %q, client_id: bff, client_secret: env:ACME_SECRET}\n", store, issuer),
			[]string{"BFF_KEY=" + testenv.NewKey(t), "ACME_SECRET=x"})
	}
	return []mistake{
		{"The store is not there", func(t *testing.T) string {
			return acme(t, fmt.Sprintf("redis://127.0.0.1:%d/0", testenv.FreePort(t)), "http://localhost:1")
		}},
		{"The store wants a password", func(t *testing.T) string {
			store := testenv.Redis(t)
			if err := store.Client().ConfigSet(t.Context(), "requirepass", testenv.Random(t)).Err(); err != nil {
				t.Fatal(err)
			}
			return acme(t, store.URL, "http://localhost:1")
		}},
		{"The provider is another issuer", func(t *testing.T) string {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"issuer":"https://id.example.com","authorization_endpoint":"https://id.example.com/a",` +
					`"token_endpoint":"https://id.example.com/t","jwks_uri":"https://id.example.com/k"}`))
			}))
			t.Cleanup(s.Close)
			return acme(t, "memory:", s.URL)
		}},
		{"The port is taken", func(t *testing.T) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			file := filepath.Join(t.TempDir(), "bff.yaml")
			yaml := "origin: http://localhost:8080\nsession: {store: 'memory:', keys: [env:BFF_KEY]}\nproviders:\n" +
				"  acme: {issuer: 'http://localhost:1', client_id: bff, client_secret: env:ACME_SECRET}\n"
			if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			out, _ := testenv.Command(t, []string{"BFF_KEY=" + testenv.NewKey(t), "ACME_SECRET=x"}, "serve", "--config", file,
				"--listen", l.Addr().String())
			return out
		}},
	}
}

// said is what an answer shows: its code and its body, and where the browser stands.
func said(a *testenv.Answer) string {
	return fmt.Sprintf("%d BFF-Error: %s\n%s %s\n%s", a.Status, a.Code(), a.URL, a.Header.Get("Location"), a.Body)
}

// logged is the log once it has a line with that text: it is written beside the answer.
func (r *rig) logged(text string) string {
	r.t.Helper()
	testenv.Eventually(r.t, "a line of the log with "+text, func() bool { return strings.Contains(r.bff.Log(), text) })
	return r.bff.Log()
}

func mistakesOfAPage() []mistake {
	signedIn := func(p parts, then func(r *rig) string) func(t *testing.T) string {
		return func(t *testing.T) string {
			p.alone = true // the subtest is parallel already
			r := build(t, p)
			r.c.SignIn("acme")
			return then(r)
		}
	}
	signingIn := func(p parts, then func(r *rig) string) func(t *testing.T) string {
		return func(t *testing.T) string {
			p.alone = true
			return then(build(t, p))
		}
	}
	call := func(r *rig) string { return said(r.c.Fetch("GET", "/api/things/items", "")) }
	login := func(r *rig) string { return said(r.c.Navigate("/bff/login/acme")) + r.bff.Log() }
	return append([]mistake{
		{"The page was opened at 127.0.0.1", signingIn(parts{}, func(r *rig) string {
			return said(r.c.Leave(strings.Replace(r.bff.Origin, "127.0.0.1", "localhost", 1)+"/bff/login/acme")) + r.bff.Log()
		})},
		{"The person said no", signingIn(parts{}, func(r *rig) string { r.op.Deny(true); return login(r) })},
		{"The sign-in took too long, or its cookie is gone", signingIn(parts{}, func(r *rig) string {
			return said(r.c.Navigate("/bff/callback/acme?code=x&state=" + strings.Repeat("x", 43)))
		})},
		{"The provider refuses the client's secret", signingIn(parts{}, func(r *rig) string {
			r.op.Trouble(testenv.Trouble{Codes: true, Status: 401, Body: `{"error":"invalid_client"}`,
				Headers: map[string]string{"Content-Type": "application/json"}})
			return login(r)
		})},
		{"The provider is down at a sign-in", signingIn(parts{}, func(r *rig) string {
			r.op.Trouble(testenv.Trouble{Codes: true, Status: 503})
			return login(r)
		})},
		{"A script starts a sign-in", signingIn(parts{}, func(r *rig) string {
			return said(r.c.Fetch("GET", "/bff/login/acme", "", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"))
		})},
		{
			"This person may not sign in",
			signingIn(parts{top: []string{"users: {allow: ['email:grace@example.com']}"}}, login),
		},
		{"The hook does not answer", signingIn(parts{env: []string{"HOOK_SECRET=" + strings.Repeat("x", 32)},
			top: []string{"users: {hook: {url: 'http://127.0.0.1:1/', secret: env:HOOK_SECRET, timeout: 1s}}"}}, login)},
		{"Nobody is signed in", signingIn(parts{}, call)},
		{"A program calls without the header", signedIn(parts{}, func(r *rig) string {
			return said(
				r.c.Fetch("GET", "/api/things/items", "", "Sec-Fetch-Site", "", "Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "",
					"Origin", "", "X-CSRF", ""),
			)
		})},
		{"Another origin calls", signedIn(parts{}, func(r *rig) string {
			return said(
				r.c.Fetch("GET", "/api/things/items", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://shop.example"),
			)
		})},
		{"The path is not on the allow-list", signedIn(parts{}, func(r *rig) string {
			return said(r.c.Fetch("DELETE", "/api/things/items/7", ""))
		})},
		{"A slash is encoded in a path", signedIn(parts{}, func(r *rig) string {
			return said(r.c.Fetch("GET", "/api/things/items/a%2Fb", ""))
		})},
		{"An api's path is misspelled", signedIn(parts{}, func(r *rig) string {
			return said(r.c.Fetch("GET", "/api/thing/items", ""))
		})},
	}, mistakesOfASession(signedIn, call)...)
}

func mistakesOfASession(signedIn func(parts, func(*rig) string) func(*testing.T) string,
	call func(*rig) string) []mistake {
	return []mistake{
		{"The page uses an account that is not linked", signedIn(parts{}, func(r *rig) string {
			return said(r.c.Fetch("GET", "/api/things/items", "", "BFF-Connection", "c_gone"))
		})},
		{"The provider ended the grant", signedIn(parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}},
			func(r *rig) string {
				r.call(r.c)
				r.op.Revoke("ada")
				var out string
				testenv.Eventually(r.t, "the grant's end is seen", func() bool {
					out = call(r)
					return !strings.HasPrefix(out, "200")
				})
				return out
			})},
		{
			"A permission was not given",
			signedIn(parts{top: []string{"  more: {provider: acme, upstream: 'http://127.0.0.1:1', " +
				"scopes: [calendar], allow: [GET /x]}"}}, func(r *rig) string {
				return said(r.c.Fetch("GET", "/api/more/x", ""))
			}),
		},
		{"The user lacks a right", signedIn(parts{top: []string{"  back: {identity: back, upstream: 'http://127.0.0.1:1', " +
			"require: [staff], allow: [GET /x]}"}}, func(r *rig) string {
			return said(r.c.Fetch("GET", "/api/back/x", ""))
		})},
		{
			"The upstream is not there",
			signedIn(parts{top: []string{"  gone: {identity: gone, upstream: 'http://127.0.0.1:1', " +
				"allow: [GET /x]}"}}, func(r *rig) string {
				return said(r.c.Fetch("GET", "/api/gone/x", "")) + r.logged("the upstream of an api")
			}),
		},
		{"The store went away", func(t *testing.T) string {
			store := testenv.Redis(t)
			r := build(t, parts{store: store.URL, alone: true, session: []string{"cache: false"}})
			r.c.SignIn("acme")
			store.Stop()
			return call(r)
		}},
		{"The provider went away", signedIn(parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}}, func(r *rig) string {
			r.call(r.c)
			r.op.Trouble(testenv.Trouble{Status: 503})
			r.expire()
			var out string
			testenv.Eventually(r.t, "the token has run out", func() bool {
				out = call(r)
				return !strings.HasPrefix(out, "200") && !strings.HasPrefix(out, "401")
			})
			return out + r.logged("does not refresh tokens")
		})},
	}
}
