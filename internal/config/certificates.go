package config

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"time"
)

// renewWithin is how long before its end a certificate is warned of.
const renewWithin = 14 * 24 * time.Hour

// CertificateWarnings returns what browsers have against the certificates at a moment, or will have within 14 days. of
// gives the certificate of a pair of files, or nil where there is none to judge.
func (c *Config) CertificateWarnings(now time.Time, of func(TLS) *x509.Certificate) []Warning {
	if c.TLS.Cert == "" {
		return nil
	}
	var out []Warning
	say := func(path string, texts []string) {
		for _, text := range texts {
			out = append(out, Warning{c.positions[path], "`" + path + "` " + text})
		}
	}
	hosts := []string{c.Origin.Hostname()} // that see the certificate of tls
	own := map[string]bool{}
	for i := range c.Fronts {
		f := &c.Fronts[i]
		host := f.Origin.Hostname()
		if !f.TLS.On() {
			hosts = append(hosts, host)
			continue
		}
		own[host] = true
		say(indexed("fronts", i)+".tls.cert", against(of(f.TLS), []string{host}, now))
	}
	for _, a := range c.APIs {
		host := a.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host != "" && !own[host] {
			hosts = append(hosts, host)
		}
	}
	say("tls.cert", against(of(c.TLS), hosts, now))
	return out
}

// certificateOf reads the certificate of a pair of files, nil where they are none: that is a mistake of the
// configuration, and said as one.
func certificateOf(t TLS) *x509.Certificate {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil
	}
	return pair.Leaf
}

// against is what browsers have against a certificate, for these hosts.
func against(leaf *x509.Certificate, hosts []string, now time.Time) (texts []string) {
	if leaf == nil {
		return nil
	}
	const renew = "; renew it, the files are read again when they change"
	switch day := leaf.NotAfter.UTC().Format(time.DateOnly); {
	case now.Before(leaf.NotBefore):
		texts = append(texts, "is valid from "+leaf.NotBefore.UTC().Format(time.RFC3339)+
			" only: browsers refuse it; look at this machine's clock, or have it issued anew")
	case now.After(leaf.NotAfter):
		texts = append(texts, "expired on "+day+": browsers refuse it"+renew)
	case now.Add(renewWithin).After(leaf.NotAfter):
		texts = append(texts, "expires on "+day+renew)
	}
	missing := map[string]bool{}
	var names []string
	for _, host := range hosts {
		if leaf.VerifyHostname(host) != nil && !missing[host] {
			missing[host] = true
			names = append(names, host)
		}
	}
	if len(names) > 0 {
		texts = append(texts, "is not for "+strings.Join(names, ", ")+": browsers refuse it there; have it issued for every "+
			"host, or give a front `tls:` of its own")
	}
	return texts
}
