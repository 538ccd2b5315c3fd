package simulate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// checkTimeout bounds a whole check.
const checkTimeout = 4 * app.CheckTimeout

// Check tries a provider as far as it goes without a person. client says whether its client is known. The error counts what
// failed.
func Check(ctx context.Context, p providers.Config, client bool, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	out := app.NewFindings(w)
	x := &examination{provider: p, out: out, client: &http.Client{Timeout: app.CheckTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	x.metadata(ctx)
	x.endpoints(ctx)
	x.keys(ctx)
	x.habits()
	if !client {
		out.Say("skipped", "client", "neither id nor secret are known; name a provider of bff.yaml to try them")
		return out.Err()
	}
	return errors.Join(x.clientKnown(ctx), out.Err())
}

// An examination looks at what a provider publishes. Whether flows work is the broker's to say.
type examination struct {
	provider providers.Config
	client   *http.Client
	out      *app.Findings
	found    published
}

// published is what a discovery document says (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
type published struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Revocation    string   `json:"revocation_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	PAR           string   `json:"pushed_authorization_request_endpoint"`
	Scopes        []string `json:"scopes_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	ClientAuth    []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	DPoP          []string `json:"dpop_signing_alg_values_supported"`
	IssParameter  bool     `json:"authorization_response_iss_parameter_supported"`
	BackChannel   bool     `json:"backchannel_logout_supported"`
}

const maxPublished = 1 << 20

// fetch reads a JSON document.
func (x *examination) fetch(ctx context.Context, where string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return errors.New("its address is no URL")
	}
	r.Header.Set("Accept", "application/json")
	resp, err := x.client.Do(r)
	if err != nil {
		return errors.New("nobody answers there; is the address right, and can this machine reach it (HTTPS_PROXY is honoured)?")
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPublished))
	switch {
	case resp.StatusCode != http.StatusOK:
		return errors.New("it answers " + resp.Status + " instead of 200")
	case err != nil || json.Unmarshal(body, into) != nil:
		return errors.New("the answer is not the JSON that it should be")
	}
	return nil
}

func (x *examination) metadata(ctx context.Context) {
	p := &x.provider
	if p.Issuer != "" {
		where := strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration"
		switch err := x.fetch(ctx, where, &x.found); {
		case err != nil && p.Authorization.URL != "" && p.Token.URL != "" && p.JWKSURL != "":
			x.out.Say("warning", "discovery", err.Error()+"; the endpoints of the configuration are used")
		case err != nil:
			x.out.Say("failed", "discovery", where+": "+err.Error())
		case x.found.Issuer != p.Issuer:
			x.out.Say("failed", "discovery", "the document is another issuer's; write `issuer:` exactly as the document says, to the last slash")
		default:
			x.out.Say("ok", "discovery", where)
		}
	}
	for _, f := range []struct {
		to    *string
		given string
	}{
		{&x.found.Authorization, p.Authorization.URL}, {&x.found.Token, p.Token.URL}, {&x.found.Userinfo, p.Userinfo.URL}, {&x.found.JWKS, p.JWKSURL},
		{&x.found.Revocation, p.Revocation.URL}, {&x.found.EndSession, p.EndSessionURL},
	} {
		if f.given != "" {
			*f.to = f.given
		}
	}
}

// endpoints asks each of them for anything at all.
func (x *examination) endpoints(ctx context.Context) {
	for _, e := range []struct {
		name, url, without string
	}{
		{"authorization endpoint", x.found.Authorization, "failed"}, {"token endpoint", x.found.Token, "failed"},
		{"userinfo endpoint", x.found.Userinfo, ""}, {"revocation endpoint", x.found.Revocation, "unlinking an account cannot revoke its tokens"},
		{"end-session endpoint", x.found.EndSession, "logging out at bff cannot log out at the provider"},
	} {
		switch {
		case e.url == "" && e.without == "failed":
			x.out.Say("failed", e.name, "is neither published nor configured")
		case e.url == "" && e.without != "":
			x.out.Say("ok", e.name, "none: "+e.without)
		case e.url == "":
		case strings.Contains(e.url, "{"):
			x.out.Say("skipped", e.name, "its address depends on the token")
		default:
			x.reach(ctx, e.name, e.url)
		}
	}
}

func (x *examination) reach(ctx context.Context, name, where string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		x.out.Say("failed", name, "its address is no URL")
		return
	}
	resp, err := x.client.Do(r)
	if err != nil {
		x.out.Say("failed", name, r.URL.Host+": nobody answers there; can this machine reach it (HTTPS_PROXY is honoured)?")
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		x.out.Say("warning", name, r.URL.Host+" answers "+resp.Status)
		return
	}
	x.out.Say("ok", name, r.URL.Host+" answers")
}

// keys looks for one that can have signed an ID token.
func (x *examination) keys(ctx context.Context) {
	if x.provider.Issuer == "" || x.found.JWKS == "" {
		return
	}
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
			Use  string `json:"use"`
		} `json:"keys"`
	}
	if err := x.fetch(ctx, x.found.JWKS, &set); err != nil {
		x.out.Say("failed", "keys", err.Error())
		return
	}
	for _, k := range set.Keys {
		if k.Type != "oct" && (k.Use == "" || k.Use == "sig") {
			x.out.Say("ok", "keys", "at least one can sign ID tokens")
			return
		}
	}
	x.out.Say("failed", "keys", "none can sign ID tokens")
}

// habits compares what is published with what is configured.
func (x *examination) habits() {
	if x.found.Issuer == "" {
		return // nothing is published
	}
	say := func(ok bool, what, yes, no string) {
		if ok {
			x.out.Say("ok", what, yes)
		} else {
			x.out.Say("warning", what, no)
		}
	}
	p, f := &x.provider, &x.found
	say(slices.Contains(f.Challenges, "S256") || p.Authorization.PKCE == "off", "PKCE", "S256, or configured off", "S256 is not published; if sign-in fails, write `pkce: off`")
	say(f.IssParameter, "iss parameter", "published, so required of every answer (RFC 9207)", "not published; one redirect URI per provider keeps answers apart")
	for _, s := range p.Scopes {
		if len(f.Scopes) > 0 && !slices.Contains(f.Scopes, s) && slices.Contains([]string{"openid", "email", "profile", "offline_access"}, s) {
			x.out.Say("warning", "scope "+s, "is not published; the provider may refuse to be asked for it")
		}
	}
	known := p.Client.Auth == "" || len(f.ClientAuth) == 0 || slices.Contains(f.ClientAuth, p.Client.Auth)
	say(known, "client authentication", strings.Join(f.ClientAuth, ", "), "`client_auth` is not among what is published: "+strings.Join(f.ClientAuth, ", "))
	for _, extra := range []struct {
		there bool
		name  string
	}{{f.PAR != "", "pushed authorization requests"}, {len(f.DPoP) > 0, "DPoP"}, {f.BackChannel, "back-channel logout"}} {
		if extra.there {
			x.out.Say("ok", extra.name, "published")
		}
	}
}

// clientKnown has the broker redeem a code that nobody issued: a provider that knows the client refuses the code, one that does not refuses the client.
func (x *examination) clientKnown(ctx context.Context) error {
	cfg := config.Trial(x.provider)
	v, err := vault.Open(vault.Config{Store: cfg.Session.Store.Reveal(), Keys: cfg.Session.Keys, Prefix: "bff", Cookie: "bff", Idle: time.Hour, Lifetime: time.Hour})
	if err != nil {
		return err
	}
	defer func() { _ = v.Close() }()
	broker, err := oauth.New(oauth.Config{Providers: cfg.OAuth(), Vault: v, Origin: "http://localhost:8080", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	attempt, err := broker.Begin(ctx, oauth.Begin{Provider: x.provider.Name})
	if err == nil {
		_, err = broker.Finish(ctx, attempt, url.Values{"code": {"bff-check-" + rand.Text()}, "iss": {x.issuer()}})
	}
	switch kind := oauth.KindOf(err); {
	case kind == oauth.KindMisconfigured || errors.Is(err, oauth.ErrClientRefused):
		x.out.Say("failed", "client", "the provider does not know this id with this secret; compare both, and `client_auth`, with its console")
	case kind == oauth.KindUnavailable:
		x.out.Say("failed", "client", "the token endpoint does not answer")
	case errors.Is(err, oauth.ErrCodeRefused):
		x.out.Say("ok", "client", "the provider knows id and secret: it refused a code that nobody issued, and not the client")
	default:
		x.out.Say("failed", "client", "the token endpoint gives tokens for a code that nobody issued, or an answer that means nothing")
	}
	return broker.Drain(ctx)
}

func (x *examination) issuer() string {
	if x.provider.CallbackIssuer != "" {
		return x.provider.CallbackIssuer
	}
	return x.provider.Issuer
}
