package demo

import (
	"context"
	"errors"
	"fmt"

	"bff/internal/demo/apis"
	"bff/internal/demo/backend"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
	"bff/internal/demo/trouble"
)

// Config says which client there is, and what the demo plays.
type Config = provider.Config

// A Demo is a running provider with its APIs and a backend. Safe for concurrent use.
type Demo struct {
	*provider.Provider
	*apis.APIs
	*backend.Backend
	*journal.Journal

	cfg   Config
	stop  context.CancelFunc
	ports []*trouble.Port
}

// Start listens on three ports of loopback and returns the running demo. Close it.
func Start(cfg Config) (*Demo, error) {
	if cfg.Origin == "" {
		return nil, errors.New("start demo: the client's origin is needed")
	}
	cfg = cfg.WithDefaults()
	closing, stop := context.WithCancel(context.Background())
	d := &Demo{Journal: journal.New(cfg.Now, cfg.Log), cfg: cfg, stop: stop}
	for range 3 {
		p, err := trouble.Listen(closing)
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("start demo: %w", err)
		}
		d.ports = append(d.ports, p)
	}
	var err error
	if d.Provider, err = provider.New(closing, d.ports[0], cfg, d.Journal); err != nil {
		d.Close()
		return nil, fmt.Errorf("start demo: %w", err)
	}
	d.APIs = apis.New(closing, d.ports[1], apis.Config{Access: d.Bearer, Log: d.Journal, Now: cfg.Now})
	d.Backend = backend.New(d.ports[2], backend.Config{Origin: cfg.Origin, Fronts: cfg.Fronts, Log: d.Journal,
		Now: cfg.Now})
	return d, nil
}

// Close stops all ports. Calls under way are cut off.
func (d *Demo) Close() {
	d.stop()
	for _, p := range d.ports {
		p.Close()
	}
}
