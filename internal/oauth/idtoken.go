package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// idClaims are what is read of an ID token. The raw token is dropped.
type idClaims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        audience `json:"aud"`
	AuthorizedParty string   `json:"azp"`
	Expiry          float64  `json:"exp"`
	IssuedAt        float64  `json:"iat"`
	NotBefore       float64  `json:"nbf"`
	Nonce           string   `json:"nonce"`
	AccessTokenHash string   `json:"at_hash"`
	HostedDomain    string   `json:"hd"`  // Google
	Tenant          string   `json:"tid"` // Microsoft
	Session         string   `json:"sid"`
}

const clockSkew = time.Minute

// verifyIDToken is OpenID Connect Core section 3.1.3.7, and 3.1.3.8 for at_hash.
func (p *provider) verifyIDToken(ctx context.Context, m *metadata, a Attempt, raw, access string) (claims, error) {
	const op = "verify the ID token of"
	fail := func(text string) (claims, error) { return claims{}, p.fail(KindFailed, op, errors.New(text)) }
	if raw == "" {
		return fail("there is none")
	}
	token, err := m.keys.verify(ctx, raw)
	if errors.Is(err, errKeys) {
		return claims{}, &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
	}
	if err != nil {
		return fail("it does not verify")
	}
	var c idClaims
	if json.Unmarshal(token.payload, &c) != nil {
		return fail("its claims do not parse")
	}
	if fault := p.checkIDToken(&c, token, a, access); fault != "" {
		return fail(fault)
	}
	loose, err := readObject(token.payload)
	if err != nil {
		return fail("its claims do not parse")
	}
	who := looseClaims(loose, "sub", nil)
	who.Subject, who.session = c.Subject, c.Session
	return who, nil
}

func (p *provider) checkIDToken(c *idClaims, token signed, a Attempt, access string) (fault string) {
	now := p.now()
	switch {
	case token.typ != "" && !typed(token.typ, "JWT"):
		return "it is a token of another type"
	case !p.made(c.Issuer, c.Tenant):
		return "another issuer made it"
	case !slices.Contains(c.Audience, p.Client.ID):
		return "it is for another client"
	case len(c.Audience) > 1 && c.AuthorizedParty != p.Client.ID:
		return "it has several audiences, and another authorized party"
		// With one audience, which is this client, azp may be another client of the same project: Google says so, and Core leaves it to extensions.
	case c.Expiry <= 0 || !fromSeconds(c.Expiry).After(now.Add(-clockSkew)):
		return "it has expired"
	case c.IssuedAt <= 0 || fromSeconds(c.IssuedAt).After(now.Add(clockSkew)) || fromSeconds(c.NotBefore).After(now.Add(clockSkew)):
		return "it comes from the future"
	case a.Nonce.IsZero() || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(a.Nonce.Reveal())) != 1:
		return "its nonce is not this attempt's"
	case c.AccessTokenHash != "" && c.AccessTokenHash != accessTokenHash(token.alg, access):
		return "its at_hash is another access token's"
	case c.Subject == "" || len(c.Subject) > maxSubject:
		return "it has no usable subject"
	case len(c.Session) > maxSubject:
		return "its session id is too long"
	}
	// The hd parameter is a hint to Google's page; only the claim proves it.
	if hd := p.Authorization.Params["hd"]; hd != "" && c.HostedDomain != hd && !(hd == "*" && c.HostedDomain != "") {
		return "the account is not of the required domain"
	}
	return ""
}

// made compares `iss` exactly with the issuer and its further forms. In those "{tid}" stands for the token's own tenant, where the provider is one of many
// issuers of one name.
func (p *provider) made(iss, tenant string) bool {
	if iss == "" {
		return false
	}
	if iss == p.Issuer {
		return true
	}
	for _, form := range p.Issuers {
		if strings.Contains(form, "{tid}") {
			if !plainTenant(tenant) {
				continue
			}
			form = strings.ReplaceAll(form, "{tid}", tenant)
		}
		if iss == form {
			return true
		}
	}
	return false
}

// plainTenant: letters, digits and dashes, as in a UUID, so that a tenant cannot be more than a path segment.
func plainTenant(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// accessTokenHash is at_hash: the left half of a hash of the size that the signature's algorithm names.
func accessTokenHash(alg jose.SignatureAlgorithm, access string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(string(alg), "384"):
		s := sha512.Sum384([]byte(access))
		sum = s[:]
	case strings.HasSuffix(string(alg), "512"), alg == jose.EdDSA:
		s := sha512.Sum512([]byte(access))
		sum = s[:]
	default:
		s := sha256.Sum256([]byte(access))
		sum = s[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
