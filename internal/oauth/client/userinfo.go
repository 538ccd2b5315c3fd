package client

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

var errUnauthorized = errors.New("the answer is 401")

// A UserinfoEndpoint says whose a token is. Safe for concurrent use.
type UserinfoEndpoint struct {
	*caller
	cfg *providers.Config
}

// Fetch requests whose the access token is (OpenID Connect Core section 5.3). An answer that is signed is
// verified with the provider's keys.
func (e *UserinfoEndpoint) Fetch(ctx context.Context, m *Metadata, access secret.Text) (claims.Object, error) {
	fail := func(kind Kind, text string) (claims.Object, error) {
		return nil, e.Fail(kind, "ask userinfo of", errors.New(text))
	}
	method := e.cfg.Userinfo.Method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, m.UserinfoURL, strings.NewReader(e.cfg.Userinfo.Body))
	if err != nil {
		return fail(KindFailed, "the address does not parse")
	}
	e.present(r, access)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range e.cfg.Userinfo.Headers {
		r.Header.Set(k, strings.ReplaceAll(v, "{client_id}", e.cfg.Client.ID))
	}
	status, header, body, err := e.do(r)
	switch {
	case err != nil:
		return nil, e.Fail(KindUnavailable, "ask userinfo of", reason(err))
	case status == http.StatusTooManyRequests || status >= 500:
		return fail(KindUnavailable, "it is down")
	case status == http.StatusUnauthorized:
		return nil, e.Fail(KindFailed, "ask userinfo of", errUnauthorized)
	case status != http.StatusOK:
		return fail(KindFailed, "the answer is not 200")
	}
	if kind, _, _ := mime.ParseMediaType(header.Get("Content-Type")); kind == "application/jwt" {
		return e.signed(ctx, m, string(body))
	}
	o, err := claims.ParseAnswer(body)
	if err != nil {
		return fail(KindFailed, "the answer is neither a JSON object nor a list")
	}
	return o, nil
}

// signed is OpenID Connect Core section 5.3.2: an answer that is signed is of this issuer and for this client.
func (e *UserinfoEndpoint) signed(ctx context.Context, m *Metadata, raw string) (claims.Object, error) {
	const op = "verify the userinfo of"
	if m.Keys == nil {
		return nil, e.Fail(KindFailed, op, errors.New("it is signed, and no issuer is configured whose keys would verify it"))
	}
	o, _, err := m.Keys.Verify(ctx, strings.TrimSpace(raw))
	if err != nil {
		return nil, e.Fail(KindFailed, op, err)
	}
	if !expected(e.cfg, e.now()).Speaks(o) {
		return nil, e.Fail(KindFailed, op, errors.New("it is of another issuer or for another client"))
	}
	return o, nil
}

// present puts a token into a userinfo request.
func (e *UserinfoEndpoint) present(r *http.Request, token secret.Text) {
	if name := e.cfg.Shapes.UserinfoTokenQuery; name != "" {
		q := r.URL.Query()
		q.Set(name, token.Reveal())
		r.URL.RawQuery = q.Encode()
		return
	}
	header, scheme := e.cfg.Userinfo.TokenHeader, e.cfg.Userinfo.TokenScheme
	switch {
	case scheme != "" || header != "" && header != "Authorization":
	case e.cfg.Auth == providers.AuthBasic:
		scheme = "Basic"
	default:
		scheme = "Bearer"
	}
	if header == "" {
		header = "Authorization"
	}
	if scheme != "" {
		scheme += " "
	}
	r.Header.Set(header, scheme+token.Reveal())
}

// Try asks the provider whose a typed credential is. The object is nil where the provider has no endpoint for it.
// KindDenied: it refuses the credential.
func (e *UserinfoEndpoint) Try(ctx context.Context, token secret.Text) (claims.Object, error) {
	if e.cfg.Userinfo.URL == "" {
		return nil, nil
	}
	o, err := e.Fetch(ctx, &Metadata{UserinfoURL: e.cfg.Userinfo.URL}, token)
	if KindOf(err) == KindFailed {
		return nil, e.Fail(KindDenied, "try the credential at", errors.New("it is refused"))
	}
	return o, err
}

// Refuses asks the provider whether it still takes a typed credential. Only a 401 is a refusal: whatever else it says,
// and where it cannot be asked, it is none.
func (e *UserinfoEndpoint) Refuses(ctx context.Context, token secret.Text) bool {
	if e.cfg.Userinfo.URL == "" {
		return false
	}
	_, err := e.Fetch(ctx, &Metadata{UserinfoURL: e.cfg.Userinfo.URL}, token)
	return errors.Is(err, errUnauthorized)
}

// expected is what every signed token of a provider is compared with.
func expected(pc *providers.Config, now time.Time) claims.Expect {
	return claims.Expect{
		Issuer:   claims.Issuer{Name: pc.Issuer, Forms: pc.Issuers},
		ClientID: pc.Client.ID,
		Now:      now,
	}
}

// Wanted reports whether a sign-in lacks something that userinfo may say.
func Wanted(scopes []string, name, email string) bool {
	return name == "" && slices.Contains(scopes, "profile") || email == "" && slices.Contains(scopes, "email")
}
