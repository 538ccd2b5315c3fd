package tripwire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

const (
	token   = "ya29.a0AfB_byC-test-access-token-0123456789abcdefghijklmnopqrstuvwxyz0171"
	refresh = "1//0gTestRefreshToken-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// FuzzTripwire feeds a stream in chunks, and holds what comes out against a search of the whole.
func FuzzTripwire(f *testing.F) {
	f.Add([]byte("before |after"), []byte{3, 1, 200}, token, uint8(0))
	f.Add([]byte("|||"), []byte{1}, refresh, uint8(1))
	f.Add([]byte("ya29.|ya29."), []byte{7, 9, 8}, token, uint8(2))
	f.Add([]byte("a|b|c"), []byte{16}, "aaaaaaaaaaaaaaaaaaaaaaaa", uint8(3))
	f.Add([]byte("x|"), []byte{2}, "abababababababab", uint8(4))
	f.Add([]byte("|"), []byte{0, 5}, "short-secret", uint8(5))
	f.Fuzz(func(t *testing.T, around, cuts []byte, text string, form uint8) {
		if len(text) < 8 || len(text) > 1000 || len(around) > 1<<12 {
			return
		}
		echo := echoes(text)[int(form)%len(echoes(text))]
		stream := bytes.ReplaceAll(around, []byte("|"), []byte(echo))
		var streams tripwire.Streams
		wire := streams.New(tripwire.New(secret.New(text), secret.New(token)))
		defer wire.Close()
		var got []byte
		tripped := false
		for rest, i := stream, 0; ; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[i%len(cuts)])+1)
			}
			out, found := wire.Pass(bytes.Clone(rest[:n]), n == len(rest))
			got, tripped = append(got, out...), tripped || found
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
		}
		checkMasked(t, stream, got, tripped, append(echoes(text), echoes(token)...))
	})
}

func echoes(s string) []string {
	list := []string{s, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))}
	if len(s) >= 24 {
		for skip := range 3 {
			whole := s[skip : skip+(len(s)-skip)/3*3]
			list = append(list, base64.StdEncoding.EncodeToString([]byte(whole)),
				base64.URLEncoding.EncodeToString([]byte(whole)))
		}
	}
	return list
}

// checkMasked knows, from a search of the whole, which bytes must be masked; the first seven of each may have gone
// out before it was known. Where something is escaped, more may be: a backslash that escapes nothing is nothing.
func checkMasked(t *testing.T, stream, got []byte, tripped bool, needles []string) {
	t.Helper()
	if len(got) != len(stream) {
		t.Fatalf("%d bytes became %d", len(stream), len(got))
	}
	may, must := make([]bool, len(stream)), make([]bool, len(stream))
	for _, n := range needles {
		for i := 0; i+len(n) <= len(stream); i++ {
			if string(stream[i:i+len(n)]) == n {
				for j := range len(n) {
					may[i+j] = true
					must[i+j] = must[i+j] || j >= 7
				}
			}
		}
	}
	escaped := bytes.ContainsAny(stream, `\&%`)
	for i := range stream {
		if must[i] && got[i] != '*' || !may[i] && !escaped && got[i] != stream[i] || got[i] != stream[i] && got[i] != '*' {
			t.Fatalf("at %d: %q became %q (tripped %v)", i, stream, got, tripped)
		}
	}
	if plain := slices.Contains(may, true); tripped != plain && (plain || !escaped) {
		t.Fatalf("tripped is %v for %q", tripped, stream)
	}
}
