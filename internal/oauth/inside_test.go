package oauth_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/testenv"
)

// An internet answers for one issuer; every other request is carried as bff carries it.
type internet struct {
	metadata map[string]any
	next     http.RoundTripper
	proxy    net.Conn // by way of which the issuer is reached; nil: none
}

func (n *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "id.example.com" {
		return n.next.RoundTrip(r)
	}
	if t := httptrace.ContextClientTrace(r.Context()); t != nil && n.proxy != nil { // as http.Transport says it
		if t.GetConn != nil {
			t.GetConn(n.proxy.RemoteAddr().String())
		}
		t.GotConn(httptrace.GotConnInfo{Conn: n.proxy})
	}
	w := httptest.NewRecorder()
	_ = json.NewEncoder(w).Encode(n.metadata)
	return w.Result(), nil
}

// A name in the metadata of an issuer on the internet is not dialled where it leads inside, though nothing in its text
// says that it does. The same address is dialled where the operator wrote it.
func TestANameInMetadataIsNotDialledInside(t *testing.T) {
	door := testenv.CountDials(t)
	_, port, _ := net.SplitHostPort(door.Addr)
	const issuer = "https://id.example.com"
	proxy, err := net.Dial("tcp", door.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	testenv.Eventually(t, "the proxy is connected", func() bool { return door.Dialled.Swap(0) == 1 })
	for name, written := range map[string]bool{"ⓛocalhost": false, "１27.0.0.1": false, "127.0.0.1": true} {
		at := "https://" + name + ":" + port + "/keys"
		metadata := map[string]any{"issuer": issuer, "authorization_endpoint": issuer + "/a", "token_endpoint": issuer + "/t",
			"jwks_uri": at}
		f := newFleet(t)
		f.change = func(p *providers.Config) {
			p.Issuer = issuer
			if written {
				p.JWKSURL = at
			}
		}
		if written {
			delete(metadata, "jwks_uri")
		}
		i := f.start(0, func(c *oauth.Config) { c.Transport = &internet{metadata, oauth.NewTransport(), proxy} })
		if err := i.Check(context.Background(), "rogue"); err == nil {
			t.Errorf("%s: nobody answers there, and it passes", name)
		}
		if n := door.Dialled.Swap(0); (n > 0) != written {
			t.Errorf("%s, of the operator %v: %d connections", name, written, n)
		}
	}
}
