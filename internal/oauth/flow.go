package oauth

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// Begin says what to request.
type Begin struct {
	Provider          string
	Connect           bool     // link or repair, rather than sign in
	Scopes            []string // beyond the provider's own
	LoginHint, Prompt string
	ACRValues, MaxAge string            // of authentication, for an api that wants it (RFC 9470); it is the api that checks what came of it
	Consent           bool              // make the provider issue a refresh token again
	Values            map[string]string `json:",omitempty"` // of variables, as [Broker.Values] made them
}

// An Attempt must come back unchanged from wherever it was kept. It holds secrets: keep it sealed.
type Attempt struct {
	Provider string
	Scopes   []string // requested
	Nonce    secret.Text
	Verifier secret.Text // PKCE code verifier
	Params   map[string]string
	Values   map[string]string // of variables
}

// Begin prepares an attempt: fresh nonce and PKCE verifier (RFC 9700 section 2.1.1). It needs the provider's metadata.
func (b *Broker) Begin(ctx context.Context, in Begin) (Attempt, error) {
	p, err := b.providerFor("begin", in.Provider, in.Values)
	if err != nil {
		return Attempt{}, err
	}
	if _, err := p.Discovery.Metadata(ctx); err != nil {
		return Attempt{}, err
	}
	params := map[string]string{}
	add := func(m map[string]string) {
		for k, v := range m {
			params[k] = v
		}
	}
	add(p.Authorization.Params)
	if in.Connect {
		add(p.Authorization.ConnectParams)
	}
	for name, value := range map[string]string{"login_hint": in.LoginHint, "prompt": in.Prompt, "acr_values": in.ACRValues, "max_age": in.MaxAge} {
		if value != "" {
			params[name] = value
		}
	}
	if in.Consent {
		add(p.Authorization.ConsentParams)
	}
	return Attempt{Provider: p.Name, Scopes: p.RequestedScopes(in.Scopes), Params: params, Values: in.Values,
		Nonce: secret.New(oauth2.GenerateVerifier()), Verifier: secret.New(oauth2.GenerateVerifier())}, nil
}

// URL is where the browser goes for an attempt that Begin just made.
func (b *Broker) URL(ctx context.Context, a Attempt, state string) (string, error) {
	p, err := b.providerFor("begin", a.Provider, a.Values)
	if err != nil {
		return "", err
	}
	m, err := p.Discovery.Metadata(ctx)
	if err != nil {
		return "", err
	}
	return p.AuthorizationEndpoint.URL(
		ctx,
		m,
		client.Authorization{State: state, Scopes: a.Scopes, Nonce: a.Nonce, Verifier: a.Verifier,
			Params: a.Params},
	)
}

// A Grant is what a finished attempt brought.
type Grant struct {
	User         vault.User
	Issuer       string // of the account, "" for plain OAuth
	Named        string // as [vault.Identity.Named]
	Connection   vault.Connection
	Handle       string         // names the session at the provider, which [Logout] may name again; "" when the provider did not say
	WantsConsent bool           // an api needs a refresh token, the provider gives one with consent only, and none came
	Claims       map[string]any // of the ID token and of userinfo, as the provider made them; numbers are json.Number
	AuthTime     time.Time      // when the person authenticated at the provider; zero when it did not say
}

// Finish takes the provider's callback: iss, error, code, exchange, identity, in this order.
func (b *Broker) Finish(ctx context.Context, a Attempt, q url.Values) (Grant, error) {
	p, err := b.providerFor("finish", a.Provider, a.Values)
	if err != nil {
		return Grant{}, err
	}
	m, err := p.Discovery.Metadata(ctx)
	if err != nil {
		return Grant{}, err
	}
	if err := checkCallback(p, m, q); err != nil {
		return Grant{}, err
	}
	if err := checkHooks(p, q); err != nil {
		return Grant{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.Patience)
	defer cancel()
	k := &kept{p: p, values: maps.Clone(a.Values)}
	if err := k.then(func(v map[string]string) error { return p.KeepCallback(v, q) }); err != nil {
		return Grant{}, err
	}
	if m, err = k.p.Discovery.Metadata(ctx); err != nil {
		return Grant{}, err
	}
	ans := k.p.TokenEndpoint.Exchange(ctx, m, q.Get(p.Shapes.Code()), a.Verifier)
	if err := b.exchanged(k.p, ans); err != nil {
		return Grant{}, err
	}
	if err := k.then(func(v map[string]string) error { return k.p.KeepToken(v, ans.Fields) }); err != nil {
		return Grant{}, err
	}
	if m, err = k.p.Discovery.Metadata(ctx); err != nil {
		return Grant{}, err
	}
	who, err := b.identify(ctx, k.p, m, a, ans)
	if err != nil {
		return Grant{}, err
	}
	who.introduce(p, q)
	if err := k.account(ctx, who.all(ans), ans.Tokens.Access); err != nil {
		return Grant{}, err
	}
	return b.grant(k, a, q, who, ans), nil
}

// grant is what a finished attempt brought.
func (b *Broker) grant(k *kept, a Attempt, q url.Values, who account, ans *client.Answer) Grant {
	p, now, tokens := k.p, b.cfg.Now(), ans.Tokens
	scopes := granted(p, q, ans.Scope, a.Scopes)
	subject := p.Account(who.subject, k.values)
	named := ""
	if p.Several() {
		named = who.subject
	}
	return Grant{
		Issuer: p.Issuer, Named: named, Handle: handle(p, who.session),
		User: vault.User{
			ID:            vault.UserID(p.Name, p.Issuer, subject),
			Provider:      p.Name,
			Subject:       subject,
			Name:          who.name,
			Email:         who.email,
			EmailVerified: who.emailVerified,
			Picture:       who.picture,
		},
		Connection: vault.Connection{Provider: p.Name, Keep: p.Keep,
			Account: vault.Account{Subject: subject, Email: who.email, Name: who.name}, Status: vault.StatusActive,
			Scopes: scopes, ConnectedAt: now, UsedAt: now, Tokens: tokens,
			Withheld: p.Lacking(scopes, a.Scopes), WithheldAt: now, Values: k.values},
		WantsConsent: tokens.Refresh.IsZero() && !tokens.Expiry.IsZero() && p.NeedsAPI &&
			p.Authorization.ConsentParams != nil,
		Claims:   who.claims,
		AuthTime: who.authTime,
	}
}

// exchanged says what an answer to an exchange that is no success means.
func (b *Broker) exchanged(p *client.Provider, ans *client.Answer) error {
	const op = "exchange the code at"
	switch v := ans.Verdict(); {
	case v == client.Granted:
		return nil
	case ans.TooLarge:
		return p.Unavailable(op, errors.New("its answer is too large"))
	case ans.Status == http.StatusOK && (v == client.Unclear || v == client.Unspent):
		return p.Fail(KindFailed, op, errors.New("its answer is no token answer; "+p.Unread(ans).Text))
	case ans.Unreadable():
		return p.Fail(KindFailed, op, errors.New("it is refused, in a form that no field of the provider reads; "+
			p.Unread(ans).Text))
	case v == client.Unspent, v == client.Unclear:
		return &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: ans.RetryAfter}
	case v == client.DeadGrant:
		return p.Fail(KindFailed, op, ErrCodeRefused)
	}
	if p.AlarmDue() {
		b.cfg.Log.Error("the provider refuses this client", "provider", p.Name, "op", "exchange", "code", ans.KnownCode())
	}
	return p.Fail(KindFailed, op, ErrClientRefused)
}

// granted is what the person allowed: what the answer says, or, where the provider says it in its callback, what that
// says.
func granted(p *client.Provider, q url.Values, answer string, requested []string) []string {
	param := cmp.Or(p.Shapes.GrantedParam, "scope")
	if p.Authorization.GrantedScopes == providers.GrantedByCallback && q.Has(param) {
		return p.GrantedScopes(q.Get(param), nil)
	}
	return p.GrantedScopes(answer, requested)
}

// Lacking lists what of wanted a connection's granted scopes do not cover, as its provider compares them. again
// reports that a consent was to bring all of it a moment ago and did not: the same consent would not help.
func (b *Broker) Lacking(c *vault.Connection, wanted []string) (missing []string, again bool) {
	p := b.providers[c.Provider]
	if p == nil {
		return wanted, false
	}
	missing = p.Lacking(c.Scopes, wanted)
	if len(missing) == 0 || b.cfg.Now().Sub(c.WithheldAt) > withheldFor {
		return missing, false
	}
	return missing, len(p.Lacking(c.Withheld, missing)) == 0
}

// withheldFor is how long the same consent is not offered again: a person may have left a box empty by mistake.
const withheldFor = 2 * time.Minute

// checkCallback is everything that is decided before a code is spent. iss comes first, on error answers too (RFC 9207
// section 2.4).
func checkCallback(p *client.Provider, m *client.Metadata, q url.Values) error {
	fail := func(text string) error { return p.Fail(KindFailed, "return from", errors.New(text)) }
	for _, k := range [...]string{p.Shapes.Code(), "error", "iss", "state"} {
		if len(q[k]) > 1 {
			return fail("a parameter is repeated")
		}
	}
	switch want := p.AnswerIssuer(); {
	case q.Has("iss") && want == "":
		// There is nothing to compare with, and unknown parameters are ignored (RFC 6749 section 4.1.2). One redirect URI
		// for each provider keeps the answers of two apart.
		p.WarnOnce(
			"callback issuer",
			"the provider names itself in its callback, and nothing is configured to compare that with: "+
				"write its `iss` as `callback_issuer` of the provider",
		)
	case q.Has("iss") && q.Get("iss") != want:
		return fail("the answer is another issuer's")
	case !q.Has("iss") && m.IssParameter:
		return fail("the answer lacks the iss parameter")
	}
	switch q.Get("error") {
	case "":
	case "access_denied", "interaction_required", "login_required", "consent_required", "account_selection_required":
		return p.Fail(KindDenied, "return from", nil)
	case "temporarily_unavailable", "server_error":
		return p.Fail(KindUnavailable, "return from", nil)
	default:
		return fail("the provider reports an error")
	}
	if q.Get(p.Shapes.Code()) == "" {
		return fail("the answer lacks a code")
	}
	return nil
}

// LogoutURL is where a browser ends its session at the provider (OpenID Connect RP-Initiated Logout 1.0), or "". It
// carries no id_token_hint.
func (b *Broker) LogoutURL(ctx context.Context, name, returnTo string) string {
	p, err := b.providerFor("end the session at", name, nil)
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := p.Discovery.Metadata(ctx)
	if err != nil || m.EndSessionURL == "" {
		return ""
	}
	u, err := url.Parse(m.EndSessionURL)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.Client.ID)
	q.Set("post_logout_redirect_uri", returnTo)
	u.RawQuery = q.Encode()
	return u.String()
}
