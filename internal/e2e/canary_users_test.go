package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Guarantee 1 for users and services: the secrets of the hook, of the events and of each service, what services keep
// beside sessions and users, and what the hook said, are marked beside every credential of the provider. Then all that
// left is searched: what the browser received, what programs were sent, what services were answered, the audit log,
// explanations, traces, metrics, the log at debug level, and the store.
func TestCanaryOfUsersAndServices(t *testing.T) {
	for _, keep := range []string{"session", "user"} {
		t.Run("keep "+keep, func(t *testing.T) { canaryOfUsers(t, keep) })
	}
}

// marks are what the test looks for, beside the provider's own.
type marks struct {
	hook, events, office, worker, billing, key string // secrets
	hookData, userData, sessionData            string // what is kept for services
}

// outlets are where something could come out.
type outlets struct {
	*rig
	marks
	hook, events *program
	spans        *testenv.CollectorServer
	redis        *testenv.RedisServer
	audit        string
	services     []byte // what services were answered, but for tokens and for data
	shown        []byte // what operators were shown
}

func newOutlets(t *testing.T, keep string) *outlets {
	t.Helper()
	m := marks{testenv.Random(t), testenv.Random(t), testenv.Random(t), testenv.Random(t), testenv.Random(t),
		testenv.NewKey(t), testenv.Random(t), testenv.Random(t), testenv.Random(t)}
	o := &outlets{marks: m, spans: testenv.Collector(t), audit: t.TempDir() + "/audit.jsonl",
		hook:   newProgramOf(t, m.hook, fmt.Sprintf(`{"id":"42","rights":["staff"],"data":{"plan":%q}}`, m.hookData)),
		events: newProgramOf(t, m.events, ``), redis: testenv.Redis(t, "--rdbcompression", "no")}
	offline := ""
	if keep == "user" {
		offline = ", offline: [acme]"
	}
	o.rig = build(t, parts{
		store:    o.redis.URL,
		op:       testenv.OIDCOptions{AccessToken: seconds(2)},
		provider: []string{"keep: " + keep},
		env: []string{"HOOK_SECRET=" + m.hook, "EVENTS_SECRET=" + m.events, "OFFICE_SECRET=" + m.office,
			"WORKER_SECRET=" + m.worker, "BILLING_SECRET=" + m.billing, "BFF_KEY=" + m.key},
		top: []string{
			"log: {level: debug, access: true, audit: \"file:" + o.audit + "\"}",
			"telemetry: {endpoint: \"" + o.spans.URL + "\", sample: 1}",
			"users:",
			"  hook: {url: \"" + o.hook.srv.URL + "\", secret: env:HOOK_SECRET}",
			"events:",
			"  - {url: \"" + o.events.srv.URL + "\", secret: env:EVENTS_SECRET}",
			"clients:",
			"  office: {secret: env:OFFICE_SECRET, manage: true}",
			"  worker: {secret: env:WORKER_SECRET, data: true}",
			"  billing: {secret: env:BILLING_SECRET, exchange: [acme]" + offline + "}",
		},
	})
	return o
}

// asks is a request of a service, with more of its secret than belongs there.
func (o *outlets) asks(method, path, body, name, secret string) (int, []byte) {
	o.t.Helper()
	r, err := http.NewRequest(method, o.bff.Admin+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.SetBasicAuth(name, secret)
	r.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{}).Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, testenv.ReadAnswer(o.t, resp).Body
}

// lives goes through what services and operators do with a user and a session.
func (o *outlets) lives() (cookies []string) {
	t := o.t
	t.Helper()
	o.c.SignIn("acme")
	cookies = append(cookies, o.c.Session())
	o.call(o.c)
	s := o.c.Fetch("GET", "/bff/session", "").JSON(t)
	user, _ := s["user"].(map[string]any)["id"].(string)
	session, _ := s["session"].(map[string]any)["id"].(string)
	connection, _ := s["connections"].([]any)[0].(map[string]any)["id"].(string)
	for path, value := range map[string]string{"/users/" + user + "/data": o.userData, "/sessions/" + session + "/data": o.sessionData} {
		if status, body := o.asks("PATCH", path, `{"note":"`+value+`"}`, "worker", o.worker); status != http.StatusOK {
			t.Fatalf("PATCH %s: %d %s", path, status, body)
		}
		if status, body := o.asks("GET", path, "", "worker", o.worker); status != 200 || !strings.Contains(string(body), value) {
			t.Fatalf("GET %s: %d %s", path, status, body)
		}
		o.keeps(o.asks("PATCH", path, `{"note":"`+value, "worker", o.worker)) // broken off
		o.keeps(o.asks("GET", path, "", "office", o.office))                  // which may not
		o.keeps(o.asks("GET", path+"?of="+o.worker, "", "worker", o.worker))
	}
	o.keeps(o.asks("PATCH", "/users/"+user, `{"rights":["staff","boss"]}`, "office", o.office))
	o.keeps(o.asks("PATCH", "/users/"+user, `{"rights":["`+o.office+"\x01\"]}", "office", o.office))
	for _, path := range []string{"/users", "/users/" + user + "/sessions", "/users/" + user + "/connections"} {
		o.keeps(o.asks("GET", path, "", "office", o.office))
	}
	o.keeps(o.asks("GET", "/users", "", "office", o.worker)) // refused
	cookie := o.c.Session()
	subject := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {user},
		"subject_token_type": {"urn:bff:user"}, "audience": {"acme"}, "reason": {"nightly"}}
	o.bff.Ask("/token", "billing", o.billing, subject)
	o.bff.Ask("/introspect", "billing", o.billing, url.Values{"token": {cookie}})
	o.bff.Ask("/token", "billing", o.hookSecret(), subject) // another's secret
	for _, id := range []string{user, session, connection} {
		if out, code := o.bff.Run("explain", id); code == 0 {
			o.shown = append(o.shown, out...)
		}
		o.keeps(o.asks("GET", "/explain/"+id, "", "office", o.office))
	}
	// The hook refuses, fails and lies, with what it should keep to itself.
	for status, body := range map[int]string{403: `{"message":"blocked","data":"` + o.hookData + `"}`, 500: o.hookData, 200: `{"id":7,"data":"` + o.hookData + `"}`} {
		o.hook.says(status, body)
		testenv.NewClient(o.bff).Navigate("/bff/login/acme?login_hint=grace")
	}
	o.hook.says(200, `{}`)
	o.events.says(500, o.hookData)
	o.c.Fetch("POST", "/bff/logout", "")
	o.c.SignIn("acme")
	cookies = append(cookies, o.c.Session())
	o.events.says(200, ``)
	o.hook.says(200, fmt.Sprintf(`{"id":"42","data":{"plan":%q}}`, o.hookData))
	o.c.SignIn("acme")
	return append(cookies, o.c.Session())
}

func (o *outlets) hookSecret() string { return o.marks.hook }

func (o *outlets) keeps(_ int, body []byte) { o.services = append(append(o.services, body...), '\n') }

func canaryOfUsers(t *testing.T, keep string) {
	o := newOutlets(t, keep)
	commands := o.redis.Monitor()
	cookies := o.lives()
	dump := o.redis.Dump()
	testenv.Eventually(t, "the programs have the events", func() bool { return len(o.events.received()) > 0 })
	metrics := o.bff.Metrics()
	if o.bff.Term() != 0 {
		t.Error("the instance did not end well")
	}
	audited, err := os.ReadFile(o.audit)
	if err != nil {
		t.Fatal(err)
	}
	received := regexp.MustCompile(`(?m)^Set-Cookie: [^\n]*$`).ReplaceAll(o.c.Received(), nil)
	places := []haystack{
		{"what the browser received", received},
		{"what the programs were sent", append(o.hook.received(), o.events.received()...)},
		{"the audit log", audited},
		{"the explanations", o.shown},
		{"the traces", o.spans.Raw()},
		{"the store's file", dump},
		{"the store's commands", unescape(commands())},
		{"the log", []byte(o.bff.Log())},
		{"the metrics", []byte(metrics)},
	}
	answers := haystack{"what services were answered", o.services}
	hunt(t, map[string][]string{
		"credential of the provider": o.op.Secrets(),
		"hook's secret":              {o.marks.hook},
		"events' secret":             {o.marks.events},
		"service's secret":           {o.office, o.worker, o.billing},
		"key":                        {o.key[len("bffk1_"):]},
		"session cookie":             halves(t, cookies),
	}, append(places, answers))
	hunt(t, map[string][]string{ // a service's own answer holds it, and nothing else
		"data of a service":  {o.userData, o.sessionData},
		"answer of the hook": {o.hookData},
	}, append(places, answers))
}
