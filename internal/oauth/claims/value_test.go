package claims_test

import (
	"testing"

	"bff/internal/oauth/claims"
)

// A byte order mark, which some servers put before a document, is no part of it; a second document is.
func TestAByteOrderMarkIsNoPartOfAValue(t *testing.T) {
	for text, good := range map[string]bool{"\ufeff[1]": true, "\ufeff{}": true, "[1]": true, "[\ufeff1]": false,
		"[1][2]": false, "\ufeff": false} {
		if v, err := claims.ParseValue([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v %v", text, v, err)
		}
	}
}
