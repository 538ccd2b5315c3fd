package api_test

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// The origins of the tests of several fronts: three sites.
const (
	first = "http://app.test"
	shop  = "http://shop.example"
	help  = "http://help.invalid"
)

// newFronts is a world of three fronts.
func newFronts(t testing.TB, sso bool, change ...func(*settings)) *world {
	t.Helper()
	return newWorld(t, append([]func(*settings){func(s *settings) {
		s.origin = first
		s.api = func(c *api.Config) {
			c.SSO = sso
			c.Fronts = []api.Front{{Origin: shop, Cookie: "bff"}, {Origin: help, Cookie: "bff"}}
			c.Clients = []api.Client{{Name: "billing", Secret: secret.New(billingSecret), Exchange: []string{"demo", "app"}, Manage: true, Data: true}}
		}
	}}, change...)...)
}

// A visitor browses several sites with one browser: cookies by host, Strict ones kept at home, redirects followed, and
// pages that load themselves again.
type visitor struct {
	w     *world
	name  string // at the provider
	jar   http.CookieJar
	c     *http.Client
	trail []string // the addresses of the last walk
	asked int      // how often the provider was seen
}

func (w *world) visitor(name string) *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	dialer := &net.Dialer{}
	wire := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, w.front.Listener.Addr().String())
	}}
	w.t.Cleanup(wire.CloseIdleConnections)
	return &visitor{w: w, name: name, jar: jar, c: &http.Client{Transport: wire, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func parsed(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// send sends one request with the browser's cookies: of a request from another site, not the session's.
func (p *visitor) send(method, address, body, site string, edits ...edit) *http.Response {
	p.w.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		p.w.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", site)
	for _, c := range p.jar.Cookies(r.URL) {
		if site != "cross-site" || c.Name != "bff" {
			r.AddCookie(c)
		}
	}
	for _, f := range edits {
		f(r)
	}
	resp, err := p.c.Do(r)
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.w.t.Cleanup(func() { _ = resp.Body.Close() })
	p.jar.SetCookies(r.URL, resp.Cookies())
	return resp
}

// visit is one navigation.
func (p *visitor) visit(address, site string, edits ...edit) *http.Response {
	p.w.t.Helper()
	return p.send("GET", address, "", site, append([]edit{header("Sec-Fetch-Mode", "navigate"),
		header("Sec-Fetch-Dest", "document"), header("Accept", "text/html")}, edits...)...)
}

// fetch is a script of the front's own page.
func (p *visitor) fetch(method, address, body string, edits ...edit) *http.Response {
	p.w.t.Helper()
	return p.send(method, address, body, "same-origin", append([]edit{header("Sec-Fetch-Mode", "cors"),
		header("Sec-Fetch-Dest", "empty")}, edits...)...)
}

// walk navigates and goes wherever it is led, through the provider's page too, until there is an answer, or until stop
// is true of the next address. It returns the last address.
func (p *visitor) walk(address, site string, stop ...func(string) bool) string {
	p.w.t.Helper()
	p.trail = nil
	for range 20 {
		p.trail = append(p.trail, address)
		if len(stop) > 0 && stop[0](address) {
			return address
		}
		if strings.HasPrefix(address, p.w.demo.Issuer) {
			p.asked++
			back, err := p.w.demo.Approve(address, p.name)
			if err != nil {
				p.w.t.Fatal(err)
			}
			address, site = back, "cross-site"
			continue
		}
		resp := p.visit(address, site)
		next := resp.Header.Get("Location")
		switch {
		case resp.StatusCode == http.StatusOK && strings.Contains(text(resp), "location.replace"):
			site = "same-origin" // the page loads the same address again
			continue
		case next == "":
			return address
		}
		to := parsed(p.w.t, address).ResolveReference(parsed(p.w.t, next))
		if to.Host != parsed(p.w.t, address).Host {
			site = "cross-site"
		}
		address = to.String()
	}
	p.w.t.Fatalf("no end: %q", p.trail)
	return ""
}

func (p *visitor) signIn(front string) map[string]any {
	p.w.t.Helper()
	if end := p.walk(front+"/bff/login/demo", "same-origin"); end != front+"/" {
		p.w.t.Fatalf("the sign-in ended at %s, after %q\n%s", end, p.trail, p.w.log)
	}
	s := p.session(front)
	if s["authenticated"] != true {
		p.w.t.Fatalf("not signed in at %s: %v\n%q", front, s, p.trail)
	}
	return s
}

func (p *visitor) session(front string) map[string]any {
	p.w.t.Helper()
	return object(p.w.t, p.fetch("GET", front+"/bff/session?touch=false", ""))
}

func (p *visitor) signedIn(front string) bool {
	p.w.t.Helper()
	return p.session(front)["authenticated"] == true
}

// is reports whether an address is on a front, below a path.
func is(front, path string) func(string) bool {
	return func(address string) bool { return strings.HasPrefix(address, front+path) }
}

func kept(s *settings) { s.keep = vault.KeepUser }

// another is one more provider, which nobody uses.
func another() providers.Config {
	return providers.Config{Name: "other", Title: "Other", Client: providers.Client{ID: "bff"},
		Issuer: "http://127.0.0.1:1"}
}

// cookie is the value of a cookie that the browser holds for a front, or "".
func (p *visitor) cookie(front, name string) string {
	for _, c := range p.jar.Cookies(parsed(p.w.t, front)) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// plant puts a cookie into the browser for a front.
func (p *visitor) plant(front, name, value string) {
	p.jar.SetCookies(parsed(p.w.t, front), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// smuggle gives the browser on one front all the cookies that another browser has on another front.
func (p *visitor) smuggle(to string, of *visitor, from string) {
	for _, c := range of.jar.Cookies(parsed(p.w.t, from)) {
		p.plant(to, c.Name, c.Value)
	}
}
