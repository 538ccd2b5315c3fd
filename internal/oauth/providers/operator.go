package providers

import (
	"encoding/base64"

	"bff/internal/secret"
)

// The values of Config.Auth.
const (
	AuthAPIKey            = "api_key"
	AuthBasic             = "basic"
	AuthServiceAccount    = "service_account"    // of Google: a signed JWT for an access token (RFC 7523)
	AuthClientCredentials = "client_credentials" // RFC 6749 section 4.4
	AuthGitHubApp         = "github_app"         // an installation of a GitHub App
)

// Operator is what the operator gives so that calls carry a credential of the application, and no person's.
type Operator struct {
	APIKey         secret.Text `yaml:"-"` // of AuthAPIKey
	Username       string      `yaml:"-"` // of AuthBasic
	Password       secret.Text `yaml:"-"`
	ServiceAccount secret.Text `yaml:"-"` // the JSON key file of AuthServiceAccount
	ActAs          string      `yaml:"-"` // the person for whom a service account acts (domain-wide delegation); "" itself
	Installation   string      `yaml:"-"` // of AuthGitHubApp
}

// Keyed reports whether calls carry an API key or a password, whoever gave it.
func (c *Config) Keyed() bool { return c.Auth == AuthAPIKey || c.Auth == AuthBasic }

// Operated reports whether calls carry a credential of the operator's: nobody links an account.
func (c *Config) Operated() bool {
	return c.Auth != "" && (!c.Keyed() || !c.Operator.APIKey.IsZero() || c.Operator.Username != "")
}

// Typed reports whether accounts are linked by what a person types.
func (c *Config) Typed() bool { return c.Keyed() && !c.Operated() }

// OperatorKey is the API key, or what Basic sends, that the operator gave; empty where a token is obtained instead.
func (c *Config) OperatorKey() secret.Text {
	switch o := &c.Operator; c.Auth {
	case AuthAPIKey:
		return o.APIKey
	case AuthBasic:
		return secret.New(base64.StdEncoding.EncodeToString([]byte(o.Username + ":" + o.Password.Reveal())))
	}
	return secret.Text{}
}
