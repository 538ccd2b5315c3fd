package vault_test

import (
	"context"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// BenchmarkLoad is what a proxied call reads, from a real Redis, beside the bare pipeline of the same commands.
func BenchmarkLoad(b *testing.B) {
	store := testenv.Redis(b)
	v := open(b, store.URL)
	_, r := signIn(b, v, vault.NewSession{Connection: google(vault.KeepSession)})
	b.Run("session and connection", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Load(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	c := store.Client()
	ctx := context.Background()
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("the bare pipeline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := c.Pipeline()
			for _, k := range keys[:min(3, len(keys))] {
				p.Type(ctx, k)
			}
			if _, err := p.Exec(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
