package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/testenv"
)

// certify writes a certificate of a given serial number for localhost and its key, and returns a pool that trusts it.
func certify(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	return certifyHost(t, dir, "localhost", "", serial)
}

// certifyHost is certify for a host; prefix is put before the names of the files.
func certifyHost(t *testing.T, dir, host, prefix string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: host},
		DNSNames:              []string{host},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		text := pem.EncodeToMemory(block)
		if name == "cert.pem" {
			pool.AppendCertsFromPEM(text)
		}
		if err := os.WriteFile(filepath.Join(dir, prefix+name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// secure runs an instance that speaks TLS, and returns its address, that of its redirect and its log.
func secure(t *testing.T, dir, tlsKeys string) (addr, redirect string, said *log) {
	t.Helper()
	browsers := listener(t)
	redirect, said = secureOn(t, browsers, dir, "localhost", tlsKeys, nil, "")
	return browsers.Addr().String(), redirect, said
}

// secureOn is secure on a listener, for a host, with more lines of the configuration, where PORT is the listener's.
func secureOn(
	t *testing.T,
	browsers net.Listener,
	dir, host, tlsKeys string,
	authority *http.Client,
	lines string,
) (redirect string, said *log) {
	t.Helper()
	l := app.Listeners{Browsers: browsers, Admin: listener(t), Redirect: listener(t)}
	_, said = secured(t, l, dir, host, tlsKeys, authority, lines)
	return l.Redirect.Addr().String(), said
}

// secured is secureOn with all listeners, and returns the instance.
func secured(
	t *testing.T,
	l app.Listeners,
	dir, host, tlsKeys string,
	authority *http.Client,
	lines string,
) (in *app.Instance, said *log) {
	t.Helper()
	_, port, _ := net.SplitHostPort(l.Browsers.Addr().String())
	file := filepath.Join(dir, "bff.yaml")
	text := "origin: https://" + host + ":" + port + "\nsession: {store: 'memory:', keys: [env:KEY]}\ntls: {" + tlsKeys + ", redirect: ':1'}\n" +
		"providers: {google: {client_id: x, client_secret: env:KEY}}\nshutdown_timeout: 1s\n" +
		strings.ReplaceAll(lines, "PORT", port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func() (*config.Config, string) {
		return config.Load(file, strings.NewReader(""), func(string) string { return key1 })
	}
	cfg, report := read()
	if report != "" {
		t.Fatal(report)
	}
	said = &log{}
	in, err := app.New(cfg, app.Options{Log: slog.New(slog.NewJSONHandler(said, nil)), Authority: authority, Reload: read})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Error("the instance does not end")
		}
	})
	return in, said
}

// TLS is 1.2 or later, speaks HTTP/2, sends plain http to https, and takes a new certificate from its files while a
// connection with the one before lives on.
func TestTLSFromFiles(t *testing.T) {
	dir := t.TempDir()
	pool := certify(t, dir, 1)
	addr, redirect, said := secure(t, dir, "cert: cert.pem, key: key.pem")
	_, port, _ := net.SplitHostPort(addr)
	client := func(pool *x509.CertPool) *http.Client {
		return &http.Client{
			Timeout:       time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				ForceAttemptHTTP2: true,
				TLSClientConfig:   &tls.Config{RootCAs: pool},
			},
		}
	}
	session := "https://localhost:" + port + "/bff/session"
	first := client(pool)
	resp, err := first.Get(session)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || resp.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Errorf("%s %s, certificate %v", resp.Status, resp.Proto, resp.TLS.PeerCertificates[0].SerialNumber)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		over := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: version, MaxVersion: version}}
		connection, err := over.DialContext(t.Context(), "tcp", addr)
		if spoken := err == nil; spoken != (version == tls.VersionTLS12) {
			t.Errorf("%s is spoken: %v, %v", tls.VersionName(version), spoken, err)
		}
		if err == nil {
			_ = connection.Close()
		}
	}
	resp, err = first.Get("http://" + redirect + "/a%2Fb?c=d")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect ||
		got != "https://localhost:"+port+"/a%2Fb?c=d" {
		t.Errorf("plain http is answered %s to %s", resp.Status, got)
	}

	second := certify(t, dir, 2)
	testenv.Eventually(t, "the new certificate is served", func() bool {
		resp, err := client(second).Get(session)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64() == 2
	})
	if resp, err := first.Get(session); err != nil || resp.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Errorf("the connection from before does not go on: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "half a pair is refused", func() bool { return said.has("are no pair") })
	if _, err := client(second).Get(session); err != nil {
		t.Errorf("the certificate before it is gone: %v", err)
	}
}

// Each front has the certificate of its own that the configuration gives it, by the name that the browser asks for; any
// other name gets the first. A new certificate of a front is served without a restart.
func TestTLSOfSeveralFronts(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, 1)
	certifyHost(t, dir, "shop.localhost", "shop-", 2)
	browsers := listener(t)
	secureOn(t, browsers, dir, "localhost", "cert: cert.pem, key: key.pem", nil,
		"fronts:\n  - {origin: 'https://shop.localhost:PORT', tls: {cert: shop-cert.pem, key: shop-key.pem}}\n"+
			"  - {origin: 'https://help.localhost:PORT'}\n")
	_, port, _ := net.SplitHostPort(browsers.Addr().String())
	at := func(name, host string) (serial int64, status int) {
		client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true}}} // what is served is what is asked here
		resp := askAt(t, client, http.MethodGet, "https://"+browsers.Addr().String()+"/bff/session", host)
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64(), resp.StatusCode
	}
	for _, row := range []struct {
		name, host string
		serial     int64
		status     int
	}{
		{"localhost", "localhost:" + port, 1, 200}, {"shop.localhost", "shop.localhost:" + port, 2, 200},
		{"SHOP.localhost", "shop.localhost:" + port, 2, 200}, {"help.localhost", "help.localhost:" + port, 1, 200},
		{"other.localhost", "other.localhost:" + port, 1, 421}, {"x.shop.localhost", "x.shop.localhost:" + port, 1, 421},
		{"shop.localhost", "evil.example", 2, 421}, {"shop.localhost", "localhost:" + port, 2, 200}, // the Host chooses the front
	} {
		if serial, status := at(row.name, row.host); serial != row.serial || status != row.status {
			t.Errorf("%s, Host %s: certificate %d, %d", row.name, row.host, serial, status)
		}
	}
	certifyHost(t, dir, "shop.localhost", "shop-", 3)
	testenv.Eventually(t, "the shop's new certificate is served", func() bool {
		serial, _ := at("shop.localhost", "shop.localhost:"+port)
		return serial == 3
	})
	if serial, _ := at("localhost", "localhost:"+port); serial != 1 {
		t.Errorf("the first front has certificate %d", serial)
	}
}

// askAt asks with a Host that is not the address.
func askAt(t *testing.T, client *http.Client, method, url, host string) *http.Response {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Host = host
	resp, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// Plain http is led to the front of its host, and from any other host to the origin: never to where a request says.
func TestPlainHTTPIsLedToItsFront(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, 1)
	browsers := listener(t)
	redirect, _ := secureOn(t, browsers, dir, "localhost", "cert: cert.pem, key: key.pem", nil,
		"fronts: [{origin: 'https://shop.localhost:PORT'}]\n")
	_, port, _ := net.SplitHostPort(browsers.Addr().String())
	client := &http.Client{Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for host, want := range map[string]string{
		"shop.localhost": "shop.localhost", "shop.localhost:80": "shop.localhost", "localhost": "localhost",
		"evil.example": "localhost", "x.shop.localhost": "localhost", "shop.localhost.evil.example": "localhost",
	} {
		resp := askAt(t, client, http.MethodPost, "http://"+redirect+"/a%2Fb?c=d", host)
		if got := resp.Header.Get("Location"); resp.StatusCode != 308 || got != "https://"+want+":"+port+"/a%2Fb?c=d" {
			t.Errorf("Host %s is answered %s to %s", host, resp.Status, got)
		}
	}
}

// A certificate that browsers refuse is logged with what to do: at the start, and when another one is read.
func TestACertificateThatBrowsersRefuseIsLogged(t *testing.T) {
	dir := t.TempDir()
	certifyHost(t, dir, "other.localhost", "", 1)
	_, _, said := secure(t, dir, "cert: cert.pem, key: key.pem")
	if !said.has("browsers refuse a certificate, or soon will") ||
		!said.has("`tls.cert` is not for localhost: browsers refuse it there; have it issued for every host") {
		t.Error("the start says nothing of a certificate for another host")
	}
	read := func(host string) { // the files may be written before the instance first looks at them
		before := said.times("the configuration was read again")
		testenv.Eventually(t, "the certificate is read", func() bool {
			certifyHost(t, dir, host, "", 2)
			return said.times("the configuration was read again") > before
		})
	}
	const another, ends = "is not for localhost", "`tls.cert` expires on "
	before := said.times(another)
	read("third.localhost")
	if said.times(another) == before {
		t.Error("a reload says nothing of a certificate for another host")
	}
	read("localhost")
	before, ending := said.times(another), said.times(ends) // of a certificate that lives an hour
	read("localhost")
	if said.times(another) != before || said.times(ends) == ending {
		t.Error("a good certificate that ends soon is reported as another, or is not reported")
	}
}

// A renewal that left half a pair in the files is not taken; what is served on comes to its end, which the log goes on
// to say: what is judged is the certificate that browsers see.
func TestACertificateThatIsServedOnIsStillWarnedOf(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, 1) // which lives an hour
	l := app.Listeners{Browsers: listener(t), Admin: listener(t)}
	in, said := secured(t, l, dir, "localhost", "cert: cert.pem, key: key.pem", nil, "")
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	const ends = "`tls.cert` expires on "
	before := said.times(ends)
	in.WarnOfCertificates()
	if said.times(ends) != before+1 {
		t.Errorf("the day after: %d warnings, and %d before", said.times(ends), before)
	}
}
