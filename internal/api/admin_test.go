package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/api"
	"bff/internal/secret"
	"bff/internal/testenv"
)

const billingSecret = "billing secret+with%signs"

func withServices(s *settings) {
	s.api = func(c *api.Config) {
		c.Clients = []api.Client{
			{Name: "billing", Secret: secret.New(billingSecret), Exchange: []string{"demo"}},
			{Name: "search & rescue", Secret: secret.New("rescue-secret")},
			{Name: "limited", Secret: secret.New("limited-secret"), Exchange: []string{"google"}},
			{Name: "nobody"}, // without a secret: it can never authenticate
		}
	}
}

// ask sends a request to the admin listener.
func ask(t testing.TB, w *world, method, path, body string, edits ...edit) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, w.admin.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range edits {
		f(r)
	}
	resp, err := w.admin.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func basic(name, secret string) edit {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(name), url.QueryEscape(secret)) }
}

// post sends a form as billing; pairs are names and values.
func post(t testing.TB, w *world, path string, pairs ...string) *http.Response {
	t.Helper()
	return ask(
		t,
		w,
		"POST",
		path,
		form(pairs...),
		header("Content-Type", "application/x-www-form-urlencoded"),
		basic("billing", billingSecret),
	)
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// says asserts an error answer of RFC 6749 section 5.2, which is never cached.
func says(t testing.TB, resp *http.Response, status int, code string) map[string]any {
	t.Helper()
	m := object(t, resp)
	if resp.StatusCode != status || m["error"] != code || resp.Header.Get("Cache-Control") != "no-store" ||
		resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v %v, want %d %s", resp.StatusCode, m, resp.Header, status, code)
	}
	return m
}

func TestHealthAndReadiness(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, func(s *settings) { s.store = store.URL })
	status := func(path string) int { return ask(t, w, "GET", path, "").StatusCode }
	if status("/healthz") != 200 || status("/readyz") != 200 {
		t.Fatal("not ready at the start")
	}
	store.Stop()
	testenv.Eventually(t, "not ready without a store", func() bool { return status("/readyz") == 503 })
	if status("/healthz") != 200 {
		t.Error("a store that is down is no reason to kill the process")
	}
	store.Start()
	testenv.Eventually(t, "ready again by itself", func() bool { return status("/readyz") == 200 })
	store.Pause()
	hung := status("/readyz")
	store.Resume()
	if hung != 503 {
		t.Errorf("a store that hangs: %d", hung)
	}
	testenv.Eventually(t, "ready again by itself", func() bool { return status("/readyz") == 200 })
	w.server.Drain()
	if status("/readyz") != 503 || status("/healthz") != 200 {
		t.Error("draining: not ready, but alive")
	}
	if status("/metrics") != 200 {
		t.Error("draining: no metrics")
	}
}

func TestTheAdminListenerRefuses(t *testing.T) {
	w := newWorld(t, withServices)
	refused(t, ask(t, w, "GET", "/", ""), 404, "not_found")
	refused(t, ask(t, w, "GET", "/bff/session", ""), 404, "not_found")
	refused(t, ask(t, w, "GET", "/debug/pprof/", ""), 404, "not_found") // attack class 14
	refused(t, ask(t, w, "GET", "/healthz/x", ""), 404, "not_found")
	refused(t, ask(t, w, "POST", "/healthz", ""), 405, "method_not_allowed")
	refused(t, ask(t, w, "GET", "/token", ""), 405, "method_not_allowed")
	if resp := ask(t, w, "GET", "/introspect", ""); resp.Header.Get("Allow") != "POST" {
		t.Errorf("Allow %q", resp.Header.Get("Allow"))
	}
	for _, path := range []string{"/metrics", "/readyz"} {
		for _, site := range []string{"same-origin", "same-site", "cross-site", "", "None"} {
			refused(t, ask(t, w, "GET", path, "", header("Sec-Fetch-Site", site)), 403, "csrf_rejected")
		}
		if resp := ask(t, w, "GET", path, "", header("Sec-Fetch-Site", "none")); resp.StatusCode != http.StatusOK {
			t.Errorf("a person who types %s: %d", path, resp.StatusCode)
		}
	}
	// Attack class 7: no request skips authentication.
	for _, f := range []edit{header("User-Agent", "kube-probe/1.30"), header("Authorization", "Bearer x"), header("X-Forwarded-For", "127.0.0.1"),
		header("Content-Length", "0")} {
		says(
			t,
			ask(t, w, "POST", "/introspect", "", header("Content-Type", "application/x-www-form-urlencoded"), f),
			401,
			"invalid_client",
		)
	}
	refused(t, w.browser().fetch("POST", "/introspect", ""), 404, "not_found") // not on the browsers' listener
	refused(t, w.browser().fetch("GET", "/metrics", ""), 404, "not_found")
}

func TestFormsAreReadStrictly(t *testing.T) {
	w := newWorld(t, withServices)
	const kind = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		path, body, kind string
		status           int
	}{
		"no content type":               {"/introspect", "token=x", "", 400},
		"JSON":                          {"/introspect", `{"token":"x"}`, "application/json", 400},
		"multipart":                     {"/introspect", "token=x", "multipart/form-data; boundary=x", 400},
		"a parameter twice":             {"/introspect", "token=x&token=y", kind, 400},
		"a parameter twice, once empty": {"/introspect", "token=x&token=", kind, 400},
		"a parameter in the address":    {"/introspect?token=y", "token=x", kind, 400},
		"a broken escape":               {"/introspect", "token=%zz", kind, 400},
		"a semicolon":                   {"/introspect", "token=x;y=1", kind, 400},
		"nothing":                       {"/introspect", "", kind, 400},
		"an empty token":                {"/introspect", "token=", kind, 400},
		"too large":                     {"/introspect", "token=" + strings.Repeat("x", 65<<10), kind, 413},
	} {
		t.Run(name, func(t *testing.T) {
			resp := ask(t, w, "POST", c.path, c.body, header("Content-Type", c.kind), basic("billing", billingSecret))
			says(t, resp, c.status, "invalid_request")
		})
	}
}

// canSee fails when any of the secrets is in what was answered or logged.
func canSee(t *testing.T, w *world, answers []string, secrets ...string) {
	t.Helper()
	all := strings.Join(answers, "\n") + w.log.String()
	for _, s := range secrets {
		if s != "" && (strings.Contains(all, s) || strings.Contains(all, url.QueryEscape(s))) {
			t.Errorf("a secret of %d bytes leaked", len(s))
		}
	}
}

func encoded(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
