package oauth

import (
	"context"
	"errors"
	"strings"
	"time"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/client"
	"bff/internal/vault"
)

// Signals checks the tokens that providers send by themselves: logout tokens and security event tokens. It is safe for
// concurrent use.
type Signals struct {
	known
	vault *vault.Vault // which tokens were used
}

// A Logout is what a logout token names: a session at the provider, a user, or both.
type Logout struct {
	UserID  string         // as [SecurityEvent.UserID]
	Account vault.Identity // as [SecurityEvent.Account]
	Handle  string         // as [Grant.Handle]; "" when it names a user alone
}

// whom is the account that a token calls sub, and its user's id as the version before gave it.
func whom(p *client.Provider, sub string, values map[string]string) (account vault.Identity, userID string) {
	account = vault.Identity{Provider: p.Name, Issuer: p.Issuer}
	switch {
	case sub == "":
		return vault.Identity{}, ""
	case p.Several():
		account.Named = sub
		return account, ""
	}
	account.Subject = p.Account(sub, values)
	return account, vault.UserID(p.Name, p.Issuer, account.Subject)
}

// verify checks the signature of a token that a provider sent by itself.
func verify(
	ctx context.Context,
	p *client.Provider,
	keys *client.Keys,
	op, raw string,
) (claims.Object, claims.Header, error) {
	o, h, err := keys.Verify(ctx, raw)
	switch {
	case errors.Is(err, client.ErrKeys):
		return nil, h, p.Unavailable(op, err)
	case err != nil:
		return nil, h, p.Fail(KindFailed, op, err)
	}
	return o, h, nil
}

// LogoutToken validates a logout token in the order of OpenID Connect Back-Channel Logout 1.0 section 2.6, and has
// carryOut do what it asks for. A token is spent when carryOut has returned nil, and not before: sent again after an
// error, an outage or a crash it is accepted. Without the store, none is. carryOut may run twice for one token.
func (s *Signals) LogoutToken(
	ctx context.Context,
	name, raw string,
	carryOut func(context.Context, Logout) error,
) error {
	const op = "verify the logout token of"
	p, values, err := s.speaker(op, name, raw)
	if err != nil {
		return err
	}
	fail := func(text string) error { return p.Fail(KindFailed, op, errors.New(text)) }
	if !p.IsOpenID() {
		return fail("the provider makes none")
	}
	m, err := p.Discovery.Metadata(ctx)
	if err != nil {
		return err
	}
	o, h, err := verify(ctx, p, m.Keys, op, raw)
	if err != nil {
		return err
	}
	token, fault := claims.CheckLogoutToken(o, h, p.Expect())
	if fault != "" {
		return fail(fault)
	}
	out := Logout{Handle: handle(p, token.Session)}
	out.Account, out.UserID = whom(p, token.Subject, values)
	once := onceOnly{kind: "logout/" + place(p), id: token.ID, keep: 2*claims.LogoutFresh + claims.Skew}
	fresh, err := s.once(ctx, p, op, once, func(ctx context.Context) error { return carryOut(ctx, out) })
	if err == nil && !fresh {
		return fail("it was used before")
	}
	return err
}

// onceOnly is the id of a token that a provider sent by itself.
type onceOnly struct {
	kind, id string
	keep     time.Duration // how long the token could be sent again
}

// once does the work of a token that is accepted once. fresh is false where it was done before.
func (s *Signals) once(ctx context.Context, p *client.Provider, op string, o onceOnly,
	work func(context.Context) error) (fresh bool, err error) {
	unavailable := func(err error) error {
		return &Error{Kind: KindStore, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
	}
	claim, state, err := s.vault.Attempts.Claim(ctx, o.kind, o.id)
	switch {
	case err != nil:
		return false, unavailable(err)
	case state == vault.ClaimBusy:
		return false, unavailable(errors.New("it is being carried out"))
	case state == vault.ClaimDone:
		return false, nil
	}
	if err := work(ctx); err != nil {
		_ = claim.Release(ctx) // else it ends by itself, in seconds
		return false, err
	}
	if err := claim.Done(ctx, o.keep); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return false, unavailable(err)
	}
	return true, nil
}

// speaker is the provider as it is for accounts of whoever says that a token is theirs, with the values that tell them
// apart. Nothing of the token is verified yet.
func (s *Signals) speaker(op, name, raw string) (*client.Provider, map[string]string, error) {
	p, err := s.provider(op, name)
	if err != nil {
		return nil, nil, err
	}
	issuer := ""
	if o, err := claims.ParseUnverified(raw); err == nil {
		issuer = o.Text("iss")
	}
	return p.Named(issuer)
}

// place names who makes a provider's tokens: of a provider with several issuers, each has ids of its own.
func place(p *client.Provider) string {
	if p.ChosenIssuer() {
		return p.Name + "@" + p.Issuer
	}
	return p.Name
}

// handle names a session at the provider.
func handle(p *client.Provider, sid string) string {
	if sid == "" {
		return ""
	}
	return place(p) + "/" + sid
}

// SecurityKind is what a security event says.
type SecurityKind int

// The kinds of security events, by their URIs.
const (
	Other            SecurityKind = iota // known or not, it needs nothing to be done
	SessionsRevoked                      // end the account's sessions
	TokensRevoked                        // the account's grant is dead
	AccountDisabled                      // end its sessions
	AccountPurged                        // the account does not exist any more
	CredentialChange                     // end its sessions: somebody else may know the password
	Verification                         // a test
)

// A SecurityEvent is one event of a security event token (RFC 8417).
type SecurityEvent struct {
	Kind SecurityKind
	// Account is whose it is, zero when it is about nobody. Of a provider that has several accounts of a person it says
	// none: Subject is "", and all that [vault.Vault.Called] lists are meant.
	Account vault.Identity
	UserID  string // as the version before users gave it, "" where Account has no subject
}

// securityKind reads an event's URI. tokens-revoked belongs to oauth; some put it under risc.
func securityKind(uri string) SecurityKind {
	const events = "https://schemas.openid.net/secevent/"
	switch strings.TrimPrefix(strings.TrimSuffix(uri, "/"), events) {
	case "risc/event-type/sessions-revoked":
		return SessionsRevoked
	case "oauth/event-type/tokens-revoked", "risc/event-type/tokens-revoked":
		return TokensRevoked
	case "risc/event-type/account-disabled":
		return AccountDisabled
	case "risc/event-type/account-purged":
		return AccountPurged
	case "risc/event-type/account-credential-change-required":
		return CredentialChange
	case "risc/event-type/verification":
		return Verification
	}
	return Other
}

// SecurityEvents validates a security event token, and has carryOut do what its events ask for. It is spent as a
// logout token is: see LogoutToken. One whose work was done before is no error (RFC 8935 section 2.2), and carryOut
// is not called.
func (s *Signals) SecurityEvents(ctx context.Context, name, raw string,
	carryOut func(context.Context, []SecurityEvent) error) error {
	const op = "verify the security event token of"
	raw = strings.TrimSpace(raw)
	p, values, err := s.speaker(op, name, raw)
	if err != nil {
		return err
	}
	if !p.IsOpenID() {
		return p.Fail(KindFailed, op, errors.New("the provider makes none"))
	}
	issuer, keys, err := p.Transmitter.Keys(ctx)
	if err != nil {
		return err
	}
	o, h, err := verify(ctx, p, keys, op, raw)
	if err != nil {
		return err
	}
	token, fault := claims.CheckSecurityToken(o, h, p.Expect(), issuer)
	if fault != "" {
		return p.Fail(KindFailed, op, errors.New(fault))
	}
	var out []SecurityEvent
	for _, e := range token.Events {
		event := SecurityEvent{Kind: securityKind(e.URI)}
		event.Account, event.UserID = whom(p, e.Subject, values)
		out = append(out, event)
	}
	once := onceOnly{kind: "security/" + place(p), id: token.ID, keep: claims.SecurityFresh + time.Hour}
	_, err = s.once(ctx, p, op, once, func(ctx context.Context) error { return carryOut(ctx, out) })
	return err
}
