package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Every answer that openapi.yaml describes is brought about at the built binary by the request that it shows, and is
// what it shows: status, content type, shape, code.
func TestEveryExampleOfTheDescription(t *testing.T) {
	p := newReplay(t)
	p.c.SignIn("acme")
	p.pages()
	p.signIns()
	p.linking()
	p.ownThings()
	p.ofProviders()
	p.services()
	p.managing()
	p.data()
	p.ends()
	p.audited()
	p.withoutTheStore()
	all := p.dig(p.doc, "paths").(map[string]any)
	for path, item := range all {
		for method, operation := range item.(map[string]any) {
			p.everyExample(strings.ToUpper(method)+" "+path, operation)
			responses, _ := p.dig(operation, "responses").(map[string]any)
			for status := range responses {
				what := strings.ToUpper(method) + " " + path + " " + status
				if by, ok := elsewhere()[what]; p.seen[what] == ok {
					t.Errorf("%s: brought about %v, and said to be elsewhere %v %q", what, p.seen[what], ok, by)
				}
			}
		}
	}
}

var (
	crossSite = []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"} // so near that the cookie comes along
	nobody    = way{}
)

// refusals are what every route for a person who is signed in answers to nobody and, where it changes something, to
// another site.
func (p *replay) refusals(w way, operations ...string) {
	p.t.Helper()
	for _, o := range operations {
		p.browser(testenv.NewClient(p.bff), o, 401, w)
		if !strings.HasPrefix(o, "GET ") {
			w.headers = crossSite
			p.browser(p.c, o, 403, w)
			w.headers = nil
		}
	}
}

func (p *replay) pages() {
	p.t.Helper()
	stranger := testenv.NewClient(p.bff)
	p.browser(stranger, "GET /bff/session", 200, nobody)
	p.browser(p.c, "GET /bff/session", 200, nobody)
	cookie := p.c.Session()
	p.is("GET /bff/session", 400, raw(p.t.(*testing.T), p.rig, "GET", "/bff/session", "Cookie", "bff="+cookie+"; bff="+cookie,
		"Sec-Fetch-Site", "same-origin"))
	for _, o := range []string{"GET /bff/client.js", "GET /bff/jwks.json", "GET /bff/account"} {
		p.browser(stranger, o, 200, nobody)
	}
	p.browser(stranger, "GET /bff/account/{file}", 200, way{id: "account.js"})
	p.browser(stranger, "GET /bff/account/{file}", 404, way{id: "nothing.js"})
	p.browser(stranger, "GET /bff/continue", 200, way{query: "to=/inbox", navigate: true})
}

func (p *replay) signIns() {
	p.t.Helper()
	stranger, plain := testenv.NewClient(p.bff), testenv.NewClient(p.plain)
	p.browser(stranger, "GET /bff/login", 200, way{navigate: true})
	p.browser(stranger, "GET /bff/login/{provider}", 302, way{query: "return_to=/inbox", navigate: true})
	p.browser(stranger, "GET /bff/login/{provider}", 403, nobody)
	p.browser(stranger, "GET /bff/login/{provider}", 404, way{id: "nobody", navigate: true})
	p.browser(plain, "GET /bff/login", 302, way{navigate: true})
	for range 10 {
		plain.Leave("/bff/login/acme")
	}
	p.browser(plain, "GET /bff/login/{provider}", 429, way{navigate: true})
	for _, o := range []string{"GET /bff/callback/{provider}", "POST /bff/callback/{provider}"} {
		p.browser(stranger, o, 303, way{query: "code=x&state=x", headers: crossSite})
		p.browser(stranger, o, 404, way{id: "nobody", query: "code=x&state=x"})
	}
	for _, o := range []string{"GET /bff/front/begin", "GET /bff/front/arrive"} {
		p.browser(stranger, o, 404, way{navigate: true})
	}
}

func (p *replay) linking() {
	p.t.Helper()
	const get, post = "GET /bff/connect/{provider}", "POST /bff/connect/{provider}"
	p.browser(p.c, get, 200, way{id: "notes", navigate: true})
	p.browser(p.c, get, 302, way{query: "return_to=/inbox", navigate: true})
	p.browser(p.c, get, 400, way{id: "shops", query: "var.shop=No+shop", navigate: true})
	p.browser(p.c, get, 400, way{query: "scopes=a&scopes=b", navigate: true})
	p.browser(testenv.NewClient(p.bff), get, 401, way{})
	p.browser(p.c, get, 403, way{headers: crossSite})
	p.browser(p.c, get, 404, way{id: "nobody", navigate: true})
	p.browser(p.c, post, 303, way{id: "notes"})
	p.refusals(way{id: "notes"}, post)
	p.browser(p.c, post, 404, way{id: "nobody"})
}

// ownThings are the connections, sessions and preferences of the person.
func (p *replay) ownThings() {
	p.t.Helper()
	for _, o := range []string{"GET /bff/connections", "GET /bff/sessions", "GET /bff/preferences", "GET /bff/account/export"} {
		p.browser(p.c, o, 200, nobody)
		p.refusals(nobody, o)
	}
	line := p.stream(p.c, "GET /bff/events")
	p.refusals(nobody, "GET /bff/events")
	const patch = "PATCH /bff/preferences"
	p.browser(p.c, patch, 200, nobody)
	p.browser(p.c, patch, 400, way{body: "[]"})
	p.browser(p.c, patch, 412, way{headers: []string{"If-Match", `"another"`}})
	p.browser(p.c, patch, 413, way{body: `{"x": "` + strings.Repeat("x", 20<<10) + `"}`})
	p.refusals(nobody, patch)
	for _, o := range []string{"DELETE /bff/connections/{id}", "DELETE /bff/sessions/{id}"} {
		p.browser(p.c, o, 404, way{id: "c_nobody"})
		p.refusals(way{id: "c_nobody"}, o)
	}
	for _, one := range p.c.Fetch("GET", "/bff/connections", "").JSON(p.t)["connections"].([]any) {
		if o := one.(map[string]any); o["provider"] == "notes" {
			p.browser(p.c, "DELETE /bff/connections/{id}", 204, way{id: o["id"].(string)})
		}
	}
	line("event: connection.changed")
	other := p.person()
	session := other.Fetch("GET", "/bff/session", "").JSON(p.t)["session"].(map[string]any)["id"].(string)
	p.browser(p.c, "DELETE /bff/sessions/{id}", 204, way{id: session})
	p.person()
	p.browser(p.c, "DELETE /bff/sessions", 204, nobody)
	p.refusals(nobody, "DELETE /bff/sessions")
	p.refusals(nobody, "DELETE /bff/account")
	p.browser(testenv.NewClient(p.bff), "POST /bff/logout", 403, way{headers: crossSite})
}

// ofProviders are the orders of a provider.
func (p *replay) ofProviders() {
	p.t.Helper()
	stranger := testenv.NewClient(p.bff)
	const backchannel, events = "POST /bff/backchannel-logout/{provider}", "POST /bff/security-events/{provider}"
	p.browser(stranger, backchannel, 400, nobody)
	p.browser(stranger, backchannel, 404, way{id: "nobody"})
	p.browser(stranger, events, 400, nobody)
	p.browser(stranger, events, 404, way{id: "nobody"})
	p.person()
	for _, status := range p.op.Logout("ada") {
		p.is(backchannel, 200, &testenv.Answer{Status: status, Header: http.Header{}})
	}
	p.c = p.person()
}

func (p *replay) services() {
	p.t.Helper()
	for _, o := range []string{"GET /healthz", "GET /readyz", "GET /metrics", "GET /jwks.json", "GET /openapi.json"} {
		p.service(o, 200, nobody)
	}
	user := p.c.Fetch("GET", "/bff/session", "").JSON(p.t)["user"].(map[string]any)["id"].(string)
	_, example := p.body("POST /introspect", "session")
	asked := strings.Replace(example, url.QueryEscape("the value of the session cookie"), p.c.Session(), 1)
	p.service("POST /introspect", 200, way{example: "session", body: asked, client: "billing"})
	p.service("POST /introspect", 200, way{example: "session", client: "billing"})
	p.service("POST /introspect", 400, way{example: "session", body: "x=y", client: "billing"})
	p.service("POST /introspect", 401, way{example: "session"})
	for name, client := range map[string]string{"session": "billing", "assertion": "billing", "user": "worker"} {
		_, body := p.body("POST /token", name)
		body = strings.NewReplacer(url.QueryEscape("the value of the session cookie"), p.c.Session(),
			url.QueryEscape("u_k2Jx0dTq9hQ1aYzWb5sE"), user).Replace(body)
		p.service("POST /token", 200, way{example: name, body: body, client: client})
	}
	p.service("POST /token", 400, way{example: "session", client: "billing"})
	p.service("POST /token", 400, way{example: "session", body: "x=y", client: "billing"})
	p.service("POST /token", 401, way{example: "session"})
	mine := []string{"Cookie", "bff=" + p.c.Session()}
	person := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "X-Forwarded-Uri", "/inbox"}
	p.service("GET /verify", 204, way{headers: mine})
	p.service("GET /verify", 302, way{query: "redirect=1", headers: person})
	p.service("GET /verify", 400, way{query: "requires=staff", headers: mine})
	p.service("GET /verify", 401, way{})
	p.service("GET /verify", 403, way{query: "require=staff", headers: mine})
	p.service("GET /verify", 403, way{headers: append(slices.Clone(mine), "X-Forwarded-Method", "POST", "Sec-Fetch-Site", "cross-site")})
}

// managing is what a client with `manage` may.
func (p *replay) managing() {
	p.t.Helper()
	s := p.c.Fetch("GET", "/bff/session", "").JSON(p.t)
	user := s["user"].(map[string]any)["id"].(string)
	kept := s["connections"].([]any)[0].(map[string]any)["id"].(string)
	ids := way{id: user, connection: kept, client: "office"}
	for _, o := range []string{"GET /users", "GET /users/{id}", "PATCH /users/{id}", "GET /users/{id}/sessions",
		"DELETE /users/{id}/sessions", "GET /users/{id}/connections", "DELETE /users/{id}/connections/{connection}",
		"DELETE /users/{id}", "DELETE /sessions/{id}", "GET /explain/{id}"} {
		w := ids
		if w.client = ""; true {
			p.service(o, 401, w)
		}
		w.client = "billing"
		p.service(o, 403, w)
		if o != "GET /users" {
			p.service(o, 404, way{id: "u_nobody", connection: "c_nobody", client: "office"})
		}
	}
	p.service("PATCH /users/{id}", 400, way{id: user, body: `{"rights": "admin"}`, client: "office"})
	p.service("GET /users", 400, way{query: "limit=1000", client: "office"})
	for _, o := range []string{"GET /users", "GET /users/{id}", "PATCH /users/{id}", "GET /users/{id}/sessions",
		"GET /users/{id}/connections"} {
		p.service(o, 200, ids)
	}
	testenv.Eventually(p.t, "something is known of the user", func() bool {
		r, _ := http.NewRequest("GET", p.bff.Admin+"/explain/"+user, nil)
		r.SetBasicAuth("office", "office-secret")
		resp, err := (&http.Client{}).Do(r)
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	p.service("GET /explain/{id}", 200, ids)
}

// data is what a client keeps beside sessions and users.
func (p *replay) data() {
	p.t.Helper()
	s := p.c.Fetch("GET", "/bff/session", "").JSON(p.t)
	for of, id := range map[string]any{"/sessions/{id}/data": s["session"].(map[string]any)["id"], "/users/{id}/data": s["user"].(map[string]any)["id"]} {
		w := way{id: fmt.Sprint(id), client: "loyalty"}
		p.service("PATCH "+of, 200, w)
		p.service("GET "+of, 200, w)
		for _, o := range []string{"GET " + of, "PATCH " + of} {
			p.service(o, 401, way{id: w.id})
			p.service(o, 403, way{id: w.id, client: "billing"})
			p.service(o, 404, way{id: "u_nobody", client: "loyalty"})
		}
		p.service("PATCH "+of, 400, way{id: w.id, client: "loyalty", body: "[]"})
		p.service("PATCH "+of, 412, way{id: w.id, client: "loyalty", headers: []string{"If-Match", `"another"`}})
		p.service("PATCH "+of, 413, way{id: w.id, client: "loyalty", body: `{"x": "` + strings.Repeat("x", 20<<10) + `"}`})
	}
}

// ends are the ends of sessions, connections and users.
func (p *replay) ends() {
	p.t.Helper()
	ids := func(c *testenv.Client) (user, session, connection string) {
		s := c.Fetch("GET", "/bff/session", "").JSON(p.t)
		return s["user"].(map[string]any)["id"].(string), s["session"].(map[string]any)["id"].(string),
			s["connections"].([]any)[0].(map[string]any)["id"].(string)
	}
	c := p.person()
	user, session, connection := ids(c)
	p.service("DELETE /users/{id}/connections/{connection}", 204, way{id: user, connection: connection, client: "office"})
	p.service("DELETE /sessions/{id}", 204, way{id: session, client: "office"})
	p.service("DELETE /users/{id}/sessions", 204, way{id: user, client: "office"})
	p.service("DELETE /users/{id}", 200, way{id: user, client: "office"})
	c = p.person()
	p.browser(c, "POST /bff/logout", 200, nobody)
	c = p.person()
	p.browser(c, "DELETE /bff/account", 204, nobody)
	p.c = p.person()
}

func (p *replay) withoutTheStore() {
	p.t.Helper()
	asked := "token=" + p.c.Session()
	p.store.Stop()
	testenv.Eventually(p.t, "an instance that has seen the store go", func() bool {
		return p.c.Fetch("GET", "/bff/session", "").Status == 503 // what it has read answers until then
	})
	p.browser(p.c, "GET /bff/session", 503, nobody)
	p.browser(p.c, "POST /bff/logout", 503, nobody)
	p.service("GET /readyz", 503, nobody)
	p.service("GET /verify", 503, way{headers: []string{"Cookie", "bff=" + p.c.Session()}})
	p.service("POST /introspect", 503, way{example: "session", body: asked, client: "billing"})
	_, body := p.body("POST /token", "session")
	body = strings.Replace(body, url.QueryEscape("the value of the session cookie"), p.c.Session(), 1)
	p.service("POST /token", 503, way{example: "session", body: body, client: "billing"})
}
