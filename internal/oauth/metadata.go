package oauth

import (
	"bff/internal/oauth/providers"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

const (
	metadataFresh   = 24 * time.Hour
	metadataTimeout = 5 * time.Second
	metadataPause   = 500 * time.Millisecond
	metadataAgain   = time.Minute // between attempts to read again what is known
)

// metadata is what a provider publishes of itself (OpenID Connect Discovery 1.0, RFC 8414), with the operator's fields laid over it.
type metadata struct {
	AuthorizationURL string   `json:"authorization_endpoint"`
	TokenURL         string   `json:"token_endpoint"`
	UserinfoURL      string   `json:"userinfo_endpoint"`
	RevocationURL    string   `json:"revocation_endpoint"`
	JWKSURL          string   `json:"jwks_uri"`
	EndSessionURL    string   `json:"end_session_endpoint"`
	AuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms       []string `json:"id_token_signing_alg_values_supported"`
	IssParameter     bool     `json:"authorization_response_iss_parameter_supported"`
	RequirePAR       bool     `json:"require_pushed_authorization_requests"`
	PARURL           string   `json:"pushed_authorization_request_endpoint"`

	keys  *keys  // nil for a plain OAuth 2.0 provider
	style string // of client authentication
}

// A provider is one configured provider at work. Safe for concurrent use.
type provider struct {
	providers.Config
	client   *http.Client
	now      func() time.Time
	redirect string
	breaker  breaker
	signer   jose.Signer // of private_key_jwt

	mu      sync.Mutex
	meta    *metadata
	fetched time.Time
	pause   time.Time // no discovery before this
	failed  error

	risc struct {
		mu      sync.Mutex
		issuer  string
		keys    *keys
		fetched time.Time
		pause   time.Time
	}
}

// metadata returns the endpoints, discovering them when first needed. What was known serves while it is read again, and longer when that fails.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.meta != nil && (now.Sub(p.fetched) < metadataFresh || now.Before(p.pause)):
		return p.meta, nil
	case p.meta != nil:
		p.pause = now.Add(metadataAgain)
		go p.rediscover(context.WithoutCancel(ctx))
		return p.meta, nil
	case now.Before(p.pause):
		return nil, p.failed
	}
	m, err := p.discover(ctx)
	if err != nil {
		p.pause = time.Now().Add(metadataPause) // for those who waited for this one too
		p.failed = &Error{Kind: KindUnavailable, Op: "discover", Provider: p.Name, RetryAfter: time.Second, Err: err}
		return nil, p.failed
	}
	p.meta, p.fetched = m, time.Now()
	return m, nil
}

// rediscover takes at most metadataTimeout.
func (p *provider) rediscover(ctx context.Context) {
	m, err := p.discover(ctx)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meta, p.fetched = m, time.Now()
}

// discover reads the metadata document unless the configuration says all there is to know.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	m := &metadata{}
	if p.Issuer != "" && (p.Authorization.URL == "" || p.Token.URL == "" || p.JWKSURL == "") {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), metadataTimeout)
		defer cancel()
		found, err := oidc.NewProvider(withClient(ctx, p.client), p.Issuer) // compares the issuer exactly
		if err != nil {
			var mismatch *oidc.IssuerMismatchError
			if errors.As(err, &mismatch) {
				return nil, errors.New("the metadata document names another issuer than the configured one")
			}
			return nil, errors.New("the metadata document could not be read")
		}
		if found.Claims(m) != nil {
			return nil, errors.New("the metadata document could not be read")
		}
	}
	for _, f := range []struct {
		name      string
		to        *string
		given     string
		mandatory bool
	}{
		{"authorization_endpoint", &m.AuthorizationURL, p.Authorization.URL, true}, {"token_endpoint", &m.TokenURL, p.Token.URL, true},
		{"userinfo_endpoint", &m.UserinfoURL, p.Userinfo.URL, false}, {"revocation_endpoint", &m.RevocationURL, p.Revocation.URL, false},
		{"jwks_uri", &m.JWKSURL, p.JWKSURL, p.Issuer != ""}, {"end_session_endpoint", &m.EndSessionURL, p.EndSessionURL, false},
		{"pushed_authorization_request_endpoint", &m.PARURL, "", false}, {"refresh_url", new(string), p.Token.RefreshURL, false},
	} {
		from := p.Issuer
		if f.given != "" {
			*f.to, from = f.given, ""
		}
		if *f.to == "" && !f.mandatory {
			continue
		}
		if err := checkEndpoint(*f.to, from); err != nil {
			return nil, fmt.Errorf("%s %w", f.name, err)
		}
	}
	m.style = p.chooseStyle(m.AuthMethods)
	if p.Issuer != "" {
		m.keys = p.newKeys(m.JWKSURL, m.Algorithms)
	}
	return m, nil
}

// checkEndpoint keeps a metadata document from pointing bff at something its issuer is not: plain http where the issuer is not itself on loopback, or an
// address of the inner network where the issuer is not one. What the operator wrote (issuer "") may be inside; plain http is for loopback only.
func checkEndpoint(raw, issuer string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("is missing or not an absolute URL")
	}
	from := &url.URL{Scheme: "http", Host: "localhost"}
	if issuer != "" {
		if from, err = url.Parse(issuer); err != nil {
			return errors.New("has an issuer that does not parse")
		}
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not https")
	case u.Scheme == "http" && (from.Scheme != "http" || !loopback(u.Hostname())):
		return errors.New("is not https")
	case inside(u.Hostname()) && !inside(from.Hostname()):
		return errors.New("is an address of the inner network, which its issuer is not")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// inside: an address that is not of the internet. Names are not looked up: what they resolve to may change before it is used.
func inside(host string) bool {
	ip := net.ParseIP(host)
	return loopback(host) || ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast())
}

func withClient(ctx context.Context, c *http.Client) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c) // go-oidc reads the same key
}

func (p *provider) fail(kind Kind, op string, err error) *Error {
	return &Error{Kind: kind, Op: op, Provider: p.Name, Err: err}
}
