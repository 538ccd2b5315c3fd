package oauth

import (
	"context"
	"errors"

	"bff/internal/oauth/refresh"
	"bff/internal/vault"
)

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
