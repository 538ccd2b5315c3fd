package refresh

import (
	"errors"
	"sync"
	"time"

	"bff/internal/oauth/client"
	"bff/internal/vault"
)

// A provider is a provider with what this instance knows of its state.
type provider struct {
	*client.Provider
	breaker  breaker
	operated operated
}

// maxSites bounds what is remembered of the hosts of providers with several.
const maxSites = 1024

// sites are providers with several hosts: one that does not answer is no reason to keep away from another.
type sites struct {
	mu sync.Mutex
	m  map[*client.Provider]*provider
}

func (s *sites) of(at *client.Provider) *provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.m[at]
	if p == nil {
		if s.m == nil || len(s.m) >= maxSites {
			s.m = map[*client.Provider]*provider{}
		}
		p = &provider{Provider: at}
		s.m[at] = p
	}
	return p
}

// open says that p must not be asked at the moment. It takes nothing.
func (p *provider) open(now time.Time) error {
	b := &p.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case now.Before(b.refused):
		return p.shut(b.refused.Sub(now), true)
	case now.Before(b.until):
		return p.shut(b.until.Sub(now), false)
	}
	return nil
}

// enter is [breaker.enter] with its error.
func (p *provider) enter(now time.Time) (bool, error) {
	ok, wait, refused := p.breaker.enter(now)
	if ok {
		return true, nil
	}
	return false, p.shut(wait, refused)
}

func (p *provider) shut(wait time.Duration, refused bool) error {
	e := &client.Error{Kind: client.KindUnavailable, Op: "refresh at", Provider: p.Name, RetryAfter: wait}
	if refused {
		e.Kind = client.KindMisconfigured
	}
	return e
}

func (p *provider) reauth(reason string) *client.Error {
	if reason == "" {
		reason = client.ReasonUnknown
	}
	return &client.Error{Kind: client.KindReauth, Op: "refresh at", Provider: p.Name, Reason: reason}
}

func (p *provider) storeError(err error) *client.Error {
	kind := client.KindStore
	if isGone(err) {
		kind = client.KindGone
	}
	return &client.Error{Kind: kind, Op: "refresh at", Provider: p.Name, RetryAfter: time.Second, Err: err}
}

// An operated token is obtained with the operator's credential. It is nobody's: it stands in no store, and every
// instance has one of its own, so that a new one is one request for each instance and token's life.
type operated struct {
	mu     sync.Mutex
	now    vault.Connection
	behind bool // one is being obtained behind the callers' backs
}

func isGone(err error) bool { return errors.Is(err, vault.ErrNotFound) }
