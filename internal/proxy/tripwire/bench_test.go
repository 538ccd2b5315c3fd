package tripwire_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

// What a session's first call pays once, and what each byte of an answer pays beside a copy of it.
func BenchmarkTripwire(b *testing.B) {
	secrets := []secret.Text{secret.New(rand.Text() + rand.Text()), secret.New("gho_" + rand.Text() + rand.Text()[:10]),
		secret.New(rand.Text() + rand.Text() + rand.Text() + rand.Text()[:8])}
	b.Run("make a set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tripwire.New(secrets...)
		}
	})
	var streams tripwire.Streams
	set := tripwire.New(secrets...)
	body := bytes.Repeat([]byte(`{"id": 1234, "name": "one of many things that an api lists"},`+"\n"), 1<<20/62)
	for range len(body) / 20 {
		copy(body[len(body)/2:], rand.Text())
	}
	pieces := func(b *testing.B, pass func(p []byte)) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			for p := body; len(p) > 0; p = p[min(len(p), 32<<10):] {
				pass(p[:min(len(p), 32<<10)])
			}
		}
	}
	into := make([]byte, 32<<10)
	b.Run("copy a megabyte", func(b *testing.B) { pieces(b, func(p []byte) { copy(into, p) }) })
	b.Run("pass a megabyte", func(b *testing.B) {
		s := streams.New(set)
		pieces(b, func(p []byte) { s.Pass(p, false) })
		s.Close()
	})
}
