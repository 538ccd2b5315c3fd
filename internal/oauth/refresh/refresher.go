package refresh

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/singleflight"

	"bff/internal/audit"
	"bff/internal/oauth/client"
	"bff/internal/vault"
)

const maxBehind = 64

// Config is what a Refresher needs. Every field is required.
type Config struct {
	Providers    []*client.Provider
	Vault        *vault.Vault
	Now          func() time.Time
	Log          *slog.Logger
	Patience     time.Duration   // how long a caller waits for a refresh
	TokenTimeout time.Duration   // of one token request, whoever still waits for it
	Base         context.Context // of work that no caller waits for
	Background   *Background
	Audit        audit.Recorder // what refreshes were granted
	Tracer       trace.Tracer   // makes a span of every refresh

	OnRefresh func(ctx context.Context, provider, outcome string, took time.Duration)
	// OnOrphan is given a connection whose tokens were renewed while it was unlinked: they are nobody's.
	OnOrphan func(vault.Connection)
	// SameSubject refuses an answer whose ID token is another account's (OpenID Connect Core section 12.2).
	SameSubject func(vault.Connection, *client.Answer) error
	// OnIDToken is given an answer with an ID token, not verified yet, after its tokens were kept.
	OnIDToken func(context.Context, vault.Connection, *client.Answer)
}

// A Refresher keeps access tokens fresh. It is safe for concurrent use.
type Refresher struct {
	cfg       Config
	vault     *vault.Vault
	providers map[string]*provider
	flight    singleflight.Group // by connection
	sites     sites
	held      heldTokens
	history   *histories
	behind    chan struct{} // bounds refreshes behind callers' backs
}

// New makes a refresher. It contacts nobody.
func New(cfg Config) *Refresher {
	r := &Refresher{cfg: cfg, vault: cfg.Vault, providers: map[string]*provider{}, history: newHistories(),
		behind: make(chan struct{}, maxBehind)}
	for _, p := range cfg.Providers {
		r.providers[p.Name] = &provider{Provider: p}
	}
	return r
}

// provider is the provider of a connection, as it is with the connection's values.
func (b *Refresher) provider(c *vault.Connection) (*provider, error) {
	p := b.providers[c.Provider]
	if p == nil {
		return nil, &client.Error{Kind: client.KindUnknown, Op: "refresh", Provider: "?"}
	}
	at, err := p.ForConnection(c.Values)
	if err != nil {
		p.WarnOnce("values", "connections have values that no longer fit their provider: their accounts must be linked again",
			"error", err.Error())
		return nil, p.reauth(client.ReasonValues)
	}
	if at == p.Provider {
		return p, nil
	}
	return b.sites.of(at), nil
}

// Held lays what this instance holds for the store over a connection that was read.
func (b *Refresher) Held(c vault.Connection) vault.Connection { return b.held.over(c) }
