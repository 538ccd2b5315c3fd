package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

// tenants is a service with a host for each tenant, which know their own key or password alone and call their owner 7.
// It is reached as the proxy of the environment, so that no name has to be resolved.
func tenants(t *testing.T, keys map[string]*atomic.Value) (service *httptest.Server, port string) {
	service = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ".")
		_, password, _ := r.BasicAuth()
		if known := keys[host]; known == nil || r.Header.Get("X-API-Key")+password != known.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"id": 7, "name": "Owner of %s", "region": "north", "site": "site-of-%[1]s", "seen": %q}`,
			host, r.Header.Get("X-Place"))
	}))
	t.Cleanup(service.Close)
	return service, service.URL[strings.LastIndexByte(service.URL, ':')+1:]
}

// An account page's form for keys and passwords asks for a provider's variables: two tenants of one provider are two
// accounts, each is called at its own host, and a repair keeps to the place of its connection.
func TestAKeyIsTypedForTheTenantThatItIsOf(t *testing.T) {
	t.Parallel()
	first, second, newer := testenv.Random(t), testenv.Random(t), testenv.Random(t)
	keys := map[string]*atomic.Value{"one": {}, "two": {}}
	keys["one"].Store(first)
	keys["two"].Store(second)
	service, port := tenants(t, keys)
	at := "http://{tenant}.localhost:" + port
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	redis := testenv.Redis(t)
	yaml := fmt.Sprintf(`session: {store: %s, keys: [env:BFF_KEY]}
providers:
%s  keyed:
    auth: api_key
    userinfo_url: %[3]s/me
    userinfo_token_header: X-API-Key
    subject: id
    variables: {tenant: {ask: "Your tenant's name", pattern: "[a-z0-9]+"}}
    hosts: ["*.localhost:%[4]s"]
    keep_values: {region: userinfo.region}
    keep_request: {url: "%[3]s/site", values: {site: $.site}}
  legacy:
    auth: basic
    variables: {tenant: {ask: "Your tenant's name", pattern: "[a-z0-9.]+"}}
    hosts: ["one.localhost:%[4]s", "two.localhost:%[4]s"]
apis:
  keyed: {provider: keyed, upstream: "%[3]s", header: X-API-Key, headers: {X-Place: "{region}/{site}"}, allow: [GET /me]}
  legacy: {provider: legacy, upstream: "%[3]s", allow: [GET /me]}
`, redis.URL, op.YAML("acme", "scopes: [openid, email, profile, offline_access]"), at, port)
	bff := testenv.BFF(t, yaml, op.Env(), "HTTP_PROXY="+service.URL, "http_proxy="+service.URL)
	op.Register("acme", bff.Origin)
	s := &shopping{rig: &rig{t: t, bff: bff, c: testenv.NewClient(bff)}}
	s.c.SignIn("acme")

	page := s.c.Leave("/bff/connect/keyed?return_to=/inbox&var.tenant=one")
	for _, want := range []string{`name="api_key"`, `name="var.tenant" value="one"`, `Your tenant&#39;s name`,
		`name="return_to" value="/inbox"`} {
		if page.Status != http.StatusOK || !strings.Contains(string(page.Body), want) {
			t.Errorf("the form lacks %s: %d %s", want, page.Status, page.Body)
		}
	}
	s.refusesTenants(first)
	s.typed("keyed", url.Values{"api_key": {first}, "var.tenant": {"one"}})
	s.typed("keyed", url.Values{"api_key": {second}, "var.tenant": {"TWO"}})
	s.typed("legacy", url.Values{"username": {"robot"}, "password": {first}, "var.tenant": {"one"}})
	s.typed("legacy", url.Values{"username": {"robot"}, "password": {second}, "var.tenant": {"two"}})
	ids := s.tenantConnections(4)
	for _, name := range []string{"keyed one", "keyed two", "legacy one", "legacy two"} {
		provider, tenant, _ := strings.Cut(name, " ")
		got := s.c.Fetch("GET", "/api/"+provider+"/me", "", "BFF-Connection", ids[name])
		seen := ""
		if provider == "keyed" {
			seen = "north/site-of-" + tenant
		}
		if body := got.JSON(t); body["name"] != "Owner of "+tenant || body["seen"] != seen {
			t.Errorf("a call through %s: %d %s", name, got.Status, got.Body)
		}
	}
	keys["two"].Store(newer)
	p := problem(t, s.c.Fetch("GET", "/api/keyed/me", "", "BFF-Connection", ids["keyed two"]), http.StatusForbidden,
		"needs_reauth")
	s.repairsTenant(p["fix"].(map[string]any)["url"].(string), ids["keyed two"], first, newer)
	if again := s.tenantConnections(4); again["keyed two"] != ids["keyed two"] || again["keyed one"] != ids["keyed one"] {
		t.Errorf("after the repair: %v, before: %v", again, ids)
	}
	for _, name := range []string{"keyed one", "keyed two"} {
		if a := s.c.Fetch("GET", "/api/keyed/me", "", "BFF-Connection", ids[name]); a.Status != http.StatusOK {
			t.Errorf("%s after the repair: %d %s", name, a.Status, a.Body)
		}
	}
	for _, secret := range []string{first, second, newer} {
		for where, text := range map[string][]byte{"the store": redis.Dump(), "the log": []byte(bff.Log()),
			"what the browser got": s.c.Received()} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("what was typed is in %s", where)
			}
		}
	}
}

// typed sends the form, and returns where it leads.
func (s *shopping) typed(provider string, fields url.Values) *testenv.Answer {
	s.t.Helper()
	return s.c.Fetch("POST", "/bff/connect/"+provider, fields.Encode(), "Content-Type",
		"application/x-www-form-urlencoded", "Accept", "text/html")
}

// refusesTenants tries variables that lead nowhere: the form comes back with its mistake, and without the key.
func (s *shopping) refusesTenants(key string) {
	s.t.Helper()
	for _, value := range []string{"", "a.b", "../x", "evil.com#", "one@", strings.Repeat("a", 300)} {
		a := s.typed("keyed", url.Values{"api_key": {key}, "var.tenant": {value}, "return_to": {"/inbox"}})
		if a.Status != http.StatusBadRequest || a.Code() != "bad_request" || bytes.Contains(a.Body, []byte(key)) ||
			!bytes.Contains(a.Body, []byte(`aria-describedby="error-0"`)) ||
			!bytes.Contains(a.Body, []byte(`name="return_to" value="/inbox"`)) {
			s.t.Errorf("%q: %d %s %s", value, a.Status, a.Code(), a.Body)
		}
	}
	// Of the pattern, and no host of the provider: nothing of it is in an address before an api is called.
	if a := s.typed("legacy", url.Values{"username": {"a"}, "password": {key}, "var.tenant": {"three"}}); a.Status !=
		http.StatusBadRequest || !bytes.Contains(a.Body, []byte(`aria-invalid="true"`)) {
		s.t.Errorf("a host that is none of the provider's: %d %s", a.Status, a.Body)
	}
	for what, fields := range map[string]url.Values{
		"an unknown variable": {"api_key": {key}, "var.tenant": {"one"}, "var.shop": {"one"}},
		"a repeated variable": {"api_key": {key}, "var.tenant": {"one", "two"}},
	} {
		if a := s.typed("keyed", fields); a.Status != http.StatusBadRequest || bytes.Contains(a.Body, []byte("<form")) {
			s.t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	if a := s.typed("keyed", url.Values{"api_key": {key}, "var.tenant": {"two"}}); !strings.Contains(
		a.Header.Get("Location"), "bff_error=access_denied") {
		s.t.Errorf("the key of one tenant at another: %d %s", a.Status, a.Header.Get("Location"))
	}
}

// repairsTenant types a key for a connection, which nobody is asked the place of again and which moves to no other.
func (s *shopping) repairsTenant(fix, id, others, key string) {
	s.t.Helper()
	page := s.c.Leave(fix)
	if page.Status != http.StatusOK || bytes.Contains(page.Body, []byte("var.tenant")) ||
		!bytes.Contains(page.Body, []byte(`name="connection" value="`+id+`"`)) {
		s.t.Errorf("the form of a repair: %d %s", page.Status, page.Body)
	}
	if a := s.typed("keyed", url.Values{"api_key": {others}, "connection": {id}, "var.tenant": {"one"}}); a.Status !=
		http.StatusBadRequest {
		s.t.Errorf("a repair as another tenant: %d %s", a.Status, a.Header.Get("Location"))
	}
	if a := s.typed("keyed", url.Values{"api_key": {key}, "connection": {id}}); a.Status != http.StatusSeeOther ||
		a.Header.Get("Location") != "/" {
		s.t.Errorf("the repair: %d %s %s", a.Status, a.Header.Get("Location"), a.Body)
	}
}

// tenantConnections are the ids of the typed connections, by provider and tenant.
func (s *shopping) tenantConnections(want int) map[string]string {
	s.t.Helper()
	ids := map[string]string{}
	list, _ := s.c.Fetch("GET", "/bff/connections", "").JSON(s.t)["connections"].([]any)
	for _, one := range list {
		c := one.(map[string]any)
		values, _ := c["values"].(map[string]any)
		if tenant, ok := values["tenant"].(string); ok {
			ids[c["provider"].(string)+" "+tenant] = c["id"].(string)
			if subject := c["account"].(map[string]any)["subject"].(string); !strings.HasSuffix(subject, "@"+tenant) {
				s.t.Errorf("the account at %s is %s", tenant, subject)
			}
		}
	}
	if len(ids) != want {
		s.t.Fatalf("%d accounts, not %d: %v", len(ids), want, list)
	}
	return ids
}
