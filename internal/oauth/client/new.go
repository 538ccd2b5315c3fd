package client

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2/google"
	googlejwt "golang.org/x/oauth2/jwt"

	"bff/internal/oauth/address"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// Options are what a provider's client needs beside the provider.
type Options struct {
	Origin    string            // required: the redirect URI is Origin + "/bff/callback/" + name
	Transport http.RoundTripper // required: carries every request, see [NewTransport]
	Now       func() time.Time  // required
	Log       *slog.Logger      // required
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
	case "", providers.ClientSecretBasic, providers.ClientSecretPost, providers.PrivateKeyJWT, providers.SignedSecret,
		providers.NoClientAuth:
	default:
		return nil, errors.New(
			"has a client_auth that is none of client_secret_basic, client_secret_post, private_key_jwt, signed_secret and none",
		)
	}
	pc, err := pc.Filled(pc.Fixed())
	if err != nil {
		return nil, errors.New("has an address that its variables do not fit: " + err.Error())
	}
	var signer jose.Signer
	if pc.Client.Auth == providers.PrivateKeyJWT || pc.Client.Auth == providers.SignedSecret || !pc.Client.Key.IsZero() {
		if signer, err = newSigner(&pc); err != nil {
			return nil, err
		}
	}
	return configured(pc, o, signer, nil), nil
}

// newKeyed makes a provider that is called with an API key or a password. It has no client and no endpoints but one
// that tries the credential.
func newKeyed(pc providers.Config, o Options) (*Provider, error) {
	switch {
	case pc.Name == "":
		return nil, errors.New("needs a name")
	case pc.Issuer != "" || pc.Authorization.URL != "" || pc.Token.URL != "":
		return nil, errors.New("has endpoints of OAuth beside its auth")
	}
	pc, err := pc.Filled(pc.Fixed())
	if err != nil {
		return nil, errors.New("has an address that its variables do not fit: " + err.Error())
	}
	if pc.Userinfo.URL != "" && len(address.Names(pc.Userinfo.URL)) == 0 {
		if err := CheckEndpoint(pc.Userinfo.URL, ""); err != nil {
			return nil, errors.New("has a userinfo_url that " + err.Error())
		}
	}
	return configured(pc, o, nil, nil), nil
}

// githubInstallation is where GitHub gives tokens to an installation of an app.
const githubInstallation = "https://api.github.com/app/installations/{installation}/access_tokens"

// newOperated makes a provider whose access tokens are obtained with the operator's credential.
func newOperated(pc providers.Config, o Options) (*Provider, error) {
	if pc.Name == "" {
		return nil, errors.New("needs a name")
	}
	var account *googlejwt.Config
	var err error
	switch pc.Auth {
	case providers.AuthServiceAccount:
		account, err = google.JWTConfigFromJSON([]byte(pc.Operator.ServiceAccount.Reveal()), pc.Scopes...)
		if err != nil || account.TokenURL == "" && pc.Token.URL == "" {
			return nil, errors.New("has a service_account that is no key file of a service account")
		}
		pc.Token.URL = cmp.Or(pc.Token.URL, account.TokenURL)
		account.TokenURL, account.Subject = pc.Token.URL, pc.Operator.ActAs
	case providers.AuthGitHubApp:
		if pc.Client.ID == "" || pc.Operator.Installation == "" {
			return nil, errors.New("needs a client id and an installation")
		}
		pc.Token.URL = strings.ReplaceAll(cmp.Or(pc.Token.URL, githubInstallation), "{installation}",
			url.PathEscape(pc.Operator.Installation))
	case providers.AuthClientCredentials:
		if pc.Client.ID == "" || pc.Issuer == "" && pc.Token.URL == "" {
			return nil, errors.New("needs a client id, and an issuer or a token_url")
		}
	default:
		return nil, errors.New("has an auth that is none of api_key, basic, service_account, client_credentials and github_app")
	}
	if pc.Token.URL != "" {
		if err := CheckEndpoint(pc.Token.URL, ""); err != nil {
			return nil, errors.New("has a token_url that " + err.Error())
		}
	}
	var signer jose.Signer
	if pc.Auth == providers.AuthGitHubApp || pc.Client.Auth == providers.PrivateKeyJWT || !pc.Client.Key.IsZero() {
		if signer, err = newSigner(&pc); err != nil {
			return nil, err
		}
	}
	return configured(pc, o, signer, account), nil
}

// configured is the provider of a configuration that was checked.
func configured(pc providers.Config, o Options, signer jose.Signer, account *googlejwt.Config) *Provider {
	if pc.Title == "" {
		pc.Title = pc.Name
	}
	if pc.Keep == "" {
		pc.Keep = vault.KeepSession
	}
	reports := &Reports{provider: pc.Name, log: o.Log, now: o.Now}
	auth := clientAuth{Reports: reports, redirect: o.Origin + "/bff/callback/" + pc.Name, signer: signer}
	return assemble(pc, &wire{next: o.Transport, trusted: trustedHosts(&pc)}, auth, account)
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
