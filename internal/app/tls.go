package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"bff/internal/config"
)

// certificates give the browsers' listener its certificates: those that were read from files, or those of an ACME
// authority. A nil *certificates is no TLS.
type certificates struct {
	loaded  atomic.Pointer[loaded]
	manager *autocert.Manager // nil: files
	hosts   atomic.Pointer[[]string]

	log      *slog.Logger
	now      func() time.Time // the time of day
	reported atomic.Int64     // when it was last logged that no certificate can be had, in Unix nanoseconds
}

// loaded are the certificates of files.
type loaded struct {
	first  *tls.Certificate
	byHost map[string]*tls.Certificate // of fronts that have one of their own
	byFile map[string]*tls.Certificate // all of them
}

// leaf is the certificate that is served of a pair of files, whatever stands in them by now.
func (l *loaded) leaf(files config.TLS) *x509.Certificate {
	if served := l.byFile[files.Cert]; served != nil {
		return served.Leaf
	}
	return nil
}

// of is the certificate for the name that a browser asks for (SNI): where no front has one of its own, the first.
func (l *loaded) of(host string) *tls.Certificate {
	if own := l.byHost[strings.ToLower(host)]; own != nil {
		return own
	}
	return l.first
}

// load reads the certificates of a configuration.
func load(cfg *config.Config) (*loaded, error) {
	first, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key)
	if err != nil {
		return nil, errors.New("tls: certificate and key cannot be read, or do not belong together")
	}
	l := &loaded{first: &first, byHost: map[string]*tls.Certificate{},
		byFile: map[string]*tls.Certificate{cfg.TLS.Cert: &first}}
	for i := range cfg.Fronts {
		f := &cfg.Fronts[i]
		if !f.TLS.On() {
			continue
		}
		own, err := tls.LoadX509KeyPair(f.TLS.Cert, f.TLS.Key)
		if err != nil {
			return nil, errors.New("fronts: a front's certificate and key cannot be read, or do not belong together")
		}
		l.byHost[strings.ToLower(f.Origin.Hostname())], l.byFile[f.TLS.Cert] = &own, &own
	}
	return l, nil
}

// newCertificates reads the certificate, or makes the account of ACME. It contacts nobody.
func newCertificates(cfg *config.Config, log *slog.Logger, now func() time.Time, authority *http.Client) (*certificates,
	error) {
	if !cfg.TLS.On() {
		return nil, nil
	}
	c := &certificates{log: log, now: now}
	if a := cfg.TLS.ACME; a != nil {
		c.manager = &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      autocert.DirCache(a.Cache),
			HostPolicy: c.served,
			Email:      a.Email,
		}
		c.manager.Client = &acme.Client{
			DirectoryURL: cmp.Or(a.Directory, autocert.DefaultACMEDirectory),
			HTTPClient:   authority,
		}
	}
	return c, c.reload(cfg)
}

// reload reads the certificate again. With an error the one before stays.
func (c *certificates) reload(cfg *config.Config) error {
	if c == nil {
		return nil
	}
	hosts := hostsOf(cfg)
	c.hosts.Store(&hosts)
	if c.manager != nil {
		return nil
	}
	now, err := load(cfg)
	if err != nil {
		return err
	}
	c.loaded.Store(now)
	c.warn(cfg)
	return nil
}

// warn logs what browsers have against the certificates that are served, or soon will have. Those of files that cannot
// be used any more are served on, and come to their end.
func (c *certificates) warn(cfg *config.Config) {
	if c == nil || c.manager != nil {
		return
	}
	for _, w := range cfg.CertificateWarnings(c.now(), c.loaded.Load().leaf) {
		c.log.Warn("browsers refuse a certificate, or soon will", "reason", w.Text)
	}
}

// hostsOf are the hosts for which certificates are requested.
func hostsOf(cfg *config.Config) []string {
	all := []string{cfg.Origin.Hostname()}
	for _, f := range cfg.Fronts {
		all = append(all, f.Origin.Hostname())
	}
	for _, a := range cfg.APIs {
		if host, _, err := net.SplitHostPort(a.Host); err == nil {
			all = append(all, host)
		} else if a.Host != "" {
			all = append(all, a.Host)
		}
	}
	return all
}

// served refuses a certificate for a host that this bff does not serve: anybody can ask for any name.
func (c *certificates) served(_ context.Context, host string) error {
	if slices.Contains(*c.hosts.Load(), host) {
		return nil
	}
	return fmt.Errorf("tls: no certificate for a host that is not served")
}

// config is the TLS of a listener: 1.2 or later, HTTP/2, the certificate of the moment.
func (c *certificates) config() *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if c.manager != nil {
		base.NextProtos = append(base.NextProtos, acme.ALPNProto)
		base.GetCertificate = c.issued
		return base
	}
	base.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.loaded.Load().of(hello.ServerName), nil
	}
	return base
}

// reportEvery is how often it is logged at most that no certificate can be had.
const reportEvery = time.Minute

// issued is the authority's certificate for a host.
func (c *certificates) issued(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := c.manager.GetCertificate(hello)
	if last := c.reported.Load(); err != nil && c.served(hello.Context(), hello.ServerName) == nil &&
		time.Now().UnixNano()-last > int64(reportEvery) && c.reported.CompareAndSwap(last, time.Now().UnixNano()) {
		c.log.Warn(
			"the certificate authority gave no certificate; can it reach this machine at port 443, or tls.redirect at port 80?",
			"host",
			hello.ServerName,
			"error",
			err,
		)
	}
	return cert, err
}
