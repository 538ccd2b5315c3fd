package api

import (
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"bff/internal/api/metrics"
	"bff/internal/api/route"
	"bff/internal/assertion"
	"bff/internal/audit"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/telemetry"
	"bff/internal/users"
	"bff/internal/vault"
)

// Config is what a Server needs.
type Config struct {
	Origin         string            // required: how browsers reach bff, "https://app.example.com"
	Cookie         string            // required: the session cookie's whole name, "__Host-" included
	Vault          *vault.Vault      // required
	Broker         *oauth.Broker     // required
	Signer         *assertion.Signer // required
	Audit          audit.Recorder    // discarded when nil
	Calls          *explain.Calls    // remembers those that went well; nil: nothing does
	AccessLog      bool              // a log line at level info for every request
	TrustedProxies route.Peers       // whose X-Forwarded-For and trace context are believed
	Origins        []string          // further origins that may call with credentials (CORS)
	Mounts         []Mount           // the apis
	Clients        []Client          // services that may ask on the admin listener
	Users          *users.Policy     // who may sign in, and with which rights; everybody, with none, when nil
	LinkOnly       []string          // providers whose accounts are linked only
	Frontend       http.Handler      // everything outside /bff and the mounts; nil: not found
	Fronts         []Front           // further ones
	SSO            bool              // signed in on one front, signed in on the next without seeing the provider
	AnyLoopback    bool              // a loopback Host that is no front's is the first front's: for developing
	Client         fs.FS             // holds client.js
	Account        fs.FS             // holds the account page
	Limits         Limits
	Traces         *telemetry.Telemetry // records requests of browsers; nil: none
	Metrics        *metrics.Metrics     // those the broker's hooks count in; new ones when nil
	Log            *slog.Logger         // discarded when nil
	Now            func() time.Time     // time.Now when nil
}

// A Front is a further origin that the Server answers for, with cookies of its own and the same users.
type Front struct {
	Origin   string
	Cookie   string       // the session cookie's whole name
	Origins  []string     // further origins that may call this front with credentials (CORS)
	APIs     []string     // names of its mounts; all where nil
	Frontend http.Handler // as that of the first; nil: not found
}

// A Client is a service that may ask on the admin listener.
type Client = route.Client

// Limits bound what one caller can spend. Zero means the default.
type Limits struct {
	LoginPerMinute      int // attempts per client address and minute; 600
	SessionConcurrency  int // proxied calls in flight per session and instance; 4096
	SessionPerSecond    int // proxied calls per session, second and instance; no limit
	APIConcurrency      int // proxied calls in flight per api and instance; no limit
	ProviderConcurrency int // proxied calls in flight per provider and instance; no limit
	ProviderPerSecond   int // proxied calls per provider, second and instance, a quarter of them for one session; no limit
}

// A Mount is one api: where it is and what a call through it must bring.
type Mount struct {
	*proxy.Mount
	Name      string
	Provider  string    // whose access token a call carries; "" for a backend
	Scopes    []string  // a connection must have been granted all of them
	Identity  string    // of a backend: the audience of the assertion that a call carries; "" for a provider's api
	Require   []string  // rights of which the user must have all
	Anonymous Anonymous // of a backend: what happens to calls of nobody
	Where     *PerCall  // what each call fills in with the values of its connection; nil: nothing
	Pause     Pause     // what an upstream\'s 429 stops; nothing when zero
}

// fronts are the first front and the further ones.
func (cfg *Config) fronts() (*route.Fronts, error) {
	first, err := route.NewFront(cfg.Origin, cfg.Cookie, cfg.Origins)
	if err != nil {
		return nil, err
	}
	var further []*route.Front
	for _, f := range cfg.Fronts {
		made, err := route.NewFurtherFront(f.Origin, f.Cookie, f.Origins)
		if err != nil {
			return nil, err
		}
		further = append(further, made)
	}
	fronts, err := route.NewFronts(first, further...)
	if err == nil && cfg.AnyLoopback {
		fronts.WithLoopback()
	}
	return fronts, err
}

func (cfg *Config) defaults() {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Audit == nil {
		cfg.Audit = audit.Discard{}
	}
	if cfg.Users == nil {
		cfg.Users = users.Everybody(cfg.Log)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.New(nil, "")
	}
	if cfg.Limits.LoginPerMinute == 0 {
		cfg.Limits.LoginPerMinute = 600
	}
	if cfg.Limits.SessionConcurrency == 0 {
		cfg.Limits.SessionConcurrency = 4096
	}
}

// Anonymous says what a backend's mount does with a call that nobody is signed in for.
type Anonymous string

// A Pause says what an upstream's 429 with Retry-After stops for the session that met it.
type Pause string

// A PerCall has the templates of what differs from call to call: each is filled with the values of the connection that
// the call goes through.
type PerCall struct {
	Upstream  string
	Upstreams map[string]string // by the path below the mount
	Headers   map[string]string
}
