package vault

import (
	"encoding/base64"
	"strings"
)

// b64 is the one encoding of binary values in names, ids and cookies: strict, so that a value has one spelling.
var b64 = base64.RawURLEncoding.Strict()

// decodeExactly reads the one spelling of n bytes.
func decodeExactly(s string, n int) ([]byte, bool) {
	if len(s) != b64.EncodedLen(n) || strings.ContainsAny(s, "\r\n") { // the decoder skips line ends, strict or not
		return nil, false
	}
	raw, err := b64.DecodeString(s)
	return raw, err == nil && len(raw) == n
}
