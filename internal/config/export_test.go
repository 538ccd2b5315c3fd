package config

import (
	"log/slog"
	"net/netip"
	"time"

	"bff/internal/oauth/providers"
)

// CertificateOf reads the certificate of a pair of files.
var CertificateOf = certificateOf

// A View is what a test compares of a configuration.
type View struct {
	Origin, Listen, Admin string
	Trusted               []netip.Prefix
	Store, Cookie, Prefix string
	Keys                  []string
	Idle, Lifetime        time.Duration
	Providers             []providers.Config
	APIs                  []APIView
	Clients               []Client
	Dir, Upstream         string
	Origins               []string
	Limits                Limits
	Level                 slog.Level
	Text, Cache           bool
	Shutdown              time.Duration
	Warnings              []string
}

// An APIView is what a test compares of an api.
type APIView struct {
	Name, Path, Host, Provider, Upstream string
	Upstreams, Headers                   map[string]string
	Scopes, Allow, Encoded, Rewrite      []string
	Header, Scheme                       string
	Timeout, Idle                        time.Duration
}

// ReadView reads a configuration. With a report there is no view.
func ReadView(name string, data []byte, env func(string) string) (*View, string) {
	c, report := Read(name, data, env)
	if report != "" {
		return nil, report
	}
	v := &View{
		Origin:    c.OriginText(),
		Listen:    c.Listen,
		Admin:     c.Admin,
		Trusted:   c.TrustedProxies,
		Store:     c.Session.Store.Reveal(),
		Cookie:    c.SessionCookie(),
		Prefix:    c.Session.Prefix,
		Cache:     c.Session.Cache,
		Idle:      c.Session.Idle,
		Lifetime:  c.Session.Lifetime,
		Providers: c.OAuth(),
		Clients:   c.Clients,
		Dir:       c.Frontend.Dir,
		Origins:   c.Frontend.Origins,
		Limits:    c.Limits,
		Level:     c.Log.Level,
		Text:      c.Log.Text,
		Shutdown:  c.Shutdown,
	}
	if c.Frontend.Upstream != nil {
		v.Upstream = c.Frontend.Upstream.String()
	}
	for _, k := range c.Session.Keys {
		v.Keys = append(v.Keys, k.Reveal())
	}
	for _, a := range c.APIs {
		v.APIs = append(v.APIs, APIView{Name: a.Name, Path: a.Path, Host: a.Host, Provider: a.Provider, Upstream: a.Upstream,
			Upstreams: a.Upstreams, Headers: a.SetHeaders, Scopes: a.Scopes, Allow: a.Allow, Encoded: a.Encoded, Rewrite: a.Rewrite,
			Header: a.Header, Scheme: a.Scheme, Timeout: a.Timeout, Idle: a.Config.Idle})
	}
	for _, w := range c.Warnings() {
		v.Warnings = append(v.Warnings, w.Text)
	}
	return v, ""
}

// Names are the keys of a section, by its path.
func Names(section string) []string { return names(sections()[section]) }

// EachKey calls f for every key there is.
func EachKey(f func(path, about, def, absent, example, missing string)) {
	all := sections()
	for _, section := range sortedKeys(all) {
		for _, k := range all[section] {
			path := section + "." + k.name
			if section == "top" {
				path = k.name
			}
			f(path, k.about, k.def, k.absent, k.example, k.missing)
		}
	}
}
