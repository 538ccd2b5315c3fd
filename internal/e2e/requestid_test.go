package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

// A tap carries requests on and keeps the request id of each, by its path.
type tap struct {
	url string
	mu  sync.Mutex
	ids map[string][]string // all values of the field of the last request, and names that are not to leave
}

func newTap(t *testing.T, next http.Handler) *tap {
	p := &tap{ids: map[string][]string{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.ids[r.URL.Path] = r.Header.Values("X-Request-Id")
		for name := range r.Header {
			if strings.HasPrefix(strings.ToLower(name), "bff") {
				p.ids[r.URL.Path] = append(p.ids[r.URL.Path], name)
			}
		}
		p.mu.Unlock()
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// saw fails unless the last request at the path named this request and no other.
func (p *tap) saw(t *testing.T, what, path, id string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.ids[path]; id == "" || len(got) != 1 || got[0] != id {
		t.Errorf("%s: the upstream was given the ids %q, the answer says %q", what, got, id)
	}
}

// Whatever leaves on behalf of a request has its id: the call, also as a WebSocket handshake, the code's exchange, the
// refresh, userinfo, the hook. What the browser sends as BFF-Request-Id never leaves; an X-Request-Id of its own does.
func TestTheRequestIDReachesEveryUpstream(t *testing.T) {
	hook := newTap(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	back := newTap(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	var to atomic.Pointer[url.URL] // the provider, once it runs
	provider := newTap(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to.Load()) }})
	r := build(t, parts{
		op:  testenv.OIDCOptions{AccessToken: seconds(2), BareIDToken: true},
		env: []string{"HOOK_SECRET=" + strings.Repeat("x", 32)},
		provider: []string{"token_url: " + provider.url + "/token", "userinfo_url: " + provider.url + "/me",
			"revocation_url: " + provider.url + "/token/revocation"},
		top: []string{"  back: {identity: back, upstream: " + back.url + ", allow: [GET /x]}",
			"frontend: {upstream: " + back.url + "}", "users: {hook: {url: '" + hook.url + "/hook', secret: env:HOOK_SECRET}}"},
	})
	issuer, err := url.Parse(r.op.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	to.Store(issuer)

	at := r.c.Leave("/bff/login/acme").Header.Get("Location")
	for !strings.HasPrefix(at, r.bff.Origin+"/bff/callback/") {
		next, err := issuer.Parse(r.c.Leave(at).Header.Get("Location"))
		if err != nil || next.String() == at {
			t.Fatal("the provider leads nowhere", at)
		}
		at = next.String()
	}
	id := r.c.Leave(at).Header.Get("BFF-Request-Id")
	provider.saw(t, "the exchange of the code", "/token", id)
	provider.saw(t, "userinfo", "/me", id)
	hook.saw(t, "the hook", "/hook", id)

	a := r.c.Fetch("GET", "/api/back/x", "", "BFF-Request-Id", "planted", "bff_request_id", "planted")
	back.saw(t, "a call to a backend", "/x", a.Header.Get("BFF-Request-Id"))
	a = r.c.Fetch("GET", "/api/back/x", "", "Connection", "Upgrade", "Upgrade", "websocket", "BFF-Request-Id", "planted",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13")
	back.saw(t, "a WebSocket handshake", "/x", a.Header.Get("BFF-Request-Id"))

	a = r.c.Fetch("GET", "/src/main.js", "", "BFF-Request-Id", "planted")
	back.saw(t, "the frontend's dev server", "/src/main.js", a.Header.Get("BFF-Request-Id"))

	r.call(r.c)
	r.expire()
	a = r.c.Fetch("GET", "/api/things/items", "", "Connection", "BFF-Request-Id")
	id = a.Header.Get("BFF-Request-Id")
	calls := r.api.Calls()
	if got := calls[len(calls)-1].Header.Values("X-Request-Id"); a.Status != http.StatusOK || len(got) != 1 || got[0] != id {
		t.Errorf("a call to an api: %d, the ids %q, the answer says %q", a.Status, got, id)
	}
	provider.saw(t, "the refresh", "/token", id)

	r.c.Fetch("GET", "/api/things/items", "", "X-Request-Id", "of-the-page")
	calls = r.api.Calls()
	if got := calls[len(calls)-1].Header.Values("X-Request-Id"); len(got) != 1 || got[0] != "of-the-page" {
		t.Errorf("the page's own id arrived as %q", got)
	}
}
