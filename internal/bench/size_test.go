package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
)

// BenchmarkRedisBytes is what a session takes in Redis, with its user, its connection and its tokens (219 and 103
// characters), and each kind of key in that: see internal/vault/doc.go.
func BenchmarkRedisBytes(b *testing.B) {
	h := &house{store: testenv.Redis(b), key: testenv.NewKey(b), issuer: "https://accounts.example.com"}
	const people = 2000
	c, before := h.store.Client(), used(b, h.store)
	h.people(b, people)
	after := used(b, h.store)
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric((after-before)/people, "B/session")
	kinds := usage(b, c)
	all := 0
	for _, bytes := range kinds {
		all += bytes
	}
	b.ReportMetric(float64(all)/people, "B-keys/session")
	for _, kind := range slices.SortedFunc(maps.Keys(kinds), func(x, y string) int { return cmp.Compare(kinds[y], kinds[x]) }) {
		fmt.Printf("%-12s %7.1f bytes a session\n", kind, float64(kinds[kind])/people)
	}
}

// used is the memory that a store says it uses.
func used(b *testing.B, s *testenv.RedisServer) float64 {
	b.Helper()
	info, err := s.Client().Info(context.Background(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return n
}

// usage sums MEMORY USAGE by the kind of key.
func usage(b *testing.B, c *redis.Client) map[string]int {
	b.Helper()
	ctx, kinds := context.Background(), map[string]int{}
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		b.Fatal(err)
	}
	for _, key := range keys {
		n, err := c.MemoryUsage(ctx, key, 0).Result()
		if err != nil {
			b.Fatal(err)
		}
		kind := strings.Split(key, ":")[1]
		if strings.HasPrefix(kind, "{") {
			kind = "{user}:" + strings.Split(key, ":")[2]
		}
		kinds[kind] += int(n)
	}
	return kinds
}
