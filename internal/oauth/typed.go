package oauth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"strings"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	maxTyped   = 4096 // bytes of a key or a password
	maxAccount = 255  // bytes of a username
)

// Typed is what a person typed to link an account.
type Typed struct {
	Provider string
	APIKey   secret.Text // of providers.AuthAPIKey
	Username string      // of providers.AuthBasic
	Password secret.Text
	Subject  string            // of the account that is repaired; "" for another one
	Values   map[string]string // of variables, as [Broker.Values] made them
}

// Typed reports whether accounts of a provider are linked by what a person types.
func (b *Broker) Typed(provider string) bool {
	p := b.providers[provider]
	return p != nil && p.Typed()
}

func typedFields(p *client.Provider) []string {
	switch {
	case !p.Typed():
		return nil
	case p.Auth == providers.AuthBasic:
		return []string{"username", "password"}
	}
	return []string{"api_key"}
}

// Operated reports whether calls to a provider carry the operator's credential: nobody links an account.
func (b *Broker) Operated(provider string) bool {
	p := b.providers[provider]
	return p != nil && p.Operated()
}

// OperatorConnection is what calls of every user go through at a provider that is operated. It has no id.
func (b *Broker) OperatorConnection(provider string) vault.Connection {
	return b.refresher.Operated(provider)
}

// Secrets appends what no answer may repeat of a connection's credential beside what is sent: the password inside.
func (b *Broker) Secrets(all []secret.Text, c *vault.Connection) []secret.Text {
	all = append(all, c.Tokens.Refresh)
	if p := b.providers[c.Provider]; p != nil && p.Auth == providers.AuthBasic {
		if pair, err := base64.StdEncoding.DecodeString(c.Tokens.Access.Reveal()); err == nil {
			_, password, _ := strings.Cut(string(pair), ":")
			all = append(all, secret.New(password))
		}
	}
	return all
}

// LinkTyped tries a credential that a person typed, where the provider can be asked, and returns the connection that
// keeps it. KindDenied: the provider refuses it. KindFailed: it is none.
func (b *Broker) LinkTyped(ctx context.Context, in Typed) (vault.Connection, error) {
	const op = "link an account at"
	p, err := b.providerFor(op, in.Provider, in.Values)
	if err != nil {
		return vault.Connection{}, err
	}
	if !p.Typed() {
		return vault.Connection{}, &Error{Kind: KindUnknown, Op: op, Provider: p.Name}
	}
	token, ok := credential(p.Auth, in)
	if !ok {
		return vault.Connection{}, p.Fail(KindFailed, op, errors.New("what was typed is no credential of its kind"))
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	o, err := p.UserinfoEndpoint.Try(ctx, token)
	if err != nil {
		return vault.Connection{}, err
	}
	k := &kept{p: p, values: maps.Clone(in.Values)}
	if err := k.account(ctx, o, token); err != nil {
		return vault.Connection{}, err
	}
	who := readAccount(o, o.Joined(p.Userinfo.SubjectPath()), &p.Userinfo)
	repaired := p.Subject(in.Subject, k.values) // as the provider has it
	switch {
	case len(who.subject) > claims.MaxSubject:
		return vault.Connection{}, p.Fail(KindFailed, op, errors.New("there is no usable subject"))
	case who.subject != "":
	case p.Auth == providers.AuthBasic:
		who.subject = in.Username
	case in.Subject != "":
		who.subject = repaired
	default:
		who.subject = "key-" + strings.ToLower(rand.Text()[:16]) // nothing of the key may show
	}
	who.bound()
	subject, now := p.Account(who.subject, k.values), b.cfg.Now()
	if in.Subject != "" && who.subject == repaired {
		subject = in.Subject // what tells accounts apart may have changed since it was linked
	}
	return vault.Connection{Provider: p.Name, Keep: p.Keep, Status: vault.StatusActive,
		Account:     vault.Account{Subject: subject, Email: who.email, Name: who.name},
		Values:      k.values,
		ConnectedAt: now, UsedAt: now, Scopes: p.Scopes, Tokens: vault.Tokens{Access: token, ObtainedAt: now}}, nil
}

// credential is what is sent of what was typed. ok is false when a header cannot carry it.
func credential(auth string, in Typed) (_ secret.Text, ok bool) {
	if auth == providers.AuthAPIKey {
		key := strings.TrimSpace(in.APIKey.Reveal())
		return secret.New(key), key != "" && visible(key, maxTyped)
	}
	user, password := in.Username, in.Password.Reveal()
	if user == "" || strings.Contains(user, ":") || !visible(user, maxAccount) || !visible(password, maxTyped) {
		return secret.Text{}, false
	}
	return secret.New(base64.StdEncoding.EncodeToString([]byte(user + ":" + password))), true
}

// visible: of the length, without control characters.
func visible(s string, most int) bool {
	return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
