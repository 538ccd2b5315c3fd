package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/secret"
	"bff/internal/vault"
)

const pkceOff = "off"

// Begin says what to ask for.
type Begin struct {
	Provider          string
	Connect           bool     // link or repair, rather than sign in
	Scopes            []string // beyond the provider's own
	LoginHint, Prompt string
	ACRValues, MaxAge string // of authentication, for an api that asks for it (RFC 9470); it is the api that checks what came of it
	Consent           bool   // make the provider issue a refresh token again
}

// An Attempt must come back unchanged from wherever it was kept. It holds secrets: keep it sealed.
type Attempt struct {
	Provider string
	Scopes   []string // asked for
	Nonce    secret.Text
	Verifier secret.Text // PKCE code verifier
	Params   map[string]string
}

type attemptWire struct {
	P string
	S []string
	N string
	V string
}

// Marshal gives the attempt with its secrets, for sealing.
func (a *Attempt) Marshal() []byte {
	b, err := json.Marshal(attemptWire{a.Provider, a.Scopes, a.Nonce.Reveal(), a.Verifier.Reveal()})
	if err != nil {
		panic("oauth: an attempt of plain fields did not encode")
	}
	return b
}

// ParseAttempt reads what Marshal wrote.
func ParseAttempt(b []byte) (Attempt, error) {
	var w attemptWire
	if json.Unmarshal(b, &w) != nil {
		return Attempt{}, errors.New("not an attempt")
	}
	return Attempt{Provider: w.P, Scopes: w.S, Nonce: secret.New(w.N), Verifier: secret.New(w.V)}, nil
}

// Begin prepares an attempt: fresh nonce and PKCE verifier (RFC 9700 section 2.1.1). It needs the provider's metadata.
func (b *Broker) Begin(ctx context.Context, in Begin) (Attempt, error) {
	p, err := b.provider("begin", in.Provider)
	if err != nil {
		return Attempt{}, err
	}
	if _, err := p.metadata(ctx); err != nil {
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
	return Attempt{Provider: p.Name, Scopes: p.asked(in.Scopes), Params: params,
		Nonce: secret.New(oauth2.GenerateVerifier()), Verifier: secret.New(oauth2.GenerateVerifier())}, nil
}

// URL is where the browser goes for an attempt that Begin just made.
func (b *Broker) URL(ctx context.Context, a Attempt, state string) (string, error) {
	p, err := b.provider("begin", a.Provider)
	if err != nil {
		return "", err
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return "", err
	}
	raw := p.config(m).AuthCodeURL(state, p.authOptions(a)...)
	u, err := url.Parse(raw)
	if err != nil {
		return "", p.fail(KindMisconfigured, "begin", errors.New("the authorization endpoint does not parse"))
	}
	q := u.Query()
	if p.Client.IDParam != "" {
		q.Del("client_id")
		q.Set(p.Client.IDParam, p.Client.ID)
	}
	if m.RequirePAR {
		uri, err := p.push(ctx, m, q)
		if err != nil {
			return "", err
		}
		q = url.Values{"client_id": {p.Client.ID}, "request_uri": {uri}} // nothing else (RFC 9126 section 4)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (p *provider) authOptions(a Attempt) []oauth2.AuthCodeOption {
	separator, scope := p.Authorization.ScopeSeparator, p.Authorization.ScopeParam
	if separator == "" {
		separator = " "
	}
	if scope == "" {
		scope = "scope"
	}
	var opts []oauth2.AuthCodeOption
	if len(a.Scopes) > 0 {
		opts = append(opts, oauth2.SetAuthURLParam(scope, strings.Join(a.Scopes, separator)))
	}
	if p.Authorization.PKCE != pkceOff {
		opts = append(opts, oauth2.S256ChallengeOption(a.Verifier.Reveal()))
	}
	if p.Issuer != "" {
		opts = append(opts, oauth2.SetAuthURLParam("nonce", a.Nonce.Reveal()))
	}
	for k, v := range a.Params {
		opts = append(opts, oauth2.SetAuthURLParam(k, v))
	}
	return opts
}

// push sends the request ahead (RFC 9126): what a browser then carries is a reference.
func (p *provider) push(ctx context.Context, m *metadata, q url.Values) (string, error) {
	const op = "push the authorization request to"
	if m.PARURL == "" {
		return "", p.fail(KindMisconfigured, op, errors.New("it requires one and names no endpoint"))
	}
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	r, err := p.request(ctx, m, m.PARURL, q)
	if err != nil {
		return "", p.fail(KindMisconfigured, op, err)
	}
	encodeBody(r, q, "form")
	resp, err := p.client.Do(r)
	if err != nil {
		return "", &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: time.Second}
	}
	defer resp.Body.Close()
	var body struct {
		URI   string `json:"request_uri"`
		Error string `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&body)
	switch s := resp.StatusCode; {
	case s >= 500 || s == http.StatusTooManyRequests:
		return "", &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: max(time.Second, retryAfter(resp.Header, p.now()))}
	case s != http.StatusCreated && s != http.StatusOK || err != nil || body.URI == "":
		return "", p.fail(KindMisconfigured, op, errors.New("it was refused"))
	}
	return body.URI, nil
}

// A Grant is what a finished attempt brought.
type Grant struct {
	User         vault.User
	Connection   vault.Connection
	Handle       string // names the session at the provider, which [Logout] may name again; "" when the provider did not say
	WantsConsent bool   // an api needs a refresh token, the provider gives one with consent only, and none came
}

// Finish takes the provider's way back: iss, error, code, exchange, identity, in this order.
func (b *Broker) Finish(ctx context.Context, a Attempt, q url.Values) (Grant, error) {
	p, err := b.provider("finish", a.Provider)
	if err != nil {
		return Grant{}, err
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Grant{}, err
	}
	if err := p.checkCallback(m, q); err != nil {
		return Grant{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.Patience)
	defer cancel()
	var tok *oauth2.Token
	ans, err := p.ask(ctx, m, &answer{params: p.Token.Params}, func(ctx context.Context) (err error) {
		var opts []oauth2.AuthCodeOption
		if p.Authorization.PKCE != pkceOff {
			opts = append(opts, oauth2.VerifierOption(a.Verifier.Reveal()))
		}
		tok, err = p.config(m).Exchange(ctx, q.Get("code"), opts...)
		return err
	})
	switch v := ans.verdict(err); {
	case v == granted:
	case v == unclear && ans.status == http.StatusOK:
		return Grant{}, p.fail(KindFailed, "exchange the code at", errors.New("its answer is no token answer"))
	case v == unspent, v == unclear:
		return Grant{}, &Error{Kind: KindUnavailable, Op: "exchange the code at", Provider: p.Name, RetryAfter: ans.retryAfter}
	case v == misconfigured:
		if p.breaker.alarm(b.cfg.Now()) {
			b.cfg.Log.Error("the provider refuses this client", "provider", p.Name, "op", "exchange", "code", known(ans.code))
		}
		return Grant{}, p.fail(KindFailed, "exchange the code at", ErrClientRefused)
	default:
		return Grant{}, p.fail(KindFailed, "exchange the code at", ErrCodeRefused)
	}
	who, err := p.identify(ctx, m, a, tok, ans.fields)
	if err != nil {
		return Grant{}, err
	}
	tokens := readTokens(tok, ans.received)
	g := Grant{
		Handle: p.handle(who.session),
		User: vault.User{ID: vault.UserID(p.Name, p.Issuer, who.Subject), Provider: p.Name, Subject: who.Subject, Name: who.Name, Email: who.Email,
			EmailVerified: who.EmailVerified, Picture: who.Picture},
		Connection: vault.Connection{Provider: p.Name, Keep: p.Keep, Account: vault.Account{Subject: who.Subject, Email: who.Email, Name: who.Name},
			Status: vault.StatusActive, Scopes: p.granted(extra(tok, "scope"), a.Scopes), ConnectedAt: b.cfg.Now(), UsedAt: b.cfg.Now(), Tokens: tokens},
		WantsConsent: tokens.Refresh.IsZero() && !tokens.Expiry.IsZero() && p.NeedsAPI && p.Authorization.ConsentParams != nil,
	}
	return g, nil
}

// checkCallback is everything that is decided before a code is spent. iss comes first, on error answers too (RFC 9207 section 2.4).
func (p *provider) checkCallback(m *metadata, q url.Values) error {
	fail := func(text string) error { return p.fail(KindFailed, "return from", errors.New(text)) }
	for _, k := range [...]string{"code", "error", "iss", "state"} {
		if len(q[k]) > 1 {
			return fail("a parameter is repeated")
		}
	}
	switch iss := q.Get("iss"); {
	case q.Has("iss") && iss != p.callbackIssuer():
		return fail("the answer is another issuer's")
	case !q.Has("iss") && m.IssParameter:
		return fail("the answer lacks the iss parameter")
	}
	switch q.Get("error") {
	case "":
	case "access_denied", "interaction_required", "login_required", "consent_required", "account_selection_required":
		return p.fail(KindDenied, "return from", nil)
	case "temporarily_unavailable", "server_error":
		return p.fail(KindUnavailable, "return from", nil)
	default:
		return fail("the provider reports an error")
	}
	if q.Get("code") == "" {
		return fail("the answer lacks a code")
	}
	return nil
}

func (p *provider) callbackIssuer() string {
	if p.CallbackIssuer != "" {
		return p.CallbackIssuer
	}
	return p.Issuer
}

// LogoutURL is where a browser ends its session at the provider (OpenID Connect RP-Initiated Logout 1.0), or "". It carries no id_token_hint.
func (b *Broker) LogoutURL(ctx context.Context, name, returnTo string) string {
	p := b.providers[name]
	if p == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := p.metadata(ctx)
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

func (p *provider) reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("the address does not parse")
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return errors.New("no answer")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return errors.New("the answer is not 200")
	}
	return nil
}

// readTokens takes from a token answer what is kept. The lifetime counts from when the answer arrived.
func readTokens(tok *oauth2.Token, at time.Time) vault.Tokens {
	t := vault.Tokens{Access: secret.New(tok.AccessToken), ObtainedAt: at, Refresh: secret.New(tok.RefreshToken)}
	if tok.ExpiresIn > 0 {
		t.Expiry = at.Add(time.Duration(tok.ExpiresIn) * time.Second)
	}
	if n, ok := tok.Extra("refresh_token_expires_in").(float64); ok && n > 0 {
		t.RefreshExpiry = at.Add(time.Duration(n) * time.Second)
	}
	return t
}

func extra(tok *oauth2.Token, field string) string {
	s, _ := tok.Extra(field).(string)
	return s
}

// known lets only the standards' own error codes through to a log line: anything else is a stranger's text.
func known(code string) string {
	switch code {
	case "invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type", "invalid_scope", "deleted_client", "invalid_grant":
		return code
	}
	return "other"
}
