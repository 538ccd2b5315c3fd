package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
	"bff/internal/webhook"
)

// A Config is what one file says, with the defaults in it.
type Config struct {
	Origin         *url.URL // scheme and host alone
	Listen         string
	Admin          string
	TrustedProxies []netip.Prefix
	Name           string // of the application; "": nobody said
	Logo           string // a file, or ""
	Session        Session
	Providers      []Provider // in the file's order, which is the order in which they are offered
	ProviderDir    string     // a folder of provider files, or ""
	APIs           []API
	Clients        []Client
	Users          Users
	Events         []Event
	Frontend       Frontend
	Fronts         []Front
	SSO            bool // signed in on one front is signed in on all
	TLS            TLS
	Telemetry      Telemetry
	Limits         Limits
	Proxy          Proxy
	Log            Log
	Explain        time.Duration // how long it is kept what happened; 0 for never
	Shutdown       time.Duration

	positions map[string]Position // of every value of the file, by its path
	files     []string            // that the file refers to: secrets, certificates, provider files
	digests   leaves              // of what the file says
}

// A Session says how long sessions live and where they are kept.
type Session struct {
	Store          secret.Text // its URL, which may hold a password
	Keys           []vault.Key
	Idle, Lifetime time.Duration
	Cookie         string // without "__Host-"
	Prefix         string
	Cache          bool
}

// A Provider is an authorization server, and what its accounts are worth here.
type Provider struct {
	providers.Config
	Rights []string // paths of claims whose strings become rights
	SignIn bool     // false: its accounts are linked only
}

// A Client is a service that authenticates on the admin listener.
type Client struct {
	Name     string
	Secret   secret.Text
	Exchange []string // providers whose access tokens, and backends whose assertions, it may have with a session's cookie value
	Offline  []string // providers whose access tokens it may have by user id
	Manage   bool     // users, sessions, rights, erasing
	Data     bool     // data of its own beside sessions and users
	Shared   bool     // its data may be read by other clients
}

// Users says who may sign in and which rights they have.
type Users struct {
	Allow  []string            // lines that users.ParseAllow takes; everybody where empty
	Rights map[string][]string // a right -> lines that users.ParseGrant takes
	Hook   *Hook               // nil: there is none
	Forget time.Duration       // a user who was not seen for this long is erased; 0: never
}

// A Hook is the operator's program that is asked before a session begins.
type Hook struct {
	URL      string
	Key      webhook.Key
	Timeout  time.Duration
	Required bool // false: where it fails, its last known answer counts
}

// An Event is a program of the operator's own that receives what happened.
type Event struct {
	URL      string
	Key      webhook.Key
	Types    []string // "user.created", "user.*"; all where empty
	Insecure bool     // plain http beyond loopback
}

// A Front is a further origin that bff answers for.
type Front struct {
	Origin   *url.URL
	Frontend Frontend // Theme apart, which is that of the first
	APIs     []string // names; all where nil
	TLS      TLS      // its own certificate, by Cert and Key alone; zero: that of Config.TLS
}

// A Frontend is what is served outside /bff and the mounts: Dir or Upstream, or neither.
type Frontend struct {
	Dir      string
	Upstream *url.URL
	Origins  []string
	Theme    string
}

// A TLS says how the browsers' listener speaks TLS: by Cert and Key, by ACME, or, in the zero TLS, not at all.
type TLS struct {
	Cert, Key string // files
	ACME      *ACME
	Redirect  string // an address whose http requests are redirected to https, or ""
}

// On reports whether the browsers' listener speaks TLS.
func (t *TLS) On() bool { return t.Cert != "" || t.ACME != nil }

// An ACME is an account at a certificate authority (RFC 8555).
type ACME struct {
	Email     string // "" for none
	Cache     string // a folder
	Directory string // "": Let's Encrypt
}

// A Telemetry says where traces go: nowhere when Endpoint is "".
type Telemetry struct {
	Endpoint string
	Sample   float64 // the share of requests, from 0 to 1
}

// Proxy is how upstreams are called.
type Proxy struct {
	Standard bool // by Go's client alone, not by bff's own where that can be
}

// Limits bound what one caller may use. Zero is the default of the package that enforces it.
type Limits struct {
	LoginPerMinute      int
	SessionConcurrency  int
	SessionPerSecond    int
	APIConcurrency      int
	ProviderConcurrency int
	ProviderPerSecond   int
}

// A Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Text   bool
	Access bool   // one line a request
	Audit  string // "" for none, "stderr", or "file:" and a path
}

// Secure reports whether browsers reach bff over https.
func (c *Config) Secure() bool { return c.Origin.Scheme == "https" }

// OriginText returns the origin as browsers send it.
func (c *Config) OriginText() string { return originText(c.Origin) }

func originText(u *url.URL) string { return u.Scheme + "://" + u.Host }

// Text returns the front's origin as browsers send it.
func (f *Front) Text() string { return originText(f.Origin) }

// SessionCookie returns the session cookie's whole name on the first front.
func (c *Config) SessionCookie() string { return c.CookieOf(c.Origin) }

// CookieOf returns the session cookie's whole name on the front of an origin. The prefix makes browsers hold it to Secure,
// Path=/ and no Domain (RFC 6265bis section 4.1.3.2).
func (c *Config) CookieOf(origin *url.URL) string {
	if origin.Scheme == "https" {
		return "__Host-" + c.Session.Cookie
	}
	return c.Session.Cookie
}

// OAuth returns the providers as the broker takes them.
func (c *Config) OAuth() []providers.Config {
	all := make([]providers.Config, len(c.Providers))
	for i, p := range c.Providers {
		all[i] = p.Config
	}
	return all
}

// InMemory reports whether the store lives in this process.
func (s *Session) InMemory() bool { return s.Store.Reveal() == "memory:" }

// SessionChanged reports whether sessions are kept, sealed or ended in another way than before.
func (c *Config) SessionChanged(before *Config) bool {
	a, b := &c.Session, &before.Session
	return a.Idle != b.Idle || a.Lifetime != b.Lifetime || a.Cache != b.Cache || !a.Store.Equal(b.Store) ||
		!slices.EqualFunc(a.Keys, b.Keys, func(x, y vault.Key) bool { return x.Equal(y) })
}

// Files returns the files that the configuration refers to: secrets, certificates, provider files.
func (c *Config) Files() []string { return c.files }
