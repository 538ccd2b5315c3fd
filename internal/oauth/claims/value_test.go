package claims_test

import (
	"testing"

	"bff/internal/oauth/claims"
)

// An answer that is a list is read by its indices; what is neither an object nor a list is none.
func TestAnAnswerMayBeAList(t *testing.T) {
	for text, want := range map[string]string{`[{"id": 7}, {"id": 8}]`: "7", `{"0": {"id": "x"}}`: "x", `{"id": 7}`: "", `[]`: "", `[[]]`: ""} {
		if o, err := claims.ParseAnswer([]byte(text)); err != nil || o.Text("0.id") != want {
			t.Errorf("%s: %v %v", text, o, err)
		}
	}
	for _, text := range []string{`7`, `"x"`, `null`, ``, `[`, `[1][2]`} {
		if o, err := claims.ParseAnswer([]byte(text)); err == nil {
			t.Errorf("%s is %v", text, o)
		}
	}
}

// A byte order mark, which some servers put before a document, is no part of it; a second document is.
func TestAByteOrderMarkIsNoPartOfAValue(t *testing.T) {
	for text, good := range map[string]bool{"\ufeff[1]": true, "\ufeff{}": true, "[1]": true, "[\ufeff1]": false,
		"[1][2]": false, "\ufeff": false} {
		if v, err := claims.ParseValue([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v %v", text, v, err)
		}
	}
}
