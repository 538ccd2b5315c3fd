package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	googlejwt "golang.org/x/oauth2/jwt"

	"bff/internal/oauth/address"
	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

const alarmEvery = time.Minute

// Options are what a provider's client needs beside the provider.
type Options struct {
	Origin    string            // required: the redirect URI is Origin + "/bff/callback/" + name
	Transport http.RoundTripper // required: carries every request, see [NewTransport]
	Now       func() time.Time  // required
	Log       *slog.Logger      // required
}

// A Provider is one configured provider at work. Safe for concurrent use.
type Provider struct {
	providers.Config
	http     *http.Client
	log      *slog.Logger
	now      func() time.Time
	redirect string
	signer   jose.Signer       // of private_key_jwt, and of a GitHub App
	account  *googlejwt.Config // of a service account
	trusted  map[string]bool   // hosts that the operator wrote
	inside   atomic.Bool       // the issuer's own address is of an inner network

	mu      sync.Mutex
	meta    *Metadata
	fetched time.Time
	pause   time.Time // no discovery before this
	failed  error

	security struct {
		mu      sync.Mutex
		issuer  string
		keys    *Keys
		fetched time.Time
		pause   time.Time
	}

	notices *notices
	base    *Provider // of one that [Provider.For] made, with the places of values; nil: this is it
	sites   sites     // what For made
}

// notices are what was logged of a provider.
type notices struct {
	mu      sync.Mutex
	alarm   time.Time
	unread  int // answers that nothing reads
	advised time.Time
	said    map[string]bool
}

// New checks what a configuration must have for the provider to be asked anything at all. It contacts nobody.
func New(pc providers.Config, o Options) (*Provider, error) {
	switch {
	case pc.Keyed():
		return newKeyed(pc, o)
	case pc.Auth != "":
		return newOperated(pc, o)
	}
	if pc.Name == "" || pc.Client.ID == "" || pc.Issuer == "" && (pc.Authorization.URL == "" || pc.Token.URL == "") {
		return nil, errors.New("needs a name, a client id, and an issuer or its endpoints")
	}
	switch pc.Client.Auth {
	case "", providers.ClientSecretBasic, providers.ClientSecretPost, providers.PrivateKeyJWT, providers.SignedSecret:
	default:
		return nil, errors.New(
			"has a client_auth that is none of client_secret_basic, client_secret_post, private_key_jwt and signed_secret",
		)
	}
	pc, err := pc.Filled(pc.Fixed())
	if err != nil {
		return nil, errors.New("has an address that its variables do not fit: " + err.Error())
	}
	p := assemble(pc, o)
	if pc.Client.Auth == providers.PrivateKeyJWT || pc.Client.Auth == providers.SignedSecret || !pc.Client.Key.IsZero() {
		signer, err := newSigner(&pc)
		if err != nil {
			return nil, err
		}
		p.signer = signer
	}
	return p, nil
}

func assemble(pc providers.Config, o Options) *Provider {
	if pc.Title == "" {
		pc.Title = pc.Name
	}
	if pc.Keep == "" {
		pc.Keep = vault.KeepSession
	}
	p := &Provider{Config: pc, redirect: o.Origin + "/bff/callback/" + pc.Name, now: o.Now, log: o.Log, notices: &notices{}}
	p.trusted = trustedHosts(&pc)
	p.http = p.client(o.Transport)
	return p
}

// client carries the requests of p.
func (p *Provider) client(next http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     &wire{next: next, p: p},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// trustedHosts are those of the addresses that the operator wrote, or a built-in file: they may be inside.
func trustedHosts(pc *providers.Config) map[string]bool {
	hosts := map[string]bool{}
	for _, address := range []string{pc.Issuer, pc.Authorization.URL, pc.Token.URL, pc.Token.RefreshURL, pc.Userinfo.URL,
		pc.Revocation.URL, pc.Shapes.LongLivedURL, pc.JWKSURL, pc.EndSessionURL, pc.RISCURL} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts[strings.ToLower(u.Hostname())] = true
		}
	}
	return hosts
}

// IsOpenID reports whether the provider makes ID tokens.
func (p *Provider) IsOpenID() bool { return p.Issuer != "" }

// TokenIssuer is whose tokens count as this provider's.
func (p *Provider) TokenIssuer() claims.Issuer {
	return claims.Issuer{Name: p.Issuer, Forms: p.Issuers}
}

// Expect is what every signed token of this provider is compared with.
func (p *Provider) Expect() claims.Expect {
	return claims.Expect{Issuer: p.TokenIssuer(), ClientID: p.Client.ID, Now: p.now()}
}

// Fail makes an error of this provider.
func (p *Provider) Fail(kind Kind, op string, err error) *Error {
	return &Error{Kind: kind, Op: op, Provider: p.Name, Err: err}
}

// Unavailable is a failure that passes by itself.
func (p *Provider) Unavailable(op string, err error) *Error {
	return &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
}

// AlarmDue reports whether it is time to log that the provider refuses this client, at most once a minute.
func (p *Provider) AlarmDue() bool {
	n := p.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	now := p.now()
	if now.Sub(n.alarm) < alarmEvery {
		return false
	}
	n.alarm = now
	return true
}

// WarnOnce logs a warning about this provider, each key once in the life of the process.
func (p *Provider) WarnOnce(key, text string, args ...any) {
	n := p.notices
	n.mu.Lock()
	if n.said == nil {
		n.said = map[string]bool{}
	}
	said := n.said[key]
	if len(n.said) < maxNotices {
		n.said[key] = true
	}
	n.mu.Unlock()
	if !said {
		p.log.Warn(text, append([]any{"provider", p.Name}, args...)...)
	}
}

const maxNotices = 256

// Check tries what can be tried without a person: the metadata, the keys, the operator's credential. Where a person
// chooses what addresses are made of, and no default stands in, nothing can.
func (p *Provider) Check(ctx context.Context) error {
	if p.Auth != "" {
		return p.checkOperated(ctx)
	}
	p, err := p.For(nil)
	if errors.Is(err, address.ErrMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := p.Metadata(ctx)
	if err != nil || m.Keys == nil {
		return err
	}
	n, err := m.Keys.Fetch(ctx)
	switch {
	case err != nil:
		return p.Fail(KindUnavailable, "fetch the keys of", err)
	case n == 0:
		return p.Fail(KindUnavailable, "read the keys of", errors.New("none of them can verify an ID token"))
	}
	return nil
}
