package standin

import (
	"crypto"
	"crypto/rsa"
	"time"

	"bff/internal/oauth/providers"
)

// The client that is registered at every stand-in. Its secret has characters that must be encoded.
const (
	ClientID     = "simulated-client"
	ClientSecret = "simulated secret+/%:1"
	ExtraScope   = "simulated.extra" // scopes that every stand-in knows beside those of its file: two have a separator
	OtherScope   = "simulated.other"
	APIHost      = "api.simulated.example"
)

// GrantLife is how long a refresh token lives, where the file names the field that says so.
const GrantLife = 100 * 24 * time.Hour

// Config says what is played.
type Config struct {
	File      providers.Config // of the provider, as it is there
	Answers   *Answers         // recorded of the real one, or nil
	Redirect  string           // the client's redirect URI
	Key       *rsa.PrivateKey  // signs its tokens
	ClientKey crypto.PublicKey // of private_key_jwt
	Life      time.Duration    // of an access token
	Now       func() time.Time // time.Now when nil
}

// An Endpoint is one address of the provider, or the API behind it.
type Endpoint string

// The endpoints.
const (
	Authorization Endpoint = "authorization"
	Token         Endpoint = "token"
	Refresh       Endpoint = "refresh" // the token endpoint too, mostly
	Userinfo      Endpoint = "userinfo"
	Revocation    Endpoint = "revocation"
	EndSession    Endpoint = "end session"
	Discovery     Endpoint = "discovery"
	Keys          Endpoint = "keys"
	RISC          Endpoint = "security events"
	API           Endpoint = "api"
	LongLived     Endpoint = "long-lived token"
)

// played is what is played. Nothing of it changes.
type played struct {
	cfg  Config
	file *providers.Config // cfg.File, with what a recorded request says of the authorization endpoint
	urls map[Endpoint]string
}
