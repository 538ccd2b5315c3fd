package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	golog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"bff/internal/testenv"
)

// authority runs Pebble, the test authority of Let's Encrypt. It validates at tlsPort of whatever host it is asked
// for: its DNS leads every name to this machine.
func authority(t *testing.T, tlsPort int) (directory string, client *http.Client, roots *x509.CertPool) {
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
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	validator := va.New(quiet, 1, tlsPort, false, dns, store)
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
	directory, client, roots := authority(t, n)
	secureOn(
		t,
		l,
		t.TempDir(),
		"app.test",
		"acme: {email: ops@example.com, cache: acme, directory: '"+directory+"'}",
		client,
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
	if resp, err := get("other.test"); err == nil {
		_ = resp.Body.Close()
		t.Error("there is a certificate for a host that is not served")
	}
}
