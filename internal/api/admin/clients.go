package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/secret"
)

// clientBook knows the services of Config.Clients. What is compared are digests of the secrets, so that neither a
// secret's length nor a name's being known shows in the time it takes.
type clientBook struct {
	byName map[string]*knownClient
	decoy  secret.Text // for names that are not known
	guard  guesses
}

type knownClient struct {
	route.Client
	digest secret.Text
}

func newClientBook(clients []route.Client, now func() time.Time) *clientBook {
	b := &clientBook{
		byName: map[string]*knownClient{},
		decoy:  secret.New(rand.Text()),
		guard:  guesses{now: now, buckets: map[guessKey]*rate.Limiter{}},
	}
	for _, c := range clients {
		b.byName[c.Name] = &knownClient{c, digestOf(c.Secret)}
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

// Identify finds out which service asks, and whether it may: HTTP Basic or client_secret_post, one of them (RFC 6749
// section 2.3.1). It reads the form of a ClientForm row.
func (a *Admin) Identify(c *route.Call) error {
	form := url.Values{}
	if c.Row.Who == route.ClientForm {
		var e *route.OAuthError
		if form, e = route.ReadForm(c.R); e != nil {
			return e
		}
	}
	client, e := a.authenticate(c, form)
	if e != nil {
		return e
	}
	c.Client, c.Form = client, form
	if !client.Has(c.Row.May) {
		return &route.OAuthError{Status: http.StatusForbidden, Code: "unauthorized_client",
			Description: "this client's configuration does not allow it"}
	}
	return nil
}

func (a *Admin) authenticate(c *route.Call, form url.Values) (*route.Client, *route.OAuthError) {
	name, presented, e := credentials(c.R, form)
	if e != nil {
		return nil, e
	}
	known, ok := a.clients.byName[name]
	digest := a.clients.decoy
	if ok {
		digest = known.digest
	}
	wait, right := a.clients.guard.try(a.cfg.Peers.Address(c.R), name, func() bool {
		found := false
		for _, p := range presented {
			found = digest.Equal(digestOf(p)) || found
		}
		return found && ok
	})
	switch {
	case wait > 0:
		return nil, &route.OAuthError{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable",
			Description: "too many wrong secrets", BFFError: problem.RateLimited, Retry: wait}
	case !right:
		if ok {
			a.cfg.Log.WarnContext(c.Ctx(), "a service presented a wrong secret", "client", known.Name)
		} else {
			a.cfg.Log.WarnContext(c.Ctx(), "a service that is not configured presented a secret")
		}
		return nil, &route.OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client", Challenge: true}
	}
	return &known.Client, nil
}

// credentials reads what a service presents. With Basic, both parts are form-encoded; since many clients send them as
// they are, both readings of the secret count.
func credentials(r *http.Request, form url.Values) (name string, secrets []secret.Text, e *route.OAuthError) {
	refused := &route.OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client", Challenge: true}
	header := r.Header["Authorization"]
	posted := form.Get("client_secret")
	if len(header) > 1 || len(header) == 1 && posted != "" {
		return "", nil, route.Invalid("more than one way of authentication")
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
		return "", nil, route.Invalid("client_id is not who authenticates")
	}
	return user, secrets, nil
}

// guesses bounds wrong secrets per address and name: a service that knows its secret is never slowed down by another
// machine's guesses, nor by another name's.
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
	maxGuessers  = 50_000 // addresses and names; bounds what a flood of them can take
	wrongGuesses = 20     // at once
	guessPause   = 3 * time.Second
)

// try runs verify unless too many of its kind failed; then it says how long to wait. Tries of one process come one by
// one, so that many at once are not many free ones.
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
		if len(g.buckets) >= maxGuessers {
			g.sweep(now)
		}
		b = rate.NewLimiter(rate.Every(guessPause), wrongGuesses)
		g.buckets[key] = b
	}
	b.AllowN(now, 1)
	return 0, false
}

// sweep drops full buckets; when an attacker filled all of them, all: the bound matters more than the last guess.
func (g *guesses) sweep(now time.Time) {
	for key, b := range g.buckets {
		if b.TokensAt(now) >= wrongGuesses {
			delete(g.buckets, key)
		}
	}
	if len(g.buckets) >= maxGuessers {
		clear(g.buckets)
	}
}
