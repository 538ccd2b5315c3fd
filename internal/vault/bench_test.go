package vault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// BenchmarkLoad is the read of one proxied call over real Redis: a session with one connection of its own and one
// that the user keeps. Beside it, in the same run, the same commands with go-redis alone.
func BenchmarkLoad(b *testing.B) {
	server := testenv.Redis(b)
	v := open(b, server.URL)
	r := kinds(b, v)
	b.Run("vault", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			load(b, v, r)
		}
	})
	b.Run("vault, parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				load(b, v, r)
			}
		})
	})
	b.Run("vault, cached", func(b *testing.B) {
		v := open(b, server.URL, cached)
		r := kinds(b, v)
		warm(b, v, r, server)
		b.ReportAllocs()
		for b.Loop() {
			load(b, v, r)
		}
	})
	b.Run("bare pipeline", func(b *testing.B) {
		ctx, c := context.Background(), redis.NewClient(
			&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, PipelinePoolSize: -1},
		)
		defer c.Close()
		session, own, kept := c.Keys(ctx, "bff:{*}:s:*").Val()[0], c.Keys(ctx, "bff:{*}:c:*").Val()[0], c.Keys(ctx, "bff:{*}:k").Val()[0]
		b.ReportAllocs()
		for b.Loop() {
			pipe := c.Pipeline()
			pipe.Get(ctx, session)
			pipe.HGetAll(ctx, own)
			pipe.HGetAll(ctx, kept)
			if _, err := pipe.Exec(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("touch", func(b *testing.B) {
		s := load(b, v, r)
		b.ReportAllocs()
		for b.Loop() {
			must(b, v.Sessions.Touch(context.Background(), s))
		}
	})
	b.Run("unknown cookie", func(b *testing.B) {
		other, _ := signIn(b, open(b, "memory:"), vault.NewSession{})
		r := withCookie(other.Ticket().Reveal())
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Sessions.Load(r); !errors.Is(err, vault.ErrNotFound) {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSeal is what a record of 600 bytes costs without the store.
func BenchmarkSeal(b *testing.B) {
	v := open(b, "memory:")
	plain := make([]byte, 600)
	half := goldenHalf()
	value := v.Seal("connection", "s.owner/c_id", half, plain)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.Seal("connection", "s.owner/c_id", half, plain)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Open("connection", "s.owner/c_id", half, value); err != nil {
				b.Fatal(err)
			}
		}
	})
}
