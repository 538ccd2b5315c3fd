package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"bff/internal/audit"
	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
	"bff/internal/vault"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const connectTimeout = 5 * time.Second

// Config is what a Broker needs.
type Config struct {
	Providers    []providers.Config // required
	Vault        *vault.Vault       // required
	Origin       string             // required: redirect URIs are Origin + "/bff/callback/" + name
	Transport    http.RoundTripper  // carries requests to providers; [client.NewTransport] when nil
	Now          func() time.Time   // time.Now when nil
	Log          *slog.Logger       // discarded when nil
	Patience     time.Duration      // how long a caller waits for a refresh; 12 s when zero
	TokenTimeout time.Duration      // of one token request, whoever still waits for it; 30 s when zero

	OnRefresh    func(ctx context.Context, provider, outcome string, took time.Duration) // may be nil
	OnRevocation func(provider, outcome string)                                          // may be nil
	Audit        audit.Recorder                                                          // grants that ended; nil: nobody reads along
	Tracer       trace.TracerProvider                                                    // makes a span of every refresh; nil: none
	// OnClaims is given the verified claims of an ID token that came with a refresh, so that rights can be decided anew.
	// It runs in the background and may be nil.
	OnClaims func(ctx context.Context, c vault.Connection, claims map[string]any)
}

// NewTransport returns what carries requests to providers where Config.Transport is nil, for a caller that wraps it.
func NewTransport() http.RoundTripper { return client.NewTransport(connectTimeout) }

func (cfg *Config) setDefaults() {
	if cfg.Transport == nil {
		cfg.Transport = NewTransport()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Patience == 0 {
		cfg.Patience = 12 * time.Second // a provider may take ten
	}
	if cfg.TokenTimeout == 0 {
		cfg.TokenTimeout = 30 * time.Second
	}
	if cfg.OnRefresh == nil {
		cfg.OnRefresh = func(context.Context, string, string, time.Duration) {}
	}
	if cfg.Audit == nil {
		cfg.Audit = audit.Discard{}
	}
	if cfg.Tracer == nil {
		cfg.Tracer = noop.NewTracerProvider()
	}
	if cfg.OnRevocation == nil {
		cfg.OnRevocation = func(string, string) {}
	}
}

// revoked records that the provider said that a grant is no more.
func (c *Config) revoked(ctx context.Context, provider string) {
	c.OnRevocation(provider, "revoked")
	c.Audit.Record(ctx, audit.Event{Kind: audit.GrantRevoked, At: c.Now(), Provider: provider,
		Actor: audit.Actor{Kind: audit.ByProvider, Name: provider}})
}
