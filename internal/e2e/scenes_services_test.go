package e2e_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/testenv"
)

func scenesOfServices() []scene {
	exchange := "curl -u basket:$BASKET_SECRET http://127.0.0.1:9090/token -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange "
	asks := func(parts ...string) func(*testing.T, *shell) {
		return func(t *testing.T, s *shell) { asked(t, s, parts...) }
	}
	return []scene{
		{"docs/audit.md", "bff audit verify", theAuditLog},
		{"docs/night.md", "bff explain s_", explained},
		{"docs/backends.md", "curl -u basket:$BASKET_SECRET -d token=$ASSERTION", asks(`"active":true`, `"aud":"app"`)},
		{"docs/backends.md", exchange + "-d subject_token=$COOKIE", asks(`"access_token":"ey`)},
		{"docs/backends.md", exchange + "-d subject_token=u_…", asks(`"access_token":"`)},
		{"docs/services.md", "curl -u billing:$BILLING_SECRET -d token=$COOKIE", asks(`"active":true`, `"provider":"google"`)},
		{"docs/services.md", "curl -u billing:$BILLING_SECRET http://127.0.0.1:9090/token", asks(`"access_token":"`)},
		{"docs/from-jwt.md", "curl -u backoffice:$SECRET -X PATCH", asks(`"rights":[]`)},
	}
}

// operated is bff with the services that the documents name, and somebody who is signed in.
func operated(t *testing.T) (b *testenv.BFFProcess, c *testenv.Client, user string, log string) {
	t.Helper()
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	log = filepath.Join(t.TempDir(), "audit.jsonl")
	b = testenv.BFF(t, fmt.Sprintf(`session: {store: %q, keys: [env:BFF_KEY]}
providers:
%sapis:
  app: {path: /app, upstream: "http://127.0.0.1:1", identity: app, allow: ["GET /x"]}
clients:
  basket: {secret: env:CLIENT_SECRET, exchange: [app], offline: [google]}
  billing: {secret: env:CLIENT_SECRET, exchange: [google]}
  backoffice: {secret: env:CLIENT_SECRET, manage: true}
log: {audit: "file:%s"}
`, testenv.Redis(t).URL, op.YAML("google", "keep: user", "scopes: [openid, email, profile, offline_access]"), log),
		op.Env(), "CLIENT_SECRET=the-secret-of-a-client")
	op.Register("google", b.Origin)
	c = testenv.NewClient(b)
	c.SignIn("google")
	who, _ := c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)
	return b, c, fmt.Sprint(who["id"]), log
}

// asked runs what a service asks on the admin listener; the answer must have all the parts.
func asked(t *testing.T, s *shell, parts ...string) {
	b, c, user, _ := operated(t)
	given := b.Ask("/token", "basket", "the-secret-of-a-client", url.Values{"audience": {"app"},
		"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token": {c.Session()}, "subject_token_type": {"urn:bff:session"}}).JSON(t)
	s.replace("http://127.0.0.1:9090", b.Admin)
	s.script = strings.ReplaceAll(s.script, "u_…", user)
	secret := "the-secret-of-a-client"
	out := s.run("BASKET_SECRET="+secret, "BILLING_SECRET="+secret, "SECRET="+secret, "COOKIE="+c.Session(),
		fmt.Sprint("ASSERTION=", given["access_token"]))
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("%s is not in the answer to\n%s%s", part, s.script, out)
		}
	}
}

// theAuditLog of an instance that did something is whole.
func theAuditLog(t *testing.T, s *shell) {
	b, _, _, log := operated(t)
	if code := b.Term(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.replace("/var/log/bff/audit.jsonl", log)
	if out := s.run(); !strings.Contains(out, "whole, ") {
		t.Error(out)
	}
}

// explained: what happened to a session that lives.
func explained(t *testing.T, s *shell) {
	b, c, _, _ := operated(t)
	session, _ := c.Fetch("GET", "/bff/session", "").JSON(t)["session"].(map[string]any)
	s.replace("s_Jb2wXq0dT9hQ1aYz", fmt.Sprint(session["id"]))
	s.dir = filepath.Dir(b.Config())
	testenv.Eventually(t, "the sign-in is reported", func() bool {
		return strings.Contains(s.run(b.Env()...), "signed in")
	})
}
