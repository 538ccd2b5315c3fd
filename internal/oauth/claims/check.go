package claims

import (
	"slices"
	"strings"
	"time"
)

const (
	// Skew is how far the clocks of a provider and of this instance may differ.
	Skew = time.Minute
	// MaxSubject is the most bytes of a subject (OpenID Connect Core section 2).
	MaxSubject = 255

	maxID = 512 // bytes of jti
)

// An Issuer is whose tokens count.
type Issuer struct {
	Name  string
	Forms []string // further values of `iss`; "{tid}" stands for the token's own tenant
}

// Expect is what a token is compared with.
type Expect struct {
	Issuer   Issuer
	ClientID string
	Now      time.Time
}

// A Header is what the signature's header says.
type Header struct {
	Algorithm string
	Type      string // typ
}

// made reports whether o's `iss` is exactly the issuer, or one of its further forms, where the provider is one of
// many issuers of one name.
func (i Issuer) made(o Object) bool {
	iss := o.str("iss")
	if iss == "" {
		return false
	}
	if iss == i.Name {
		return true
	}
	for _, form := range i.Forms {
		if strings.Contains(form, "{tid}") {
			tenant := o.str("tid")
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
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	return s != "" && len(s) <= 64 && strings.Trim(s, plain) == ""
}

// typed compares a media type of `typ`, with or without "application/" (RFC 7515 section 4.1.9). A token may have no
// type.
func typed(typ string, want ...string) bool {
	if len(typ) > 12 && strings.EqualFold(typ[:12], "application/") {
		typ = typ[12:]
	}
	return typ == "" || slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(typ, w) })
}

// common is what all kinds of tokens are checked for, in this order: type, issuer, audience, time of issue.
func (o Object) common(h Header, made bool, e Expect, age time.Duration, types ...string) (fault string) {
	issued := o.Time("iat")
	switch {
	case !typed(h.Type, types...):
		return "it is a token of another type"
	case !made:
		return "another issuer made it"
	case !slices.Contains(o.audience(), e.ClientID):
		return "it is for another client"
	case issued.IsZero() || issued.After(e.Now.Add(Skew)):
		return "it comes from the future"
	case age > 0 && issued.Before(e.Now.Add(-age)):
		return "it was not issued lately"
	}
	return ""
}

// expired reports whether `exp` is absent or over.
func (o Object) expired(now time.Time) bool {
	expiry := o.Time("exp")
	return expiry.IsZero() || !expiry.After(now.Add(-Skew))
}

// Speaks reports whether o is of the expected issuer and for this client. It is all that a signed userinfo answer
// says of itself.
func (e Expect) Speaks(o Object) bool {
	return e.Issuer.made(o) && slices.Contains(o.audience(), e.ClientID)
}
