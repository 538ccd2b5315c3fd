package claims

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"
)

// An IDToken is what a checked ID token says.
type IDToken struct {
	Subject  string
	Session  string    // sid: names the session at the provider
	AuthTime time.Time // auth_time: when the person authenticated there; zero when it does not say
	Claims   Object
}

// ForSignIn is what an ID token of a sign-in is compared with beyond [Expect].
type ForSignIn struct {
	Nonce        string // required
	AccessToken  string
	HostedDomain string // Google's hd: that domain, "*" for any, "" for no matter
}

// CheckIDToken is OpenID Connect Core section 3.1.3.7, and 3.1.3.8 for at_hash.
func CheckIDToken(o Object, h Header, e Expect, in ForSignIn) (token IDToken, fault string) {
	if fault := o.idToken(h, e); fault != "" {
		return IDToken{}, fault
	}
	hash := o["at_hash"]
	switch {
	case o.has("nbf") && o.Time("nbf").After(e.Now.Add(Skew)):
		return IDToken{}, "it comes from the future"
	case in.Nonce == "" || subtle.ConstantTimeCompare([]byte(o.str("nonce")), []byte(in.Nonce)) != 1:
		return IDToken{}, "its nonce is not this attempt's"
	case hash != nil && hash != "" && hash != accessTokenHash(h.Algorithm, in.AccessToken):
		return IDToken{}, "its at_hash is another access token's"
	}
	// The hd parameter is a hint to Google's page; only the claim proves it.
	if want, hd := in.HostedDomain, o.str("hd"); want != "" && hd != want && !(want == "*" && hd != "") {
		return IDToken{}, "the account is not of the required domain"
	}
	return o.asIDToken(), ""
}

// CheckRefreshedIDToken is OpenID Connect Core section 12.2: an ID token that comes with a refresh is of the same
// issuer, subject and client. It needs no nonce, and may come late, so its end is not looked at.
func CheckRefreshedIDToken(o Object, h Header, e Expect, subject string) (token IDToken, fault string) {
	switch fault := o.common(h, e.Issuer.made(o), e, 0, "JWT"); {
	case fault != "":
		return IDToken{}, fault
	case subject == "" || o.str("sub") != subject:
		return IDToken{}, "it is another subject's"
	}
	return o.asIDToken(), ""
}

func (o Object) idToken(h Header, e Expect) (fault string) {
	if fault := o.common(h, e.Issuer.made(o), e, 0, "JWT"); fault != "" {
		return fault
	}
	subject := o.str("sub")
	switch {
	case len(o.audience()) > 1 && o.str("azp") != e.ClientID:
		// With one audience, which is this client, azp may be another client of the same project: Google says so, and Core
		// leaves it to extensions.
		return "it has several audiences, and another authorized party"
	case o.expired(e.Now):
		return "it has expired"
	case subject == "" || len(subject) > MaxSubject:
		return "it has no usable subject"
	case len(o.str("sid")) > MaxSubject:
		return "its session id is too long"
	}
	return ""
}

func (o Object) asIDToken() IDToken {
	return IDToken{Subject: o.str("sub"), Session: o.str("sid"), AuthTime: o.Time("auth_time"), Claims: o}
}

// accessTokenHash is at_hash: the left half of a hash of the size that the signature's algorithm names.
func accessTokenHash(alg, access string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(alg, "384"):
		s := sha512.Sum384([]byte(access))
		sum = s[:]
	case strings.HasSuffix(alg, "512"), alg == "EdDSA":
		s := sha512.Sum512([]byte(access))
		sum = s[:]
	default:
		s := sha256.Sum256([]byte(access))
		sum = s[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
