package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"bff/internal/testenv"
)

// elsewhere are the answers of the description, and the named examples, that this test does not bring about, each with the folder and the name
// of the test that does.
func elsewhere() map[string][2]string {
	people, scripts := [2]string{"internal/api", "TestASignInBeginsAndEndsOnItsFront"},
		[2]string{"internal/api", "TestOnlyAPersonGoesBetweenFronts"}
	return map[string][2]string{
		"GET /bff/front/begin 200":                    {"internal/browser", "TestSingleSignOnOverThreeSites"},
		"GET /bff/front/begin 303":                    people,
		"GET /bff/front/begin 403":                    scripts,
		"GET /bff/front/arrive 403":                   scripts,
		"GET /bff/front/arrive 302":                   people,
		"GET /bff/front/arrive 303":                   people,
		"POST /bff/security-events/{provider} 202":    {"internal/api", "TestSecurityEventsEndSessions"},
		"POST /bff/security-events/{provider} 503":    {"internal/api", "TestSecurityEventsWithoutAStore"},
		"POST /bff/backchannel-logout/{provider} 503": {"internal/api", "TestBackchannelLogoutWithoutAStore"},
		"POST /token 400 invalid_grant":               {"internal/api", "TestTokenExchangeRefreshesAndTellsWhatIsDead"},
	}
}

// What is said to be tested elsewhere is: the test is there.
func TestWhatIsReplayedElsewhereIs(t *testing.T) {
	for what, by := range elsewhere() {
		files, err := filepath.Glob(filepath.Join(testenv.Root(t), by[0], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "\nfunc "+by[1]+"(t *testing.T) {\n")
		}
		if !found {
			t.Errorf("%s: %s has no %s", what, by[0], by[1])
		}
	}
}

// A replay sends what openapi.yaml shows as a request, and holds each answer against what it shows as that.
type replay struct {
	*rig
	plain    *testenv.BFFProcess // one provider, no store, one sign-in a minute
	store    *testenv.RedisServer
	doc      map[string]any
	compiler *jsonschema.Compiler
	seen     map[string]bool // "GET /path 200"
	examples map[string]bool // "POST /path 200 name" of answers, and "POST /path request name", which were seen and sent

	log            string            // the audit log
	changed, asked map[string]string // operations that went well, by request id: those that may change something, and GET
}

func newReplay(t *testing.T) *replay {
	service := testenv.API(t, func(string) (string, string, bool) { return "7", "", true },
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id": 7}`)) })
	store := testenv.Redis(t)
	log := filepath.Join(t.TempDir(), "audit.jsonl")
	r := build(t, parts{
		store: store.URL,
		env: []string{"WORKER_SECRET=worker-secret", "BILLING_SECRET=billing-secret", "OFFICE_SECRET=office-secret",
			"LOYALTY_SECRET=loyalty-secret", "KEY=our-key"},
		provider: []string{"keep: user", "title: Acme\n" +
			"  other: {issuer: 'http://localhost:1', client_id: x, client_secret: env:KEY}\n" +
			"  notes: {auth: api_key, userinfo_url: '" + service.URL + "/me', subject: id}\n" +
			"  weather: {auth: api_key, api_key: env:KEY}\n" +
			"  shops: {authorization_url: 'http://{shop}.localhost:1/a', token_url: 'http://{shop}.localhost:1/t', " +
			"client_id: x, client_secret: env:KEY, hosts: ['*.localhost:1'], sign_in: false, " +
			"variables: {shop: {ask: \"Your shop's name\", pattern: '[a-z]+'}}}"},
		top: []string{
			"  app: {path: /app, identity: app, upstream: '" + service.URL + "', allow: ['/{rest...}']}",
			"  notes: {provider: notes, upstream: '" + service.URL + "', allow: [GET /me]}",
			"clients:",
			"  billing: {secret: env:BILLING_SECRET, exchange: [acme, app]}",
			"  worker: {secret: env:WORKER_SECRET, offline: [acme]}",
			"  office: {secret: env:OFFICE_SECRET, manage: true}",
			"  loyalty: {secret: env:LOYALTY_SECRET, data: true}",
			"log: {audit: 'file:" + log + "'}",
		},
	})
	p := &replay{rig: r, store: store, seen: map[string]bool{}, examples: map[string]bool{}, compiler: jsonschema.NewCompiler(),
		log: log, changed: map[string]string{}, asked: map[string]string{}}
	p.plain = testenv.BFF(t, "session: {store: 'memory:', keys: [env:BFF_KEY]}\nlimits: {login_per_minute: 1}\nproviders:\n"+
		"  acme: {issuer: '"+r.op.Issuer+"', client_id: bff, client_secret: env:OP_SECRET}\n", r.op.Env())
	p.read()
	return p
}

// read takes the description from the running product, and closes its schemas: an answer may hold nothing that they do
// not name.
func (p *replay) read() {
	p.t.Helper()
	resp, err := (&http.Client{}).Get(p.bff.Admin + "/openapi.json")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		p.doc = v.(map[string]any)
		closed(p.doc)
		err = p.compiler.AddResource("http://bff/openapi.json", p.doc)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func closed(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, below := range v {
			closed(below)
		}
	case []any:
		for _, below := range v {
			closed(below)
		}
	}
}

// dig walks into the description, through references.
func (p *replay) dig(v any, way ...string) any {
	for _, step := range way {
		o, _ := v.(map[string]any)
		v = p.followed(o[step])
	}
	return v
}

func (p *replay) followed(v any) any {
	o, _ := v.(map[string]any)
	if ref, ok := o["$ref"].(string); ok {
		return p.dig(p.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return v
}

// body is the request's example: the named one, or the only one.
func (p *replay) body(operation, name string) (kind, text string) {
	p.t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	content, _ := p.dig(p.doc, "paths", path, strings.ToLower(method), "requestBody", "content").(map[string]any)
	for kind, media := range content {
		all := p.examplesAt(media)
		if name == "" && len(all) > 1 {
			p.t.Fatalf("%s has several examples: %v", operation, slices.Collect(maps.Keys(all)))
		}
		for is, v := range all {
			if name != "" && is != name {
				continue
			}
			p.examples[operation+" request "+is] = true
			p.fits(operation+" request "+is, v, "paths", path, strings.ToLower(method), "requestBody", "content", kind, "schema")
			if s, ok := v.(string); ok {
				return kind, s
			}
			if o, ok := v.(map[string]any); ok && kind == "application/x-www-form-urlencoded" {
				form := url.Values{}
				for k, v := range o {
					form.Set(k, fmt.Sprint(v))
				}
				return kind, form.Encode()
			}
			b, err := json.Marshal(v)
			if err != nil {
				p.t.Fatal(err)
			}
			return kind, string(b)
		}
	}
	return "", ""
}

// fits holds a value against the schema at a place of the description.
func (p *replay) fits(what string, v any, way ...string) {
	p.t.Helper()
	if p.dig(p.doc, way...) == nil {
		p.t.Errorf("%s: the description has no schema", what)
		return
	}
	for i, step := range way {
		way[i] = url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	schema, err := p.compiler.Compile("http://bff/openapi.json#/" + strings.Join(way, "/"))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		text, _ := json.Marshal(v)
		p.t.Errorf("%s: %v\n%s", what, err, text)
	}
}

// is holds an answer against the description: its status is there, its content type, its shape, and so is an example
// of it, which fits the same schema and, of a problem, has the same code.
func (p *replay) is(operation string, status int, a *testenv.Answer) {
	p.t.Helper()
	what := fmt.Sprintf("%s %d", operation, status)
	if a.Status != status {
		p.t.Errorf("%s: the answer is %d %s %.300s", what, a.Status, a.Code(), a.Body)
		return
	}
	p.seen[what] = true
	method, path, _ := strings.Cut(operation, " ")
	if id := a.Header.Get("BFF-Request-Id"); id != "" && status/100 == 2 {
		if method == http.MethodGet {
			p.asked[id] = operation
		} else if !strings.Contains(string(a.Body), `{"active":false}`) {
			p.changed[id] = operation
		}
	}
	way := []string{"paths", path, strings.ToLower(method), "responses", fmt.Sprint(status)}
	response, _ := p.dig(p.doc, way...).(map[string]any)
	if response == nil {
		p.t.Errorf("%s is not described", what)
		return
	}
	content, _ := response["content"].(map[string]any)
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if len(content) == 0 {
		if kind != "" && len(a.Body) > 0 && (status < 300 || status > 399) {
			p.t.Errorf("%s: a body of %s is not described: %.300s", what, kind, a.Body)
		}
		return
	}
	media, ok := content[kind]
	if !ok {
		p.t.Errorf("%s: the answer is %s, described is %v: %.300s", what, kind, slices.Collect(maps.Keys(content)), a.Body)
		return
	}
	if !strings.HasSuffix(kind, "json") { // the name of an event, or one word
		for name, example := range p.examplesAt(media) {
			first, _, _ := strings.Cut(fmt.Sprint(example), "\n")
			p.examples[what+" "+name] = strings.HasPrefix(string(a.Body), first)
		}
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	if err != nil {
		p.t.Errorf("%s: %v", what, err)
		return
	}
	examples := p.examplesAt(media)
	if len(examples) == 0 {
		p.t.Errorf("%s has no example; the answer is\n%s", what, a.Body)
	}
	way = append(way, "content", kind, "schema")
	p.fits(what+", the answer", v, slices.Clone(way)...)
	same := false
	for name, example := range examples {
		p.fits(what+", the example "+name, example, slices.Clone(way)...)
		if likeness(example) == likeness(v) {
			same, p.examples[what+" "+name] = true, true
		}
	}
	if !same && len(examples) > 0 {
		p.t.Errorf("%s: no example is like the answer, which is %s", what, a.Body)
	}
}

// A way to ask: by whom, and what differs from the example.
type way struct {
	id, connection string // of the path
	query          string
	example        string   // of the request's body
	body           string   // in place of it
	headers        []string // pairs
	navigate       bool     // as a person's click
	client         string   // of the admin listener
}

// path fills in the path's parameters.
func (w way) path(path string) string {
	provider := w.id
	if provider == "" {
		provider = "acme"
	}
	path = strings.NewReplacer("{provider}", provider, "{id}", w.id, "{connection}", w.connection, "{file}", w.id).Replace(path)
	if w.query != "" {
		path += "?" + w.query
	}
	return path
}

// browser asks as a page, or a person, of this browser.
func (p *replay) browser(c *testenv.Client, operation string, status int, w way) *testenv.Answer {
	p.t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	kind, body := p.body(operation, w.example)
	if w.body != "" {
		body = w.body
	}
	headers := w.headers
	if kind != "" {
		headers = append([]string{"Content-Type", kind}, headers...)
	}
	if w.navigate { // a problem comes as JSON, since no page is asked for
		headers = append([]string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"}, headers...)
	}
	a := c.Fetch(method, w.path(path), body, headers...)
	p.is(operation, status, a)
	return a
}

// service asks the admin listener as a client.
func (p *replay) service(operation string, status int, w way) *testenv.Answer {
	p.t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	kind, body := p.body(operation, w.example)
	if w.body != "" {
		body = w.body
	}
	r, err := http.NewRequest(method, p.bff.Admin+w.path(path), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if w.client != "" {
		r.SetBasicAuth(w.client, w.client+"-secret")
	}
	for i := 0; i+1 < len(w.headers); i += 2 {
		r.Header.Set(w.headers[i], w.headers[i+1])
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := testenv.ReadAnswer(p.t, resp)
	p.is(operation, status, a)
	return a
}

// person is a browser in which Ada is signed in.
func (p *replay) person() *testenv.Client {
	p.t.Helper()
	c := testenv.NewClient(p.bff)
	c.SignIn("acme")
	return c
}

// audited holds the audit log against what openapi.yaml says there is: each request that changed something has written
// a line, and none that read has.
func (p *replay) audited() {
	p.t.Helper()
	if len(p.changed) < 15 || len(p.asked) < 15 {
		p.t.Errorf("only %d requests changed something, %d read", len(p.changed), len(p.asked))
	}
	for id, operation := range p.changed {
		testenv.Eventually(p.t, operation+" is in the audit log", func() bool {
			text, err := os.ReadFile(p.log)
			return err == nil && strings.Contains(string(text), `"request":"`+id+`"`)
		})
	}
	text, _ := os.ReadFile(p.log)
	for id, operation := range p.asked {
		if strings.Contains(string(text), id) {
			p.t.Errorf("%s is in the audit log, as if it had changed something", operation)
		}
	}
}

// stream opens a stream, and returns what reads its first line that begins so.
func (p *replay) stream(c *testenv.Client, operation string) (line func(begin string)) {
	p.t.Helper()
	_, path, _ := strings.Cut(operation, " ")
	resp, err := c.Do(c.Request("GET", path, ""))
	if err != nil {
		p.t.Fatal(err)
	}
	return func(begin string) {
		p.t.Helper()
		defer resp.Body.Close()
		defer time.AfterFunc(30*time.Second, func() { _ = resp.Body.Close() }).Stop()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), begin) {
				p.is(operation, http.StatusOK, &testenv.Answer{Status: resp.StatusCode, Header: resp.Header, Body: lines.Bytes()})
				return
			}
		}
		p.t.Errorf("%s: no line begins with %q", operation, begin)
	}
}
