package assertion

import (
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

const (
	typAssertion = "at+jwt"
	maxToken     = 16 << 10
)

// ErrInvalid is what Verify returns for everything that is no valid assertion of this key ring.
var ErrInvalid = errors.New("no valid assertion")

// Looks reports whether token has the form of an assertion: it may be one. A session's cookie value never does.
func Looks(token string) bool {
	dots := 0
	for i := range len(token) {
		if token[i] == '.' {
			dots++
		}
	}
	return dots == 2
}

// Verify checks an assertion: its form, its key, its signature, its type and its time, in this order. It has one
// spelling: white space and spare bits, which decoders pass over, are refused (RFC 7515 section 2). Whether its
// session still lives is the caller's question, and so is the audience.
func (s *Signer) Verify(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrInvalid
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(parsed.Signatures) != 1 {
		return Claims{}, ErrInvalid
	}
	if spelled, err := parsed.CompactSerialize(); err != nil || spelled != token {
		return Claims{}, ErrInvalid
	}
	header := parsed.Signatures[0].Protected
	var payload []byte
	for i := range s.keys {
		if s.keys[i].id == header.KeyID {
			payload, err = parsed.Verify(s.keys[i].public.Key)
		}
	}
	if err != nil || payload == nil || header.ExtraHeaders[jose.HeaderType] != typAssertion {
		return Claims{}, ErrInvalid
	}
	var c Claims
	if json.Unmarshal(payload, &c) != nil || c.SessionID == "" || c.Subject == "" || s.now().Unix() >= c.ExpiresAt {
		return Claims{}, ErrInvalid
	}
	return c, nil
}
