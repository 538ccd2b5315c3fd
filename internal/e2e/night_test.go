package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// A night is two instances with services beside them, and what an operator asks of them.
type night struct {
	*rig
	redis *testenv.RedisServer
	other *testenv.BFFProcess
}

func newNight(t *testing.T) *night {
	redis := testenv.Redis(t)
	r := build(t, parts{
		store:    redis.URL,
		op:       testenv.OIDCOptions{AccessToken: seconds(2)},
		provider: []string{"keep: user"},
		env:      []string{"WORKER_SECRET=worker-secret", "OFFICE_SECRET=office-secret", "NEXT_KEY=" + testenv.NewKey(t)},
		top: []string{
			"clients:",
			"  worker: {secret: env:WORKER_SECRET, exchange: [acme], offline: [acme]}",
			"  office: {secret: env:OFFICE_SECRET, manage: true}",
		},
	})
	return &night{rig: r, redis: redis, other: r.bff.Another()}
}

// says runs one command until it prints all of the words: what happened is written down behind the answers.
func (n *night) says(question string, args []string, words ...string) string {
	n.t.Helper()
	out, missing := "", ""
	defer func() {
		if n.t.Failed() {
			n.t.Logf("it lacks %q:\n%s", missing, out)
		}
	}()
	testenv.Eventually(n.t, question+": `bff "+strings.Join(args, " ")+"` says it", func() bool {
		out, _ = n.bff.Run(args...)
		for _, w := range words {
			if missing = w; !strings.Contains(out, w) {
				return false
			}
		}
		return true
	})
	return out
}

func (n *night) user() string {
	n.t.Helper()
	user, _ := n.c.Fetch("GET", "/bff/session", "").JSON(n.t)["user"].(map[string]any)
	return fmt.Sprint(user["id"])
}

// office asks the admin listener of the other instance as the service that manages users.
func (n *night) office(method, path, body string) {
	n.t.Helper()
	request, err := http.NewRequest(method, n.other.Admin+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	request.SetBasicAuth("office", "office-secret")
	resp, err := (&http.Client{}).Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= 300 {
		n.t.Fatalf("%s %s: %d", method, path, resp.StatusCode)
	}
}

// Why was this person signed out? Who knows nothing but the e-mail asks by it.
func TestNightWhyWasThisPersonSignedOut(t *testing.T) {
	n := newNight(t)
	n.c.SignIn("acme")
	n.office("DELETE", "/users/"+n.user()+"/sessions", "")
	n.says("a service did it", []string{"explain", "ada@example.com"}, "A session ended", "A service ended it", "client office")
	n.c.SignIn("acme")
	n.op.Logout("ada")
	n.says("the provider did it", []string{"explain", "ada@example.com"}, "The provider ordered it.")
	n.c.SignIn("acme")
	user := n.user()
	if out, code := n.bff.Run("user", "sign-out", user); code != 0 || out != "ended 1 session\n" {
		t.Errorf("bff user sign-out: %d %s", code, out)
	}
	n.says("an operator did it", []string{"explain", user}, "An operator ended it with `bff user`.", "by operator")
}

// Why does this call give 403?
func TestNightWhyDoesThisCallGive403(t *testing.T) {
	n := newNight(t)
	n.c.SignIn("acme")
	for _, c := range []struct{ method, path, says string }{
		{"DELETE", "/api/things/items/1", "Add the pattern to the api's allow."},
		{"GET", "/api/things/secrets", "not on the api's allow-list"},
	} {
		a := n.c.Via(n.other).Fetch(c.method, c.path, "")
		if a.Status != http.StatusForbidden {
			t.Fatalf("%s %s: %d", c.method, c.path, a.Status)
		}
		n.says(c.path, []string{"explain", a.Header.Get("BFF-Request-Id")}, c.says, "api things", "user u_")
	}
	if out, code := n.bff.Run("explain", "no-such-request"); code != 1 || !strings.Contains(out, "Nothing is known") {
		t.Errorf("an unknown request: %d %s", code, out)
	}
	if out, code := n.bff.Run("explain", "nobody@example.com"); code != 1 || !strings.Contains(out, "nobody has signed in") {
		t.Errorf("an unknown e-mail: %d %s", code, out)
	}
}

// Who used Ada's account last night? Services that only ask whose session they have, however often, hide nobody.
func TestNightWhoUsedAdasAccount(t *testing.T) {
	n := newNight(t)
	n.c.SignIn("acme")
	user, cookie := n.user(), n.c.Session()
	a := n.other.Ask("/token", "worker", "worker-secret", url.Values{
		"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token": {user}, "subject_token_type": {"urn:bff:user"}, "audience": {"acme"},
		"reason": {"the nightly invoice"}})
	if a.Status != http.StatusOK {
		t.Fatalf("offline exchange: %d %s", a.Status, a.Body)
	}
	for range 120 { // more than an id has room for
		if a := n.bff.Ask("/introspect", "worker", "worker-secret", url.Values{"token": {cookie}}); a.Status != http.StatusOK {
			t.Fatalf("introspection: %d %s", a.Status, a.Body)
		}
	}
	out := n.says("by user", []string{"explain", user}, "client worker", "the nightly invoice", "A person signed in")
	i := strings.Index(out, "connection c_")
	if i < 0 {
		t.Fatalf("no connection is named:\n%s", out)
	}
	connection, _, _ := strings.Cut(strings.TrimPrefix(out[i:], "connection "), " ")
	n.says("by connection", []string{"explain", connection}, "client worker", "the nightly invoice")
}

// Is it us, the provider or the store? What calls met counts as well as what answers now.
func TestNightIsItUsTheProviderOrTheStore(t *testing.T) {
	n := newNight(t)
	n.c.SignIn("acme")
	n.call(n.c)
	if out, code := n.bff.Run("check"); code != 0 || strings.Contains(out, "where it fails") {
		t.Fatalf("while all is well: %d\n%s", code, out)
	}
	n.op.Trouble(testenv.Trouble{Status: 500}) // what it publishes is still there: only refreshes fail
	n.expire()
	testenv.Eventually(t, "a call meets the trouble", func() bool {
		return n.c.Via(n.other).Fetch("GET", "/api/things/items", "").Code() == "provider_unavailable"
	})
	out := n.says("the provider", []string{"check"}, "where it fails: the provider acme\n", "warning  provider acme: ")
	if strings.Contains(out, "the store;") {
		t.Errorf("the store is blamed:\n%s", out)
	}
	for _, b := range []*testenv.BFFProcess{n.bff, n.other} {
		if lines := strings.Count(b.Log(), "does not refresh tokens at the moment"); lines > 1 {
			t.Errorf("an outage has %d lines in a log", lines)
		}
	}
	if all := n.bff.Log() + n.other.Log(); !strings.Contains(all, `"provider":"acme","status":500`) {
		t.Errorf("no log says that the provider is down:\n%s", all)
	}
	n.op.Trouble(testenv.Trouble{Status: 401, Body: `{"error":"invalid_client"}`})
	testenv.Eventually(t, "a call meets the refusal", func() bool {
		return n.c.Fetch("GET", "/api/things/items", "").Code() == "provider_misconfigured"
	})
	n.says("us", []string{"check"}, "our configuration of the provider acme", "The provider refuses bff's own client.")
	admin := strings.TrimPrefix(n.bff.Admin, "http://")
	if out, code := n.bff.Run("health", "--ready", "--admin", admin); code != 0 || out != "ok\n" {
		t.Errorf("an instance that can serve is not ready: %d %s", code, out)
	}
	n.redis.Pause()
	defer n.redis.Resume()
	if out, code := n.bff.Run("health", "--ready", "--admin", admin); code != 1 || !strings.Contains(out, "the store does not answer") {
		t.Errorf("an instance without its store is ready: %d %s", code, out)
	}
	if out, code := n.bff.Run("health", "--admin", admin); code != 0 {
		t.Errorf("an instance without its store does not live: %d %s", code, out)
	}
	out, code := n.bff.Run("check")
	if code != 1 || !strings.Contains(out, "where it fails: the store\n") {
		t.Errorf("the store: %d\n%s", code, out)
	}
}

// A client's secret that expired while people only sign in is our trouble, not the provider's: what a check tries says
// so, and what sign-ins met says it on its own when the secret is right again.
func TestNightASecretThatExpiredIsOurs(t *testing.T) {
	n := newNight(t)
	n.op.Trouble(testenv.Trouble{Codes: true, Status: 401, Body: `{"error":"invalid_client"}`})
	if a := n.c.Navigate("/bff/login/acme"); !strings.Contains(a.URL, "bff_error=login_failed") {
		t.Fatalf("a sign-in with a wrong secret ends at %s", a.URL)
	}
	const ours = "where it fails: our configuration of the provider acme\n"
	n.says("while it is wrong", []string{"check"}, "failed   provider acme: the provider does not know this id", ours)
	n.op.Heal()
	n.says("when it is right again", []string{"check"}, "ok       provider acme: ", "The provider refuses bff's own client.", ours)
}

// A store that answers and takes no writes is lost as well: the log says when, why, and when it is back.
func TestNightAStoreThatTakesNoWritesIsLostAndFound(t *testing.T) {
	n := newNight(t)
	testenv.Eventually(t, "the store is seen", func() bool { return strings.Contains(n.bff.Log(), "the store answers") })
	admin := n.redis.Client()
	if err := admin.ReplicaOf(t.Context(), "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the log says that it is lost", func() bool {
		return strings.Contains(n.bff.Log(), "the store cannot be used; answers are 503 until it can") &&
			strings.Contains(n.bff.Log(), "it is a replica, and takes no writes; write the master's address")
	})
	if err := admin.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the log says that it is found", func() bool {
		return strings.Contains(n.bff.Log(), "the store can be used again")
	})
}

// A key ring that lost its key signs everybody out: a check says so before it is taken, the log when it is; with the old
// key behind the new one nobody is signed out, and neither says anything.
func TestNightAKeyThatIsMissingIsNamed(t *testing.T) {
	n := newNight(t)
	n.c.SignIn("acme")
	const before = "put the key that was there before behind the new one"
	const taken = "no key of session.keys opens what is in the store"
	checked := func() bool { out, _ := n.bff.Run("check"); return strings.Contains(out, before) }
	if checked() {
		t.Error("a check finds fault with the ring of running instances")
	}
	ring := func(from, to string) {
		n.bff.Rewrite(func(yaml string) string { return strings.Replace(yaml, "keys: ["+from+"]", "keys: ["+to+"]", 1) })
	}
	ring("env:BFF_KEY", "env:NEXT_KEY")
	if !checked() {
		t.Error("a check says nothing of a ring without its key")
	}
	n.other.Hangup()
	testenv.Eventually(t, "the log says it", func() bool { return strings.Contains(n.other.Log(), taken) })
	ring("env:NEXT_KEY", "env:NEXT_KEY, env:BFF_KEY")
	n.other.Hangup()
	testenv.Eventually(t, "the session is back", func() bool { return n.signedIn(n.c.Via(n.other)) })
	if checked() || strings.Count(n.other.Log(), taken) != 1 || strings.Contains(n.bff.Log(), taken) {
		t.Errorf("with both keys a check, or a log, still finds fault:\n%s", n.other.Log())
	}
}

// What changed since yesterday? The configuration of a new version, a reload, and what services changed.
func TestNightWhatChangedSinceYesterday(t *testing.T) {
	n := newNight(t)
	if out, code := n.bff.Run("explain", "changes"); code != 1 {
		t.Fatalf("before anything changed: %d\n%s", code, out)
	}
	n.c.SignIn("acme")
	n.office("PATCH", "/users/"+n.user(), `{"rights": ["admin"]}`)
	n.bff.Rewrite(func(yaml string) string {
		return strings.Replace(yaml, "- GET /stream", "- GET /stream\n      - GET /more", 1) + "shutdown_timeout: 9s\n"
	})
	n.other.Hangup()
	n.says("a reload", []string{"explain", "changes"}, "Changed: apis.things.allow, shutdown_timeout.", "client office", "rights admin")
	n.bff.Rewrite(func(yaml string) string { return yaml + "explain: 12h\n" })
	if code := n.bff.Term(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	n.bff.Restart()
	out := n.says("a restart", []string{"explain", "changes"}, "Changed: explain.")
	for _, secret := range []string{"worker-secret", "office-secret", n.op.ClientSecret} {
		if strings.Contains(out, secret) {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
}
