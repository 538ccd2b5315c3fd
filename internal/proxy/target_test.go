package proxy_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bff/internal/proxy"
	"bff/internal/secret"
)

// perCall mounts nothing of its own: every call says where it goes.
func perCall(c *proxy.Config) {
	c.Upstream, c.PerCall, c.CallHeaders = "", true, []string{"Shop-Realm"}
	c.Upstreams = map[string]string{"/upload": ""}
}

// aimed has the next calls go to where w says.
func (r *rig) aimed(w proxy.Where) {
	r.t.Helper()
	target, err := r.mount.Target(w)
	if err != nil {
		r.t.Fatal(err)
	}
	r.set(func(by *proxy.Caller) { by.Target = target })
}

// Two connections of one mount lead to hosts of their own, each with its own header, and what an answer says of its own host
// comes back as the mount; what it says of the other's host stays that host.
func TestEachCallGoesToTheTargetOfItsConnection(t *testing.T) {
	var other string
	shop := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			own := "http://" + r.Host
			w.Header().Set("X-Seen", name+" "+r.RequestURI+" "+r.Header.Get("Shop-Realm"))
			w.Header().Set("Location", own+"/v1/next?page=2")
			w.Header().Add("Link", "<"+own+"/v1/p3>; rel=next, <"+other+"/v1/p4>; rel=other, <"+own+"/up/x>; rel=up")
			w.WriteHeader(http.StatusFound)
		}
	}
	r := newRig(t, shop("one"), perCall)
	two := httptest.NewServer(shop("two"))
	t.Cleanup(two.Close)
	for _, row := range []struct{ name, at, other string }{{"one", r.upstream.URL, two.URL}, {"two", two.URL, r.upstream.URL}} {
		other = row.other
		r.aimed(proxy.Where{Upstream: proxy.Upstream{URL: row.at + "/v1"},
			Upstreams: map[string]proxy.Upstream{"/upload": {URL: row.at + "/up"}}, Headers: map[string]string{"Shop-Realm": "r-" + row.name}})
		res := r.do("GET", "/api/x/orders?q=1", nil, "Shop-Realm: forged", "shop_realm: forged")
		if got, want := res.Header.Get("X-Seen"), row.name+" /v1/orders?q=1 r-"+row.name; got != want {
			t.Errorf("the upstream saw %q instead of %q", got, want)
		}
		if got, want := res.Header.Get("Location"), r.server.URL+"/api/x/next?page=2"; got != want {
			t.Errorf("Location is %q instead of %q", got, want)
		}
		want := "<" + r.server.URL + "/api/x/p3>; rel=next, <" + row.other + "/v1/p4>; rel=other, <" + r.server.URL + "/api/x/upload/x>; rel=up"
		if got := res.Header.Get("Link"); got != want {
			t.Errorf("Link is %q instead of %q", got, want)
		}
		if got := r.do("GET", "/api/x/upload/f", nil).Header.Get("X-Seen"); got != row.name+" /up/f r-"+row.name {
			t.Errorf("the further upstream saw %q", got)
		}
	}
}

// A host that is not the operator's word is not dialled where it leads inside.
func TestATargetThatLeadsInsideIsNotDialled(t *testing.T) {
	r := newRig(t, noContent, perCall)
	_, port, _ := strings.Cut(strings.TrimPrefix(r.upstream.URL, "http://"), ":")
	for _, host := range []string{"localhost", "127.0.0.1"} {
		up := "http://" + host + ":" + port
		where := func(outside bool) proxy.Where {
			at := proxy.Upstream{URL: up, Outside: outside}
			return proxy.Where{Upstream: at, Upstreams: map[string]proxy.Upstream{"/upload": at}}
		}
		r.aimed(where(true))
		if res := r.do("GET", "/api/x/a", nil); res.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %d", host, res.StatusCode)
		}
		if lines := r.lines(); len(lines) != 0 {
			t.Errorf("%s: the request arrived: %v", host, lines)
		}
		r.aimed(where(false))
		if res := r.do("GET", "/api/x/a", nil); res.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %d", host, res.StatusCode)
		}
		r.lines()
	}
}

// A mount whose upstream is another for each call goes nowhere without one, nor with one of another mount.
func TestACallWithoutItsTargetGoesNowhere(t *testing.T) {
	r := newRig(t, noContent, perCall)
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != http.StatusBadGateway || !errors.Is(r.err(), proxy.ErrUpstreamFailed) {
		t.Fatal(res.StatusCode, r.err())
	}
	plain := newRig(t, noContent)
	target, err := plain.mount.Target(proxy.Where{})
	if err != nil {
		t.Fatal(err)
	}
	r.set(func(by *proxy.Caller) { by.Target = target })
	if res := r.do("GET", "/api/x/upload/a", nil); res.StatusCode != http.StatusBadGateway {
		t.Fatal(res.StatusCode)
	}
	for _, bad := range []proxy.Where{
		{}, {Upstream: proxy.Upstream{URL: "/v1"}}, {Upstream: proxy.Upstream{URL: "https://u:p@a.example"}},
		{Upstream: proxy.Upstream{URL: "https://a.example/?q"}}, {Upstream: proxy.Upstream{URL: "https://a.example/../x"}},
		{Upstream: proxy.Upstream{URL: "https://a.example"}}, // nothing for /upload
		{Headers: map[string]string{"Shop-Realm": "a\r\nb: c"}}, {Headers: map[string]string{"Authorization": "x"}},
	} {
		if _, err := r.mount.Target(bad); err == nil {
			t.Errorf("%+v is a target", bad)
		}
	}
}

// After a 401 the second try goes to the same target, with the fresh token.
func TestTheSecondTryGoesToTheSameTarget(t *testing.T) {
	tries := 0
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if tries++; req.Header.Get("Authorization") != "Bearer second-token-0123456789" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}, perCall)
	at := proxy.Upstream{URL: r.upstream.URL}
	r.aimed(proxy.Where{Upstream: at, Upstreams: map[string]proxy.Upstream{"/upload": at}})
	r.set(func(by *proxy.Caller) {
		by.Renew = func(context.Context) (proxy.Credential, error) {
			return r.mount.Token(secret.New("second-token-0123456789")), nil
		}
	})
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != 200 || tries != 2 {
		t.Fatal(res.StatusCode, tries)
	}
}
