package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"bff/internal/audit"
	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
	"bff/internal/oauth/refresh"
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
	Patience     time.Duration      // how long a caller waits for a refresh; 10 s when zero
	TokenTimeout time.Duration      // of one token request, whoever still waits for it; 30 s when zero

	OnRefresh    func(ctx context.Context, provider, outcome string, took time.Duration) // may be nil
	OnRevocation func(provider, outcome string)                                          // may be nil
	Audit        audit.Recorder                                                          // grants that ended; nil: nobody reads along
	Tracer       trace.TracerProvider                                                    // makes a span of every refresh; nil: none
	// OnClaims is given the verified claims of an ID token that came with a refresh, so that rights can be decided anew.
	// It runs in the background and may be nil.
	OnClaims func(ctx context.Context, c vault.Connection, claims map[string]any)
}

// A Broker runs flows and keeps tokens fresh. It is safe for concurrent use.
type Broker struct {
	// Outbox revokes what was unlinked, Signals checks what providers send by themselves.
	Outbox  *Outbox
	Signals *Signals

	known
	cfg        Config
	refresher  *refresh.Refresher
	background *background
}

// background is work that no caller waits for.
type background struct {
	*refresh.Background
	ctx  context.Context
	stop context.CancelFunc
}

// known are the configured providers.
type known struct {
	names     []string // in the configured order
	providers map[string]*client.Provider
}

// New makes a broker. It contacts no provider.
func New(cfg Config) (*Broker, error) {
	if cfg.Vault == nil || cfg.Origin == "" {
		return nil, errors.New("new broker: a vault and an origin are needed")
	}
	cfg.setDefaults()
	known, err := newKnown(&cfg)
	if err != nil {
		return nil, err
	}
	work := &background{Background: &refresh.Background{}}
	work.ctx, work.stop = context.WithCancel(context.Background())
	b := &Broker{known: known, cfg: cfg, background: work, Signals: &Signals{known, cfg.Vault}}
	b.refresher = refresh.New(refresh.Config{
		Providers: known.all(), Vault: cfg.Vault, Now: cfg.Now, Log: cfg.Log, Patience: cfg.Patience,
		TokenTimeout: cfg.TokenTimeout, Base: work.ctx, Background: work.Background, Audit: cfg.Audit,
		Tracer:    cfg.Tracer.Tracer("bff/refresh"),
		OnRefresh: cfg.OnRefresh, SameSubject: b.sameSubject, OnIDToken: b.refreshedIDToken,
		OnOrphan: func(c vault.Connection) { b.Outbox.orphaned(c) },
	})
	b.Outbox = &Outbox{known: known, cfg: cfg, held: b.refresher.Held, background: work, nudge: make(chan struct{}, 1)}
	return b, nil
}

func newKnown(cfg *Config) (known, error) {
	k := known{providers: map[string]*client.Provider{}}
	for _, pc := range cfg.Providers {
		if k.providers[pc.Name] != nil {
			return known{}, fmt.Errorf("new broker: provider %q is there twice", pc.Name)
		}
		p, err := client.New(pc, client.Options{Origin: cfg.Origin, Transport: cfg.Transport, Now: cfg.Now, Log: cfg.Log})
		if err != nil {
			return known{}, fmt.Errorf("new broker: provider %q %w", pc.Name, err)
		}
		k.names = append(k.names, pc.Name)
		k.providers[pc.Name] = p
	}
	return k, nil
}

// all returns the providers in the configured order.
func (k known) all() (all []*client.Provider) {
	for _, name := range k.names {
		all = append(all, k.providers[name])
	}
	return all
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
		cfg.Patience = 10 * time.Second
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

// ProviderInfo is what others may know of a provider.
type ProviderInfo struct {
	Name, Title string
	Keep        vault.Keep
	Auth        string   // as providers.Config.Auth; "" for OAuth
	Fields      []string // what a person types to link an account; none for OAuth
	Operated    bool     // calls carry the operator's credential: nobody links an account
}

// Providers lists them in the configured order.
func (b *Broker) Providers() []ProviderInfo {
	out := make([]ProviderInfo, 0, len(b.names))
	for _, p := range b.all() {
		out = append(out, ProviderInfo{Name: p.Name, Title: p.Title, Keep: p.Keep, Auth: p.Auth, Operated: p.Operated(),
			Fields: typedFields(p)})
	}
	return out
}

func (k known) provider(op, name string) (*client.Provider, error) {
	if p := k.providers[name]; p != nil {
		return p, nil
	}
	return nil, &Error{Kind: KindUnknown, Op: op, Provider: "?"}
}

// providerFor is a provider as it is for an account with these values.
func (k known) providerFor(op, name string, values map[string]string) (*client.Provider, error) {
	p, err := k.provider(op, name)
	if err != nil {
		return nil, err
	}
	return p.For(values)
}

// Check tries what can be tried without a person: the metadata and the keys.
func (b *Broker) Check(ctx context.Context, name string) error {
	p, err := b.provider("check", name)
	if err != nil {
		return err
	}
	return p.Check(ctx)
}

// Token returns c with an access token that is good now: c itself, or as it is after a refresh. It waits for one only
// when the token is spent. c must have been read a moment ago. Errors are *Error.
func (b *Broker) Token(ctx context.Context, c vault.Connection) (vault.Connection, error) {
	return b.refresher.Token(ctx, c)
}

// Renew is Token after an API refused c's access token: one forced refresh, unless another token is stored by now.
// Where it is not possible, or was done several times just now, it returns the token there is.
func (b *Broker) Renew(ctx context.Context, c vault.Connection) (vault.Connection, error) {
	return b.refresher.Renew(ctx, c)
}

// Drain waits for refreshes under way and for tokens the store has not taken yet, until ctx ends. The broker is of no
// use after it.
func (b *Broker) Drain(ctx context.Context) error {
	defer b.background.stop()
	return b.background.Wait(ctx)
}
