package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
)

// A rig is bff with everything around it, and one browser.
type rig struct {
	t     testing.TB
	store string
	op    *testenv.OIDCProvider
	api   *testenv.APIServer
	bff   *testenv.BFFProcess
	c     *testenv.Client
}

// parts is what a test may choose of a rig. The zero value has a Redis of its own, tokens of an hour, and connections
// kept by the session.
type parts struct {
	store    string // URL
	op       testenv.OIDCOptions
	provider []string // further lines of the provider's entry
	session  []string // further lines below `session:`
	top      []string // further top-level lines
	handler  http.HandlerFunc
	env      []string
	blind    bool // the upstream takes any token, without asking the provider
	alone    bool // beside no other test: it takes all the machine has
}

// build starts everything. Tests run side by side from here on: most of their time they wait for something to expire.
func build(t testing.TB, p parts) *rig {
	t.Helper()
	if t, ok := t.(*testing.T); ok && !p.alone {
		t.Parallel()
	}
	if p.store == "" {
		p.store = testenv.Redis(t).URL
	}
	r := &rig{t: t, store: p.store, op: testenv.OIDC(t, p.op)}
	check := r.op.Check
	if p.blind {
		check = func(string) (string, string, bool) { return "ada", "", true }
	}
	r.api = testenv.API(t, check, p.handler)
	r.bff = testenv.BFF(t, r.yaml(p), append([]string{r.op.Env()}, p.env...)...)
	r.op.Register("acme", r.bff.Origin)
	r.c = testenv.NewClient(r.bff)
	return r
}

func (r *rig) yaml(p parts) string {
	provider := append([]string{"scopes: [openid, email, profile, offline_access]"}, p.provider...)
	session := ""
	for _, line := range p.session {
		session += "  " + line + "\n"
	}
	return fmt.Sprintf(`session:
  store: %s
  keys: [env:BFF_KEY]
%sproviders:
%sapis:
  things:
    provider: acme
    upstream: %s/v1
    allow:
      - GET /items
      - GET /items/{id}
      - POST /items
      - GET /stream
%s`, p.store, session, r.op.YAML("acme", provider...), r.api.URL, strings.Join(append(p.top, ""), "\n"))
}

// call makes one proxied call and fails unless the upstream answered it.
func (r *rig) call(c *testenv.Client) {
	r.t.Helper()
	if a := c.Fetch("GET", "/api/things/items", ""); a.Status != http.StatusOK {
		r.t.Fatalf("a proxied call: %d %s %s", a.Status, a.Code(), a.Body)
	}
}

// token is the access token that the upstream saw last.
func (r *rig) token() string {
	r.t.Helper()
	calls := r.api.Calls()
	if len(calls) == 0 {
		r.t.Fatal("no call reached the upstream")
	}
	return calls[len(calls)-1].Token
}

// expire waits until the provider no longer takes the access token that the upstream saw last.
func (r *rig) expire() {
	r.t.Helper()
	token := r.token()
	testenv.Eventually(r.t, "the access token expires", func() bool {
		_, _, ok := r.op.Check(token)
		return !ok
	})
}

// signedIn says what /bff/session says.
func (r *rig) signedIn(c *testenv.Client) bool {
	r.t.Helper()
	a := c.Fetch("GET", "/bff/session", "")
	if a.Status != http.StatusOK {
		r.t.Fatalf("GET /bff/session: %d %s", a.Status, a.Body)
	}
	return a.JSON(r.t)["authenticated"] == true
}

// status is the status of the client's only connection, with its reason.
func (r *rig) status(c *testenv.Client) string {
	r.t.Helper()
	list, _ := c.Fetch("GET", "/bff/connections", "").JSON(r.t)["connections"].([]any)
	if len(list) != 1 {
		r.t.Fatalf("connections: %v", list)
	}
	one := list[0].(map[string]any)
	if reason, ok := one["reason"]; ok {
		return fmt.Sprint(one["status"], " ", reason)
	}
	return fmt.Sprint(one["status"])
}

// problem fails unless the answer is that problem, with everything a problem must have.
func problem(t testing.TB, a *testenv.Answer, status int, code string) map[string]any {
	t.Helper()
	if a.Status != status || a.Code() != code {
		t.Fatalf("got %d %q, want %d %q: %s", a.Status, a.Code(), status, code, a.Body)
	}
	if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") {
		t.Errorf("%s: content type %q", code, kind)
	}
	p := a.JSON(t)
	if p["type"] != "urn:bff:error:"+code || p["code"] != code || p["status"] != float64(status) || p["title"] == nil {
		t.Errorf("%s: %s", code, a.Body)
	}
	if status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
		t.Errorf("%s: no Retry-After", code)
	}
	return p
}

// seconds is a duration for OIDCOptions that reads well.
func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
