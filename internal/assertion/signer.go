package assertion

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"bff/internal/secret"
)

const (
	// Life is how long an assertion is valid.
	Life = time.Minute
	// renewAt is the age at which the next call gets a new one.
	renewAt = Life / 2
	// cached bounds how many assertions are kept.
	cached = 20_000
)

// Claims are what an assertion says.
type Claims struct {
	Issuer        string   `json:"iss"` // the front's origin
	Subject       string   `json:"sub"` // "u_…"
	Audience      string   `json:"aud"` // the backend's identity
	SessionID     string   `json:"sid"` // "s_…"
	IssuedAt      int64    `json:"iat"` // set by Assert
	ExpiresAt     int64    `json:"exp"` // set by Assert
	Rights        []string `json:"rights"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Name          string   `json:"name,omitempty"`
	AppID         string   `json:"app_id,omitempty"` // the application's own id of this user
	AuthTime      int64    `json:"auth_time"`        // of the sign-in, in Unix seconds
	Provider      string   `json:"provider"`         // of the sign-in
}

// says reports whether c and o differ at most in their times.
func (c *Claims) says(o *Claims) bool {
	return c.Issuer == o.Issuer && c.Subject == o.Subject && c.Audience == o.Audience && c.SessionID == o.SessionID &&
		c.Email == o.Email && c.EmailVerified == o.EmailVerified && c.Name == o.Name && c.AppID == o.AppID &&
		c.AuthTime == o.AuthTime && c.Provider == o.Provider && slices.Equal(c.Rights, o.Rights)
}

// Config is what a Signer needs.
type Config struct {
	Seeds []secret.Text    // required: 32 bytes for every key of the ring, derived with Label, in the ring's order
	Board Board            // required
	Now   func() time.Time // time.Now when nil
	Log   *slog.Logger     // discarded when nil
}

// A Signer makes assertions and checks them. It is safe for concurrent use.
type Signer struct {
	keys  []keyPair
	set   []byte // the JWK Set
	view  string
	board Board
	now   func() time.Time
	log   *slog.Logger
	made  *otter.Cache[cacheKey, *Signed]

	asking sync.Mutex // held by who asks the board
	choice atomic.Pointer[choice]
}

// cacheKey is what an assertion is kept under.
type cacheKey struct{ issuer, session, audience string }

// A Signed is an assertion.
type Signed struct {
	Claims Claims // as they were signed: shared, so never changed
	Token  secret.Text
}

// New makes a signer. It asks nobody.
func New(cfg Config) (*Signer, error) {
	if len(cfg.Seeds) == 0 || cfg.Board == nil {
		return nil, errors.New("new signer: a seed and a board are needed")
	}
	s := &Signer{board: cfg.Board, now: cfg.Now, log: cfg.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, seed := range cfg.Seeds {
		k, err := newKeyPair(seed)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, k)
	}
	var err error
	if s.set, s.view, err = keySet(s.keys); err != nil {
		return nil, err
	}
	s.made = otter.Must(&otter.Options[cacheKey, *Signed]{
		MaximumSize: cached, ExpiryCalculator: otter.ExpiryWriting[cacheKey, *Signed](Life),
	})
	return s, nil
}

// Close lets go of what the signer keeps. It is called once, when nobody signs any more.
func (s *Signer) Close() {
	s.made.InvalidateAll()
	s.made.StopAllGoroutines()
}

// Assert returns an assertion of c, which has at least half of its life before it. The caller's times are not looked
// at. An error is the board's, which has never answered yet.
func (s *Signer) Assert(ctx context.Context, c Claims) (*Signed, error) {
	now := s.now()
	key := cacheKey{c.Issuer, c.SessionID, c.Audience}
	if known, ok := s.made.GetIfPresent(key); ok && known.Claims.says(&c) {
		if age := now.Unix() - known.Claims.IssuedAt; age >= 0 && age < int64(renewAt/time.Second) {
			return known, nil
		}
	}
	chosen, err := s.current(ctx)
	if chosen.key == nil {
		return nil, err
	}
	c.Rights = append([]string{}, c.Rights...) // never null, and the caller's no longer
	c.IssuedAt = now.Unix()
	c.ExpiresAt = c.IssuedAt + int64(Life/time.Second)
	payload, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	token, err := chosen.key.sign(typAssertion, payload)
	if err != nil {
		return nil, err
	}
	out := &Signed{c, secret.New(token)}
	s.made.Set(key, out)
	return out, nil
}

// Sign returns a compact JWS of payload, of any type but an assertion's.
func (s *Signer) Sign(ctx context.Context, typ string, payload any) (string, error) {
	if typ == typAssertion {
		return "", errors.New("sign: an assertion is made by Assert")
	}
	chosen, err := s.current(ctx)
	if chosen.key == nil {
		return "", err
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return "", err
	}
	return chosen.key.sign(typ, body)
}

// JWKS returns the JWK Set (RFC 7517 section 5). The caller lets caches keep it for at most five minutes. An error is
// the board's: nobody would know that this set was published.
func (s *Signer) JWKS(ctx context.Context) ([]byte, error) {
	chosen, err := s.current(ctx)
	if err != nil && (chosen.key == nil || s.now().Sub(chosen.noted).Abs() >= staleAfter) {
		return nil, err
	}
	return s.set, nil
}
