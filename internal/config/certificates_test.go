package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bff/internal/config"
)

// certified writes a certificate for hosts that is valid until a moment, and its key, and returns the lines of `tls`.
func certified(t *testing.T, dir, name string, from, until time.Time, hosts ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "tls: {cert: ./" + name + ".pem, key: ./" + name + ".key}"
}

// A certificate that browsers refuse, or will within 14 days, is reported with what to do: for the origin, every front,
// by whichever certificate it is shown, and for the host of a mount.
func TestWarningsOfCertificates(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	from, good := now.Add(-time.Hour), now.AddDate(0, 3, 0)
	const app, shop = "app.example.com", "shop.example.org"
	all := []string{app, shop}
	for name, row := range map[string]struct {
		from, until time.Time
		hosts       []string
		front       []string // of the front's own certificate; nil: it has none
		host        string   // of a mount
		want        []string
	}{
		"good for both":             {from: from, until: good, hosts: all},
		"by a wildcard":             {from: from, until: good, hosts: []string{"*.example.com", "*.example.org"}},
		"14 days and a minute left": {from: from, until: now.Add(14*24*time.Hour + time.Minute), hosts: all},
		"a minute less than 14 days": {from: from, until: now.Add(14*24*time.Hour - time.Minute), hosts: all,
			want: []string{"`tls.cert` expires on 2026-11-15; renew it"}},
		"expired": {from: from, until: now.Add(-time.Minute), hosts: all,
			want: []string{"`tls.cert` expired on 2026-11-01: browsers refuse it; renew it"}},
		"not valid yet": {from: now.Add(time.Minute), until: good, hosts: all,
			want: []string{"`tls.cert` is valid from 2026-11-01T12:01:00Z only"}},
		"not for the front": {from: from, until: good, hosts: all[:1],
			want: []string{"`tls.cert` is not for shop.example.org: browsers refuse it there; have it issued for every host"}},
		"not for the origin": {from: from, until: good, hosts: all[1:],
			want: []string{"`tls.cert` is not for app.example.com:"}},
		"for neither, and old": {from: from, until: now.Add(-time.Minute), hosts: []string{"example.com"},
			want: []string{"`tls.cert` expired", "`tls.cert` is not for app.example.com, shop.example.org:"}},
		"a wildcard is one label": {from: from, until: good, hosts: []string{"*.com", shop},
			want: []string{"`tls.cert` is not for app.example.com:"}},
		"the front has its own": {from: from, until: good, hosts: all[:1], front: all[1:]},
		"its own is the other's": {from: from, until: good, hosts: all, front: all[:1],
			want: []string{"`fronts[0].tls.cert` is not for shop.example.org:"}},
		"the host of a mount": {from: from, until: good, hosts: all, host: "drive.example.com",
			want: []string{"`tls.cert` is not for drive.example.com:"}},
		"a good one for the host of a mount": {from: from, until: good, hosts: append([]string{"drive.example.com"}, all...),
			host: "drive.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := "origin: https://" + app + "\nsession: {keys: [env:BFF_KEY]}\n" +
				"providers: {google: {client_id: x, client_secret: env:BFF_KEY}}\n" +
				certified(t, dir, "first", row.from, row.until, row.hosts...) + "\nfronts:\n  - origin: https://" + shop + "\n"
			if row.front != nil {
				text += "    " + certified(t, dir, "own", from, good, row.front...) + "\n"
			}
			if row.host != "" {
				text += "apis: {a: {provider: google, upstream: 'https://a.example', host: " + row.host + ", allow: [GET /a]}}\n"
			}
			c, report := config.Read(filepath.Join(dir, "bff.yaml"), []byte(text), environment)
			if report != "" {
				t.Fatal(report)
			}
			got := c.CertificateWarnings(now, config.CertificateOf)
			if len(got) != len(row.want) {
				t.Fatalf("%d warnings, want %d: %v", len(got), len(row.want), got)
			}
			for _, want := range row.want {
				says := func(w config.Warning) bool { return strings.HasPrefix(w.Text, want) && w.At.Line > 0 }
				if !slices.ContainsFunc(got, says) {
					t.Errorf("no warning with a place begins with %q: %v", want, got)
				}
			}
		})
	}
}
