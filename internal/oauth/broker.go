package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

const maxBehind = 64

// Config is what a Broker needs.
type Config struct {
	Providers    []providers.Config // required
	Vault        *vault.Vault       // required
	Origin       string             // required: redirect URIs are Origin + "/bff/callback/" + name
	Now          func() time.Time   // time.Now when nil
	Log          *slog.Logger       // discarded when nil
	Patience     time.Duration      // how long a caller waits for a refresh; 10 s when zero
	TokenTimeout time.Duration      // of one token call, whoever still waits for it; 30 s when zero

	OnRefresh    func(provider, outcome string, took time.Duration) // nil: nobody counts
	OnRevocation func(provider, outcome string)                     // nil: nobody counts
}

// A Broker runs flows and keeps tokens fresh. It is safe for concurrent use.
type Broker struct {
	cfg       Config
	vault     *vault.Vault
	names     []string
	providers map[string]*provider
	base      context.Context // of work that no caller waits for
	stop      context.CancelFunc

	flight  singleflight.Group // by connection
	held    heldTokens
	memory  *memories
	behind  chan struct{} // bounds refreshes behind callers' backs
	errands errands
	nudge   chan struct{}
}

// New makes a broker. It contacts no provider.
func New(cfg Config) (*Broker, error) {
	if cfg.Vault == nil || cfg.Origin == "" {
		return nil, errors.New("new broker: a vault and an origin are needed")
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
		cfg.OnRefresh = func(string, string, time.Duration) {}
	}
	if cfg.OnRevocation == nil {
		cfg.OnRevocation = func(string, string) {}
	}
	b := &Broker{cfg: cfg, vault: cfg.Vault, providers: map[string]*provider{}, memory: newMemories(),
		behind: make(chan struct{}, maxBehind), nudge: make(chan struct{}, 1)}
	b.base, b.stop = context.WithCancel(context.Background())
	client := newClient(cfg.Now)
	for _, pc := range cfg.Providers {
		if b.providers[pc.Name] != nil {
			return nil, fmt.Errorf("new broker: provider %q is there twice", pc.Name)
		}
		p, err := newProvider(pc, cfg.Origin)
		if err != nil {
			return nil, fmt.Errorf("new broker: provider %q %w", pc.Name, err)
		}
		p.client, p.now = client, cfg.Now
		b.names = append(b.names, pc.Name)
		b.providers[pc.Name] = p
	}
	return b, nil
}

// newProvider checks what a configuration must have for the provider to be asked anything at all.
func newProvider(pc providers.Config, origin string) (*provider, error) {
	if pc.Name == "" || pc.Client.ID == "" || pc.Issuer == "" && (pc.Authorization.URL == "" || pc.Token.URL == "") {
		return nil, errors.New("needs a name, a client id, and an issuer or its endpoints")
	}
	switch pc.Client.Auth {
	case "", clientSecretBasic, clientSecretPost, privateKeyJWT:
	default:
		return nil, errors.New("has a client_auth that is none of client_secret_basic, client_secret_post and private_key_jwt")
	}
	if pc.Title == "" {
		pc.Title = pc.Name
	}
	if pc.Keep == "" {
		pc.Keep = vault.KeepSession
	}
	p := &provider{Config: pc, redirect: origin + "/bff/callback/" + pc.Name}
	if pc.Client.Auth == privateKeyJWT || !pc.Client.Key.IsZero() {
		signer, err := newSigner(&pc)
		if err != nil {
			return nil, err
		}
		p.signer = signer
	}
	return p, nil
}

// ProviderInfo is what may be told of a provider.
type ProviderInfo struct {
	Name, Title string
	Keep        vault.Keep
}

// Providers lists them in the configured order.
func (b *Broker) Providers() []ProviderInfo {
	out := make([]ProviderInfo, 0, len(b.names))
	for _, n := range b.names {
		p := b.providers[n]
		out = append(out, ProviderInfo{Name: p.Name, Title: p.Title, Keep: p.Keep})
	}
	return out
}

func (b *Broker) provider(op, name string) (*provider, error) {
	if p := b.providers[name]; p != nil {
		return p, nil
	}
	return nil, &Error{Kind: KindUnknown, Op: op, Provider: "?"}
}

// Check tries what can be tried without a person: the metadata and the keys.
func (b *Broker) Check(ctx context.Context, name string) error {
	p, err := b.provider("check", name)
	if err != nil {
		return err
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return err
	}
	if m.JWKSURL == "" {
		return nil
	}
	if err := p.reach(ctx, m.JWKSURL); err != nil {
		return p.fail(KindUnavailable, "fetch the keys of", err)
	}
	return nil
}

// Idle waits until nothing goes on behind the callers' backs, or ctx ends.
func (b *Broker) Idle(ctx context.Context) error { return b.errands.wait(ctx) }

// Drain waits for refreshes under way and for tokens the store has not taken yet, until ctx ends. The broker is of no use after it.
func (b *Broker) Drain(ctx context.Context) error {
	defer b.stop()
	return b.errands.wait(ctx)
}
