package probe_test

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"bff/internal/oauth/providers"
	"bff/internal/probe"
)

// Why discovery failed is said: the connection, TLS, a redirect and where it leads, the status, another issuer and which.
func TestWhyDiscoveryFailedIsSaid(t *testing.T) {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/moved/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://id.acme.example/x?token=secret#f", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/teapot/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	})
	mux.HandleFunc("/other/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"https://other.example/a"}`))
	})
	mux.HandleFunc("/hostile/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"https://other.example/\u001b[31m"}`))
	})
	mux.HandleFunc("/page/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>"))
	})
	overTLS := httptest.NewTLSServer(mux)
	t.Cleanup(overTLS.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for issuer, want := range map[string]string{
		srv.URL + "/moved":                             "it redirects (301), and bff follows no redirect: write the address at which the document itself is: it leads to https://id.acme.example/x",
		srv.URL + "/teapot":                            "it answers 418 instead of 200",
		srv.URL + "/other":                             "the document is another issuer's, `https://other.example/a`; write `issuer:`",
		srv.URL + "/hostile":                           "the document is another issuer's; write `issuer:`",
		srv.URL + "/page":                              "the answer is not the JSON that it should be",
		overTLS.URL + "/other":                         "its certificate is of an authority that this machine does not know",
		strings.Replace(srv.URL, "http:", "https:", 1): "it does not speak TLS",
		"http://" + closed.Addr().String():             "nobody answers there (the connection is refused)",
		"http://nobody.invalid":                        "nobody answers there (its name ",
	} {
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		found := probe.Provider(t.Context(), client, providers.Config{Name: "acme", Issuer: issuer})
		if len(found) == 0 || found[0].Outcome != "failed" || !strings.Contains(found[0].Text, want) {
			t.Errorf("%s: %+v; want %q", issuer, found, want)
		}
		for _, f := range found {
			if strings.Contains(f.Text, "secret") || strings.Contains(f.Text, "\x1b") {
				t.Errorf("%s: %q repeats what it must not", issuer, f.Text)
			}
		}
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if f := probe.Port(t.Context(), "listen", l.Addr().String()); f.Outcome != "warning" || !strings.Contains(f.Text, "is taken") {
		t.Errorf("%+v", f)
	}
	if f := probe.Port(t.Context(), "listen", "127.0.0.1:0"); f.Outcome != "ok" {
		t.Errorf("%+v", f)
	}
	if f := probe.Port(t.Context(), "listen", "203.0.113.1:8080"); f.Outcome != "failed" {
		t.Errorf("%+v", f)
	}
}

// Microsoft's documents for several tenants name none of them, or that of the tenant behind a domain; the address has
// what the operator wrote, or the file's default.
func TestAnIssuerOfEachTenantIsComparedByItsForm(t *testing.T) {
	for name, row := range map[string]struct{ tenant, says, want string }{
		"any tenant":               {"", "{tenantid}", "ok"},
		"a tenant by its domain":   {"contoso.com", "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab", "ok"},
		"another path":             {"", "x/y", "failed"},
		"another place in it":      {"", "{tid}", "failed"},
		"an issuer without tenant": {"", "", "failed"},
	} {
		var mu sync.Mutex
		var asked []string
		mux := http.NewServeMux()
		srv := httptest.NewServer(mux)
		t.Cleanup(srv.Close)
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, r.URL.Path)
			mu.Unlock()
			if strings.HasSuffix(r.URL.Path, "/keys") {
				_, _ = io.WriteString(w, `{"keys": []}`)
				return
			}
			_, _ = io.WriteString(w, `{"issuer": "`+srv.URL+"/"+row.says+`/v2.0"}`)
		})
		p, _ := providers.Builtin("microsoft")
		if row.tenant != "" {
			p = providers.Override(p, providers.Config{Values: providers.Values{
				Variables: map[string]providers.Variable{"tenant": {Value: row.tenant}}}})
		}
		for _, a := range append(p.Addresses(), &p.Issuers[0]) {
			*a = strings.Replace(*a, "https://login.microsoftonline.com", srv.URL, 1)
			*a = strings.Replace(*a, "https://graph.microsoft.com", srv.URL, 1)
		}
		found := probe.Provider(t.Context(), srv.Client(), p)
		if len(found) == 0 || found[0].What != "discovery" || found[0].Outcome != row.want {
			t.Errorf("%s: %+v", name, found)
		}
		tenant := cmp.Or(row.tenant, "common")
		if want := "/" + tenant + "/v2.0/.well-known/openid-configuration"; asked[0] != want {
			t.Errorf("%s: asked for %s, not %s", name, asked[0], want)
		}
		for _, f := range found {
			if strings.Contains(f.Text, "{tenant}") || f.Outcome == "skipped" {
				t.Errorf("%s: %+v is not looked at", name, f)
			}
		}
	}
}

// What to look at is said once, though five endpoints do not answer.
func TestTheAdviceIsSaidOnce(t *testing.T) {
	const look = "is the address right, and can this machine reach it (HTTPS_PROXY is honoured)?"
	got := probe.Summary("provider acme", []probe.Finding{
		{Outcome: "failed", What: "token endpoint", Text: "id.acme.example: nobody answers there; " + look},
		{Outcome: "failed", What: "keys", Text: "nobody answers there; " + look},
		{Outcome: "failed", What: "discovery", Text: "404"},
	})
	want := "token endpoint: id.acme.example: nobody answers there; keys: nobody answers there; discovery: 404; " + look
	if got.Text != want || got.Outcome != "failed" {
		t.Errorf("%s %q, want %q", got.Outcome, got.Text, want)
	}
}
