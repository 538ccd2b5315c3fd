package app_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	golog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"bff/internal/app"
	"bff/internal/testenv"
)

// authority runs Pebble, the test authority of Let's Encrypt. It validates at tlsPort of whatever host it is asked
// for, or at httpPort: its DNS leads every name to this machine. Its certificates last so many seconds, 0: three
// months.
func authority(t *testing.T, httpPort, tlsPort int, seconds uint64) (
	directory string, client *http.Client, roots *x509.CertPool) {
	t.Helper()
	quiet := golog.New(io.Discard, "", 0)
	free := listener(t)
	dns := free.Addr().String()
	_ = free.Close()
	server, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{dns}, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	server.SetDefaultDNSIPv4("127.0.0.1")
	server.SetDefaultDNSIPv6("")
	go server.Run()
	t.Cleanup(server.Shutdown)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default": {Description: "default", ValidityPeriod: seconds}})
	validator := va.New(quiet, httpPort, tlsPort, false, dns, store)
	front := wfe.New(quiet, store, validator, issuer, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	web := httptest.NewTLSServer(front.Handler())
	t.Cleanup(web.Close)
	roots = x509.NewCertPool()
	roots.AddCert(issuer.GetRootCert(0).Cert)
	return web.URL + wfe.DirectoryPath, web.Client(), roots
}

// A certificate comes from an ACME authority at the first connection, for the hosts that are served and for no other.
func TestACME(t *testing.T) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	l := listener(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	directory, client, roots := authority(t, 1, n, 0)
	contact := &contacts{next: client.Transport}
	client.Transport = contact
	secureOn(
		t,
		l,
		t.TempDir(),
		"app.test",
		"acme: {email: ops@example.com, cache: acme, directory: '"+directory+"'}",
		client,
		"fronts: [{origin: 'https://shop.test:PORT'}]\n"+
			"apis: {a: {provider: google, upstream: 'https://a.example', host: 'api.test:PORT', allow: [GET /a]}}\n",
	)
	get := func(host string) (*http.Response, error) {
		c := &http.Client{
			Timeout:   time.Minute,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: host}},
		}
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String()+"/bff/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host + ":" + port
		return c.Do(q)
	}
	testenv.Eventually(t, "a certificate is issued", func() bool {
		resp, err := get("app.test")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK && resp.TLS.PeerCertificates[0].DNSNames[0] == "app.test"
	})
	testenv.Eventually(t, "a further front's certificate is issued", func() bool {
		resp, err := get("shop.test")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK && resp.TLS.PeerCertificates[0].DNSNames[0] == "shop.test"
	})
	testenv.Eventually(t, "the certificate of a mount's host is issued", func() bool {
		resp, err := get("api.test")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.TLS.PeerCertificates[0].DNSNames[0] == "api.test"
	})
	if !contact.knows("mailto:ops@example.com") {
		t.Error("the authority does not know whom to write to")
	}
	for _, host := range []string{"other.test", "shop.test.other.test", "x.shop.test"} {
		if resp, err := get(host); err == nil {
			_ = resp.Body.Close()
			t.Errorf("there is a certificate for %s, which is not served", host)
		}
	}
}

// A certificate that is about to expire is replaced meanwhile: every new connection gets one that is valid, the
// connection from before goes on, and an instance that starts later has it from the cache, without the authority.
func TestACMERenewsWithoutAFailedCall(t *testing.T) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	l, dir := listener(t), t.TempDir()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	directory, client, roots := authority(t, 1, n, 60)
	acme := "acme: {email: ops@example.com, cache: acme, directory: '" + directory + "'}"
	secureOn(t, l, dir, "app.test", acme, client, "")
	transport := func() *http.Transport {
		return &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "app.test"}}
	}
	get := func(over *http.Transport, address string) (serial string, err error) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/bff/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(address)
		q.Host = "app.test:" + port
		resp, err := (&http.Client{Timeout: time.Minute, Transport: over}).Do(q)
		if err != nil {
			return "", err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s", resp.Status)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.String(), nil
	}
	kept, first := transport(), ""
	testenv.Eventually(t, "a certificate is issued", func() bool { first, err = get(kept, l.Addr().String()); return err == nil })
	calls := 0
	testenv.EventuallyAfterRetries(t, "the certificate is replaced", func() bool {
		fresh := transport()
		defer fresh.CloseIdleConnections()
		serial, err := get(fresh, l.Addr().String())
		if err != nil {
			t.Errorf("call %d: %v", calls, err)
		}
		calls++
		return serial != first || t.Failed()
	})
	if calls < 5 {
		t.Errorf("only %d calls were made meanwhile", calls)
	}
	if serial, err := get(kept, l.Addr().String()); err != nil || serial != first {
		t.Errorf("the connection from before does not go on: %v", err)
	}
	another := listener(t)
	secureOn(t, another, dir, "app.test", acme, &http.Client{Transport: noAuthority{}}, "")
	if serial, err := get(transport(), another.Addr().String()); err != nil || serial == first {
		t.Errorf("an instance with the same cache has no certificate, or the old one: %v", err)
	}
}

// Where the authority does not reach the listener for browsers, it is given its answer by the one that redirects, which
// leads everything else to https.
func TestACMEByWayOfTheRedirect(t *testing.T) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	l := app.Listeners{Browsers: listener(t), Admin: listener(t), Redirect: listener(t)}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: l.Redirect.Addr().String()})
		r.Out.Host, _, _ = net.SplitHostPort(r.In.Host) // at port 80 an authority writes none
	}}
	port80 := httptest.NewServer(forward)
	t.Cleanup(port80.Close)
	directory, client, roots := authority(t, port80.Listener.Addr().(*net.TCPAddr).Port, 1, 0)
	acme := "acme: {email: ops@example.com, cache: acme, directory: '" + directory + "'}"
	secured(t, l, t.TempDir(), "app.test", acme, client, "")
	testenv.Eventually(t, "a certificate is issued", func() bool {
		over := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "app.test"}}
		connection, err := over.DialContext(t.Context(), "tcp", l.Browsers.Addr().String())
		if err != nil {
			return false
		}
		_ = connection.Close()
		return true
	})
}

// An authority that gives no certificate is logged with what to look at, once a minute however often browsers come;
// what a stranger asks for is nobody's trouble.
func TestAnAuthorityThatGivesNoCertificateIsLogged(t *testing.T) {
	l := app.Listeners{Browsers: listener(t), Admin: listener(t), Redirect: listener(t)}
	_, said := secured(t, l, t.TempDir(), "app.test", "acme: {email: ops@example.com, cache: acme}",
		&http.Client{Transport: noAuthority{}}, "")
	const line = "the certificate authority gave no certificate; can it reach this machine at port 443"
	for _, row := range []struct {
		host  string
		lines int
	}{{"other.test", 0}, {"app.test", 1}, {"app.test", 1}, {"other.test", 1}} {
		over := tls.Dialer{Config: &tls.Config{ServerName: row.host}}
		if connection, err := over.DialContext(t.Context(), "tcp", l.Browsers.Addr().String()); err == nil {
			_ = connection.Close()
			t.Errorf("%s has a certificate, of no authority", row.host)
		}
		if got := said.times(line); got != row.lines {
			t.Errorf("after %s there are %d lines, want %d", row.host, got, row.lines)
		}
	}
}

// contacts is the way to an authority that remembers what it is told.
type contacts struct {
	next http.RoundTripper
	mu   sync.Mutex
	said strings.Builder // payloads of what was signed
}

func (c *contacts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var signed struct{ Payload string }
		if json.Unmarshal(body, &signed) == nil {
			payload, _ := base64.RawURLEncoding.DecodeString(signed.Payload)
			c.mu.Lock()
			c.said.Write(payload)
			c.mu.Unlock()
		}
	}
	return c.next.RoundTrip(r)
}

func (c *contacts) knows(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.said.String(), text)
}

// noAuthority is a network without one.
type noAuthority struct{}

func (noAuthority) RoundTrip(*http.Request) (*http.Response, error) { return nil, net.ErrClosed }
