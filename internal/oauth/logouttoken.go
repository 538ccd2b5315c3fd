package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"bff/internal/vault"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutFresh = 10 * time.Minute // how old a logout token may be
	maxJTI      = 512
)

// A Logout is what a logout token names: a session at the provider, a user, or both.
type Logout struct {
	UserID string // "" when the token names a session alone
	Handle string // as [Grant.Handle]; "" when it names a user alone
}

// audience is `aud`: one string or several (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("not an audience")
	}
	*a = many
	return nil
}

type logoutClaims struct {
	Issuer   string                     `json:"iss"`
	Subject  string                     `json:"sub"`
	Audience audience                   `json:"aud"`
	IssuedAt float64                    `json:"iat"`
	Expiry   float64                    `json:"exp"`
	ID       string                     `json:"jti"`
	Session  string                     `json:"sid"`
	Tenant   string                     `json:"tid"`
	Nonce    *json.RawMessage           `json:"nonce"`
	Events   map[string]json.RawMessage `json:"events"`
}

// LogoutToken validates a logout token in the order of OpenID Connect Back-Channel Logout 1.0 section 2.6. Each is accepted once: without the store, none is.
func (b *Broker) LogoutToken(ctx context.Context, name, raw string) (Logout, error) {
	const op = "verify the logout token of"
	p, err := b.provider(op, name)
	if err != nil {
		return Logout{}, err
	}
	fail := func(text string) (Logout, error) { return Logout{}, p.fail(KindFailed, op, errors.New(text)) }
	if p.Issuer == "" {
		return fail("the provider makes none")
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Logout{}, err
	}
	token, err := m.keys.verify(ctx, raw)
	if errors.Is(err, errKeys) {
		return Logout{}, &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
	}
	if err != nil {
		return fail("it does not verify")
	}
	var c logoutClaims
	if json.Unmarshal(token.payload, &c) != nil {
		return fail("its claims do not parse")
	}
	if fault := p.checkLogout(token.typ, &c); fault != "" {
		return fail(fault)
	}
	first, err := b.vault.Once(ctx, "logout/"+p.Name, c.ID, 2*logoutFresh+clockSkew)
	if err != nil {
		return Logout{}, &Error{Kind: KindStore, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
	}
	if !first {
		return fail("it was used before")
	}
	out := Logout{Handle: p.handle(c.Session)}
	if c.Subject != "" {
		out.UserID = vault.UserID(p.Name, p.Issuer, c.Subject)
	}
	return out, nil
}

// checkLogout is section 2.6 from its third step on. The fourth, `exp`, is required since the final version; `iat` must be recent in any case.
func (p *provider) checkLogout(typ string, c *logoutClaims) (fault string) {
	now := p.now()
	issued, expiry := fromSeconds(c.IssuedAt), fromSeconds(c.Expiry)
	var event map[string]any
	switch {
	case typ != "" && !typed(typ, "logout+jwt") && !typed(typ, "JWT"):
		return "it is a token of another type"
	case !p.made(c.Issuer, c.Tenant):
		return "another issuer made it"
	case !slices.Contains(c.Audience, p.Client.ID):
		return "it is for another client"
	case c.IssuedAt <= 0 || issued.After(now.Add(clockSkew)) || issued.Before(now.Add(-logoutFresh)):
		return "it was not issued just now"
	case c.Expiry <= 0 || !expiry.After(now.Add(-clockSkew)):
		return "it has expired"
	case c.Subject == "" && c.Session == "":
		return "it names nobody"
	case len(c.Subject) > maxSubject || len(c.Session) > maxSubject:
		return "its subject is too long"
	case json.Unmarshal(c.Events[logoutEvent], &event) != nil || event == nil:
		return "it is not about a logout"
	case c.Nonce != nil:
		return "it has a nonce: it is an ID token"
	case c.ID == "" || len(c.ID) > maxJTI:
		return "it has no usable id"
	}
	return ""
}

// handle names a session at the provider.
func (p *provider) handle(sid string) string {
	if sid == "" {
		return ""
	}
	return p.Name + "/" + sid
}

// typed compares a media type of `typ`, with or without "application/" (RFC 7515 section 4.1.9).
func typed(typ, want string) bool {
	if len(typ) > 12 && strings.EqualFold(typ[:12], "application/") {
		typ = typ[12:]
	}
	return strings.EqualFold(typ, want)
}

func fromSeconds(s float64) time.Time {
	if s <= 0 || s > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}
