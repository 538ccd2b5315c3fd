package oauth

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// An account is who signed in.
type account struct {
	subject       string
	name          string
	email         string
	emailVerified bool
	picture       string

	session  string // at the provider: sid
	authTime time.Time
	claims   claims.Object // of the ID token, and of userinfo where the ID token has none of that name
}

// all is what says whose account it is: claims, or, where a provider has none, the token answer.
func (who *account) all(ans *client.Answer) claims.Object {
	if who.claims == nil {
		return ans.Fields
	}
	return who.claims
}

const maxClaim = 1024

// identify says whose tokens these are: by the ID token, by userinfo, or, where a provider has neither, by the token
// answer itself.
func (b *Broker) identify(
	ctx context.Context,
	p *client.Provider,
	m *client.Metadata,
	a Attempt,
	ans *client.Answer,
) (account, error) {
	const op = "identify the account at"
	var who account
	if p.IsOpenID() && (!ans.IDToken.IsZero() || slices.Contains(a.Scopes, "openid")) {
		token, err := b.idToken(ctx, p, m, a, ans)
		if err != nil {
			return account{}, err
		}
		who = readAccount(token.Claims, token.Subject, nil)
		who.session, who.authTime = token.Session, token.AuthTime
	}
	if m.UserinfoURL == "" && !p.IsOpenID() {
		who = readAccount(ans.Fields, ans.Fields.Joined(p.Userinfo.SubjectPath()), &p.Userinfo)
		who.claims = nil // they are tokens
	}
	if m.UserinfoURL != "" && (who.subject == "" || p.KeepsUserinfo() || client.Wanted(a.Scopes, who.name, who.email)) {
		info, err := p.UserinfoEndpoint.Fetch(ctx, m, ans.Tokens.Access)
		subject := info.Joined(p.Userinfo.SubjectPath())
		switch {
		case err != nil && who.subject == "":
			return account{}, err
		case err != nil:
			p.WarnOnce("userinfo", "userinfo could not be used: accounts have no name or address from it", "error", err.Error())
		case who.subject != "" && subject == "":
			// OpenID Connect Core section 5.3.2: one that names nobody must not be used.
			p.WarnOnce("userinfo sub", "userinfo names no subject and is not used")
		case who.subject != "" && subject != who.subject:
			return account{}, p.Fail(KindFailed, op, errors.New("userinfo is of another subject than the ID token"))
		default:
			who = merge(who, readAccount(info, subject, &p.Userinfo))
		}
	}
	if who.subject == "" || len(who.subject) > claims.MaxSubject {
		return account{}, p.Fail(KindFailed, op, errors.New("there is no usable subject"))
	}
	who.bound()
	return who, nil
}

// idToken verifies the ID token of a sign-in.
func (b *Broker) idToken(
	ctx context.Context,
	p *client.Provider,
	m *client.Metadata,
	a Attempt,
	ans *client.Answer,
) (claims.IDToken, error) {
	const op = "verify the ID token of"
	fail := func(text string) (claims.IDToken, error) {
		return claims.IDToken{}, p.Fail(KindFailed, op, errors.New(text))
	}
	if ans.IDToken.IsZero() {
		return fail("there is none")
	}
	o, h, err := m.Keys.Verify(ctx, ans.IDToken.Reveal())
	if errors.Is(err, client.ErrKeys) {
		return claims.IDToken{}, p.Unavailable(op, err)
	}
	if err != nil {
		return claims.IDToken{}, p.Fail(KindFailed, op, err)
	}
	token, fault := claims.CheckIDToken(o, h, p.Expect(), claims.ForSignIn{
		Nonce: a.Nonce.Reveal(), AccessToken: ans.Tokens.Access.Reveal(), HostedDomain: p.Authorization.Params["hd"],
	})
	if fault != "" {
		return fail(fault)
	}
	return token, nil
}

// sameSubject refuses an answer to a refresh whose ID token is another account's (OpenID Connect Core section 12.2).
// The answer came from the token endpoint itself, so it is read without its signature: one that cannot be read
// decides nothing.
func (b *Broker) sameSubject(c vault.Connection, ans *client.Answer) error {
	p := b.providers[c.Provider]
	if p == nil || !p.IsOpenID() || ans.IDToken.IsZero() {
		return nil
	}
	o, err := claims.ParseUnverified(ans.IDToken.Reveal())
	if err != nil || o.Text("sub") == "" || p.Account(o.Text("sub"), c.Values) == c.Account.Subject {
		return nil
	}
	return errors.New("the ID token is another account's")
}

// refreshedIDToken hands the claims of an ID token that came with a refresh on.
func (b *Broker) refreshedIDToken(ctx context.Context, c vault.Connection, ans *client.Answer) {
	p, err := b.providerFor("read a refreshed ID token of", c.Provider, c.Values)
	if b.cfg.OnClaims == nil || err != nil || !p.IsOpenID() {
		return
	}
	b.background.Go(func() {
		m, err := p.Discovery.Metadata(b.background.ctx)
		if err != nil {
			return
		}
		o, h, err := m.Keys.Verify(b.background.ctx, ans.IDToken.Reveal())
		if err != nil {
			p.WarnOnce("refreshed id token", "an ID token that came with a refresh does not verify: its claims are not used")
			return
		}
		if token, fault := claims.CheckRefreshedIDToken(o, h, p.Expect(), p.Subject(c.Account.Subject, c.Values)); fault == "" {
			b.cfg.OnClaims(b.background.ctx, c, token.Claims)
		}
	})
}

// readAccount reads claims whose names and types vary between providers: numbers as ids, booleans as texts.
func readAccount(o claims.Object, subject string, from *providers.Userinfo) account {
	get := func(claim string) any {
		if from != nil && from.Profile[claim] != "" {
			return o.At(from.Profile[claim])
		}
		return o[claim]
	}
	verified := get("email_verified")
	return account{subject: subject, name: claims.Text(get("name")), email: claims.Text(get("email")),
		picture: claims.Text(get("picture")), emailVerified: verified == true || verified == "true", claims: o}
}

// merge fills from userinfo what the ID token left out.
func merge(token, info account) account {
	if token.subject == "" {
		return info
	}
	all := maps.Clone(info.claims)
	maps.Copy(all, token.claims)
	token.claims = all
	if token.name == "" {
		token.name = info.name
	}
	if token.email == "" {
		token.email, token.emailVerified = info.email, info.emailVerified
	}
	if token.picture == "" {
		token.picture = info.picture
	}
	return token
}

// bound leaves out texts that are too long to keep and pictures that are not fetched over https.
func (who *account) bound() {
	for _, text := range [...]*string{&who.name, &who.email, &who.picture} {
		if len(*text) > maxClaim {
			*text = ""
		}
	}
	if !strings.HasPrefix(who.picture, "https://") {
		who.picture = ""
	}
}
