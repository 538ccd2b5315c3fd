package oauth

import (
	"context"
	"fmt"

	"bff/internal/oauth/client"
	"bff/internal/oauth/refresh"
)

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
