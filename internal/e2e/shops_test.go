package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/testenv"
)

// shops is a provider with a host for each shop, and with APIs at hosts that its token answers name. It is reached
// as the proxy of the environment, so that no name has to be resolved. Both shops call their owner 1.
type shops struct {
	*httptest.Server
	port string

	mu      sync.Mutex
	n       int
	base    map[string]string // of a shop: what its token answers say where its API is
	dead    map[string]bool   // shops whose grants are dead
	stale   map[string]bool   // access tokens that the API refuses
	asked   map[string]int    // "host path"
	site    string            // behind the name of each site, as /sites says it
	used    string            // the access token of the last call
	secrets []string
}

func newShops(t *testing.T) *shops {
	s := &shops{base: map[string]string{}, dead: map[string]bool{}, stale: map[string]bool{}, asked: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.port = s.URL[strings.LastIndexByte(s.URL, ':')+1:]
	for _, shop := range []string{"one", "two"} {
		s.base[shop] = "http://api-" + shop + ".localhost:" + s.port + "/data"
	}
	return s
}

func (s *shops) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, _, _ := strings.Cut(r.Host, ".")
	s.asked[host+" "+r.URL.Path]++
	w.Header().Set("Content-Type", "application/json")
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch r.URL.Path {
	case "/oauth/token":
		s.token(w, r, host)
	case "/me":
		_, _ = fmt.Fprintf(w, `{"id": 1, "name": "Owner of %s", "plan": "gold"}`, host)
	case "/revoke":
		w.WriteHeader(http.StatusOK)
	case "/sites":
		_, _ = fmt.Fprintf(w, `[{"id": "site-of-%s%s"}]`, host, s.site)
	case "/data/v1/items":
		if s.stale[token] {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.used = token
		_ = json.NewEncoder(w).Encode(map[string]string{"host": host, "shop": r.Header.Get("X-Shop"),
			"realm": r.Header.Get("X-Realm"), "site": r.Header.Get("X-Site")})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// token answers an exchange or a refresh. A shop knows its own codes and refresh tokens alone.
func (s *shops) token(w http.ResponseWriter, r *http.Request, shop string) {
	given := r.PostFormValue("code") + r.PostFormValue("refresh_token")
	if s.dead[shop] || !strings.HasPrefix(given, shop+"-") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error": "invalid_grant"}`)
		return
	}
	s.n++
	access, refresh := fmt.Sprintf("%s-access-canary-%d", shop, s.n), fmt.Sprintf("%s-refresh-canary-%d", shop, s.n)
	s.secrets = append(s.secrets, access, refresh)
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": access, "refresh_token": refresh,
		"token_type": "Bearer",
		"expires_in": 3600, "instance_url": s.base[shop]})
}

func (s *shops) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[what]
}

func (s *shops) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// yaml is the provider and its api.
func (s *shops) yaml() string {
	at := "http://{shop}.localhost:" + s.port
	return fmt.Sprintf(`  shops:
    title: Shops
    client_id: shops-client
    client_secret: env:SHOPS_SECRET
    keep: user
    authorization_url: %[1]s/authorize
    token_url: %[1]s/oauth/token
    userinfo_url: %[1]s/me
    revocation_url: %[1]s/revoke
    subject: id
    variables: {shop: {ask: "Your shop's name", pattern: "[a-z0-9]+"}}
    hosts: ["*.localhost:%[2]s"]
    keep_values: {api_base: $.instance_url, realm: callback.realmId, plan: userinfo.plan}
    keep_request: {url: "%[1]s/sites", values: {site: "$[0].id"}}
`, at, s.port)
}

const shopAPI = `apis:
  shop:
    provider: shops
    upstream: "{api_base}/v1"
    headers: {X-Shop: "{shop}", X-Realm: "{realm}", X-Site: "{site}"}
    allow: [GET /items]
`

// A shopping is bff before two accounts of an OpenID Provider and two shops of another, in one browser.
type shopping struct {
	*rig
	shops *shops
	redis *testenv.RedisServer
}

func newShopping(t *testing.T) *shopping {
	t.Helper()
	t.Parallel()
	s := newShops(t)
	redis := testenv.Redis(t)
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	r := &rig{t: t, store: redis.URL, op: op, api: testenv.API(t, op.Check, nil)}
	yaml := fmt.Sprintf("session:\n  store: %s\n  keys: [env:BFF_KEY]\nproviders:\n%s%s%s", redis.URL,
		op.YAML("acme", "scopes: [openid, email, profile, offline_access]"), s.yaml(), shopAPI)
	yaml += fmt.Sprintf("  things:\n    provider: acme\n    upstream: %s/v1\n    allow: [GET /items]\n", r.api.URL)
	yaml += "clients:\n  worker: {secret: env:WORKER_SECRET, exchange: [shops], offline: [shops]}\n"
	r.bff = testenv.BFF(t, yaml, op.Env(), "SHOPS_SECRET=shops-secret-canary", "WORKER_SECRET=worker-secret-canary",
		"HTTP_PROXY="+s.URL, "http_proxy="+s.URL)
	op.Register("acme", r.bff.Origin)
	r.c = testenv.NewClient(r.bff)
	r.c.SignIn("acme")
	return &shopping{rig: r, shops: s, redis: redis}
}

// link goes to a shop's page and comes back with a code of that shop, and returns the answer of the way back.
func (s *shopping) link(query, shop, realm string) *testenv.Answer {
	s.t.Helper()
	out := s.c.Leave("/bff/connect/shops?" + query)
	to, err := url.Parse(out.Header.Get("Location"))
	if err != nil || out.Status != http.StatusFound || to.Host != shop+".localhost:"+s.shops.port ||
		to.Path != "/authorize" {
		s.t.Fatalf("connect %s: %d to %s: %s", query, out.Status, to, out.Body)
	}
	back := to.Query().Get("redirect_uri") + "?" + url.Values{"state": {to.Query().Get("state")},
		"code": {shop + "-code"}, "realmId": {realm}}.Encode()
	return s.c.OpenFrom(to.Scheme+"://"+to.Host, back)
}

// connections are those of the session, by what tells them apart.
func (s *shopping) connections() map[string]map[string]any {
	s.t.Helper()
	all := map[string]map[string]any{}
	list, _ := s.c.Fetch("GET", "/bff/connections", "").JSON(s.t)["connections"].([]any)
	for _, one := range list {
		c := one.(map[string]any)
		name := c["provider"].(string) + " " + c["account"].(map[string]any)["subject"].(string)
		if values, ok := c["values"].(map[string]any); ok {
			name = values["shop"].(string)
		}
		all[name] = c
	}
	return all
}

// items makes a call through a connection and returns what the API saw.
func (s *shopping) items(id string) map[string]any {
	s.t.Helper()
	a := s.c.Fetch("GET", "/api/shop/items", "", "BFF-Connection", id)
	if a.Status != http.StatusOK {
		s.t.Fatalf("a call through %s: %d %s %s", id, a.Status, a.Code(), a.Body)
	}
	got := a.JSON(s.t)
	s.shops.change(func() { got["token"] = s.shops.used })
	return got
}

// Two shops of one provider and two accounts of another live in one session: each call goes to its own host with
// its own values; one is renewed, one refused and repaired, one unlinked, and the others notice nothing.
func TestTwoShopsAndTwoAccountsLiveInOneSession(t *testing.T) {
	s := newShopping(t)
	s.c.Forget("localhost")
	s.op.As("grace")
	s.c.Navigate("/bff/connect/acme")
	s.link("var.shop=one", "one", "realm-1")
	s.link("var.shop=TWO", "two", "realm-2")
	all := s.connections()
	if len(all) != 4 || all["one"] == nil || all["two"] == nil || all["one"]["id"] == all["two"]["id"] {
		t.Fatalf("%d connections: %v", len(all), all)
	}
	id := func(name string) string { return all[name]["id"].(string) }
	for shop, realm := range map[string]string{"one": "realm-1", "two": "realm-2"} {
		got := s.items(id(shop))
		if got["host"] != "api-"+shop || got["shop"] != shop || got["realm"] != realm || got["site"] != "site-of-"+shop ||
			!strings.HasPrefix(got["token"].(string), shop+"-access") {
			t.Errorf("a call to %s is seen as %v", shop, got)
		}
		if v := all[shop]["values"].(map[string]any); v["plan"] != "gold" {
			t.Errorf("%s keeps %v", shop, v)
		}
	}
	s.renewed(id("one"), "one")
	s.repaired(id("two"), id("one"))
	s.tokensForAService(id("one"), id("two"))
	s.op.As("ada")
	if a := s.c.Fetch("DELETE", "/bff/connections/"+id("one"), ""); a.Status != http.StatusNoContent {
		t.Fatalf("unlinking: %d", a.Status)
	}
	testenv.Eventually(t, "the grant is revoked at its own host",
		func() bool { return s.shops.count("one /revoke") > 0 })
	if s.shops.count("two /revoke") != 0 || s.items(id("two"))["shop"] != "two" {
		t.Error("unlinking one shop reached the other")
	}
	s.call(s.c)
	if left := s.connections(); len(left) != 3 || left["two"]["status"] != "active" {
		t.Errorf("what is left: %v", left)
	}
	s.nothingLeaked()
}

// renewed has the API refuse a token, and looks where the refresh goes.
func (s *shopping) renewed(id, shop string) {
	s.t.Helper()
	before := s.items(id)["token"].(string)
	s.shops.change(func() { s.shops.stale[before] = true })
	n := s.shops.count(shop + " /oauth/token")
	if after := s.items(id)["token"]; after == before || s.shops.count(shop+" /oauth/token") != n+1 {
		s.t.Errorf("after a refusal the token is %v, with %d requests", after, s.shops.count(shop+" /oauth/token")-n)
	}
}

// repaired has the grant of one shop end, and renews it; the other shop's goes on.
func (s *shopping) repaired(id, other string) {
	s.t.Helper()
	token := s.items(id)["token"].(string)
	s.shops.change(func() { s.shops.dead["two"], s.shops.stale[token] = true, true })
	p := problem(s.t, s.c.Fetch("GET", "/api/shop/items", "", "BFF-Connection", id), http.StatusForbidden,
		"needs_reauth")
	if s.items(other)["shop"] != "one" || s.connections()["two"]["status"] != "needs_reauth" {
		s.t.Errorf("a dead grant: %v", s.connections())
	}
	asked := s.shops.count("two /sites")
	s.shops.change(func() { s.shops.dead["two"], s.shops.site = false, "-moved" })
	fix := p["fix"].(map[string]any)["url"].(string)
	if a := s.c.Leave(fix + "&var.shop=one"); a.Status != http.StatusBadRequest || a.Code() != "bad_request" {
		s.t.Errorf("a repair as another shop: %d %s", a.Status, a.Code())
	}
	s.link("connection="+id, "two", "realm-2") // nobody is asked again which shop it is
	if s.connections()["two"]["id"] != id || s.items(id)["shop"] != "two" {
		s.t.Errorf("after the repair: %v", s.connections())
	}
	// What answers say is asked for again, of this account alone.
	if got := s.items(id)["site"]; got != "site-of-two-moved" || s.shops.count("two /sites") != asked+1 {
		s.t.Errorf("after the repair the site is %v, asked for %d times", got, s.shops.count("two /sites")-asked)
	}
	if got := s.items(other)["site"]; got != "site-of-one" || s.connections()["two"]["values"].(map[string]any)["site"] !=
		"site-of-two-moved" {
		s.t.Errorf("the other's site is %v; %v", got, s.connections())
	}
}

// tokensForAService exchanges the session, and the user with nobody present, for the token of each shop.
func (s *shopping) tokensForAService(one, two string) {
	s.t.Helper()
	session := s.c.Fetch("GET", "/bff/session", "").JSON(s.t)
	user := session["user"].(map[string]any)["id"].(string)
	for id, shop := range map[string]string{one: "one", two: "two"} {
		for kind, subject := range map[string]string{"session": s.c.Session(), "user": user} {
			form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "audience": {"shops"},
				"subject_token": {subject}, "subject_token_type": {"urn:bff:" + kind}, "connection": {id}}
			if kind == "user" {
				form.Set("reason", "a test")
			}
			r, _ := http.NewRequest("POST", s.bff.Admin+"/token", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("worker", "worker-secret-canary")
			resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
			if err != nil {
				s.t.Fatal(err)
			}
			got := testenv.ReadAnswer(s.t, resp).JSON(s.t)
			values, _ := got["values"].(map[string]any)
			if access, _ := got["access_token"].(string); !strings.HasPrefix(access, shop+"-access") ||
				values["api_base"] != s.shops.base[shop] || values["shop"] != shop {
				s.t.Errorf("the token of %s by the %s: %v", shop, kind, got)
			}
		}
	}
}

// nothingLeaked looks for tokens and values where neither may be.
func (s *shopping) nothingLeaked() {
	s.t.Helper()
	secrets := append(s.shops.secrets, "shops-secret-canary", "worker-secret-canary")
	dump, log, seen := s.redis.Dump(), []byte(s.bff.Log()), s.c.Received()
	for _, value := range []string{"api-one", "realm-1", "site-of-two", "Owner of one", "gold"} {
		if bytes.Contains(dump, []byte(value)) || bytes.Contains(log, []byte(value)) {
			s.t.Errorf("the kept value %q is in the store in clear, or in the log", value)
		}
	}
	for _, secret := range secrets {
		for where, text := range map[string][]byte{"the store": dump, "the log": log} {
			if bytes.Contains(text, []byte(secret)) {
				s.t.Errorf("a secret is in %s", where)
			}
		}
	}
	if bytes.Contains(seen, []byte("refresh-canary")) {
		s.t.Error("a refresh token reached the browser")
	}
}

// What is missing is asked for on a page that works without a script; a script gets a problem with a fix; what does
// not fit is said beside its field.
func TestAMissingValueIsAskedForOnAPage(t *testing.T) {
	s := newShopping(t)
	page := s.c.Leave("/bff/connect/shops?return_to=/inbox%3Fa%3D1&scopes=x")
	for _, want := range []string{`<label for="field-0">Your shop&#39;s name</label>`, `name="var.shop"`, `method="get"`,
		`action="/bff/connect/shops"`, `name="return_to" value="/inbox?a=1"`, `name="scopes" value="x"`, `lang="en"`} {
		if page.Status != http.StatusOK || !strings.Contains(string(page.Body), want) {
			t.Errorf("the page lacks %s: %d %s", want, page.Status, page.Body)
		}
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") ||
		bytes.Contains(page.Body, []byte("<script")) {
		t.Errorf("its policy is %q", csp)
	}
	for _, value := range []string{"A B", "a.b", "../x", "evil.com%23", "%22%3E%3Cscript%3E", "a%0d%0ab",
		strings.Repeat("a", 300)} {
		a := s.c.Leave("/bff/connect/shops?var.shop=" + strings.ReplaceAll(value, " ", "%20"))
		if a.Status != http.StatusBadRequest || a.Code() != "bad_request" || bytes.Contains(a.Body, []byte(`"><script>`)) ||
			!bytes.Contains(a.Body, []byte(`aria-invalid="true" aria-describedby="error-0"`)) || !bytes.Contains(a.Body,
			[]byte(`id="error-0"`)) {
			t.Errorf("%q: %d %s", value, a.Status, a.Body)
		}
	}
	for _, query := range []string{"var.shop=one&var.shop=two", "var.shop=one&var.tenant=x", "var.=x"} {
		if a := s.c.Leave("/bff/connect/shops?" + query); a.Status != http.StatusBadRequest || bytes.Contains(a.Body,
			[]byte("var.shop")) {
			t.Errorf("%s: %d %s", query, a.Status, a.Body)
		}
	}
	if a := s.c.Leave("/bff/connect/acme?var.shop=one"); a.Status != http.StatusBadRequest {
		t.Errorf("a variable of a provider that has none: %d", a.Status)
	}
	r := s.c.Request("GET", "/bff/connect/shops", "", "Accept", "application/json", "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Dest", "document")
	resp, err := s.c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	p := problem(t, testenv.ReadAnswer(t, resp), http.StatusBadRequest, "bad_request")
	if fix, _ := p["fix"].(map[string]any); fix["url"] != "/bff/connect/shops" {
		t.Errorf("the problem's fix: %v", p)
	}
	providers := s.c.Fetch("GET", "/bff/session", "").JSON(t)["providers"].([]any)
	if form := fmt.Sprint(providers[1].(map[string]any)["form"]); !strings.Contains(form, "Your shop's name") {
		t.Errorf("what the session says of the form: %s", form)
	}
}

// A value that a provider's answer brings leads to the provider's hosts alone, and to another of them only with a new
// consent.
func TestAnAnswerLeadsToNoOtherHost(t *testing.T) {
	s := newShopping(t)
	good := s.shops.base["one"]
	for _, base := range []string{"http://127.0.0.1:" + s.shops.port + "/data", "http://api-one.localhost/data",
		"https://evil.example/data",
		"http://u:p@api-one.localhost:" + s.shops.port, "http://api-one.localhost:" + s.shops.port + "/data?x=", "", "javascript:alert(1)",
		"http://evil.example#.localhost:" + s.shops.port} {
		s.shops.change(func() { s.shops.base["one"] = base })
		if a := s.link("var.shop=one", "one", "realm-1"); !strings.Contains(a.URL, "bff_error=login_failed") {
			t.Errorf("linked with %q: %d %s", base, a.Status, a.URL)
		}
	}
	s.shops.change(func() { s.shops.base["one"] = good })
	s.link("var.shop=one", "one", "realm-1")
	id := s.connections()["one"]["id"].(string)
	token := s.items(id)["token"].(string)
	s.shops.change(func() {
		s.shops.base["one"], s.shops.stale[token] = "http://other.localhost:"+s.shops.port+"/data", true
	})
	problem(t, s.c.Fetch("GET", "/api/shop/items", ""), http.StatusForbidden, "needs_reauth")
	if s.shops.count("other /data/v1/items") != 0 || s.connections()["one"]["status"] != "needs_reauth" {
		t.Errorf("a host that changed: %d calls there, %v", s.shops.count("other /data/v1/items"), s.connections()["one"])
	}
	s.link("connection="+id, "one", "realm-1")
	if got := s.items(id); got["host"] != "other" {
		t.Errorf("after a new consent: %v", got)
	}
}
