package api

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/secret"
)

// clientBook knows the services of Config.Clients. What is compared are digests of the secrets, so that neither a secret's length nor a name's being known
// shows in the time it takes.
type clientBook struct {
	byName map[string]knownClient
	decoy  secret.Text // for names that are not known
	guard  guesses
}

type knownClient struct {
	Client
	digest secret.Text
}

func newClientBook(clients []Client, now func() time.Time) *clientBook {
	b := &clientBook{byName: map[string]knownClient{}, decoy: secret.New(rand.Text()), guard: guesses{now: now, buckets: map[guessKey]*rate.Limiter{}}}
	for _, c := range clients {
		b.byName[c.Name] = knownClient{c, digestOf(c.Secret)}
	}
	return b
}

// digestOf keeps an empty secret empty: it equals nothing.
func digestOf(s secret.Text) secret.Text {
	if s.IsZero() {
		return s
	}
	sum := sha256.Sum256([]byte(s.Reveal()))
	return secret.New(string(sum[:]))
}

// authenticate finds out which service asks: HTTP Basic or client_secret_post, one of them (RFC 6749 section 2.3.1).
func (s *Server) authenticate(r *http.Request, form url.Values) (Client, *tokenError) {
	name, presented, e := credentials(r, form)
	if e != nil {
		return Client{}, e
	}
	book := s.clients
	known, ok := book.byName[name]
	digest := book.decoy
	if ok {
		digest = known.digest
	}
	wait, right := book.guard.try(s.clientAddress(r), name, func() bool {
		found := false
		for _, p := range presented {
			found = digest.Equal(digestOf(p)) || found
		}
		return found && ok
	})
	switch {
	case wait > 0:
		return Client{}, &tokenError{status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Description: "too many wrong secrets",
			BFFError: codeRateLimited, retry: wait}
	case !right:
		if ok {
			s.cfg.Log.Warn("a service presented a wrong secret", "client", known.Name)
		} else {
			s.cfg.Log.Warn("a service that is not configured asked")
		}
		return Client{}, &tokenError{status: http.StatusUnauthorized, Code: "invalid_client", challenge: true}
	}
	return known.Client, nil
}

// credentials reads what a service presents. With Basic, both parts are form-encoded; since many clients send them as they are, both readings of the
// secret count.
func credentials(r *http.Request, form url.Values) (name string, secrets []secret.Text, e *tokenError) {
	refused := &tokenError{status: http.StatusUnauthorized, Code: "invalid_client", challenge: true}
	header := r.Header["Authorization"]
	posted := form.Get("client_secret")
	if len(header) > 1 || len(header) == 1 && posted != "" {
		return "", nil, invalid("more than one way of authentication")
	}
	if len(header) == 0 {
		if form.Get("client_id") == "" || posted == "" {
			return "", nil, refused
		}
		return form.Get("client_id"), []secret.Text{secret.New(posted)}, nil
	}
	user, password, ok := r.BasicAuth()
	if !ok || user == "" || password == "" {
		return "", nil, refused
	}
	secrets = []secret.Text{secret.New(password), secret.New(password)}
	if decoded, err := url.QueryUnescape(password); err == nil {
		secrets[1] = secret.New(decoded)
	}
	if name, err := url.QueryUnescape(user); err == nil {
		user = name
	}
	if id := form.Get("client_id"); id != "" && id != user {
		return "", nil, invalid("client_id is not who authenticates")
	}
	return user, secrets, nil
}

// guesses bounds wrong secrets per address and name: a service that knows its secret is never slowed down by another machine's guesses, nor by another
// name's.
type guesses struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[guessKey]*rate.Limiter
}

type guessKey struct {
	addr netip.Addr
	name [8]byte // of a digest: a name may be of any length
}

const (
	wrongGuesses = 20 // at once
	guessPause   = 3 * time.Second
)

// try runs verify unless too many of its kind failed; then it says how long to wait. Tries of one process come one by one, so that many at once are not many
// free ones.
func (g *guesses) try(addr netip.Addr, name string, verify func() bool) (wait time.Duration, ok bool) {
	sum := sha256.Sum256([]byte(name))
	key := guessKey{addr: addr, name: [8]byte(sum[:8])}
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.buckets[key]
	if b != nil && b.TokensAt(now) < 1 {
		return guessPause, false
	}
	if verify() {
		return 0, true
	}
	if b == nil {
		if len(g.buckets) >= maxBuckets {
			g.sweep(now)
		}
		b = rate.NewLimiter(rate.Every(guessPause), wrongGuesses)
		g.buckets[key] = b
	}
	b.AllowN(now, 1)
	return 0, false
}

// sweep forgets full buckets; when an attacker filled all of them, all: a bounded memory matters more than the last guess.
func (g *guesses) sweep(now time.Time) {
	for key, b := range g.buckets {
		if b.TokensAt(now) >= wrongGuesses {
			delete(g.buckets, key)
		}
	}
	if len(g.buckets) >= maxBuckets {
		clear(g.buckets)
	}
}
