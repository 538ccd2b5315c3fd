package vault_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// BenchmarkCold is the read of sessions that this instance has not seen, and of those that it has and that the store
// brings again, by 32 callers at once; in processor time of this process. Each session has a registered user and one
// connection.
func BenchmarkCold(b *testing.B) {
	server := testenv.Redis(b)
	key := ring(vault.NewKey())
	maker := open(b, server.URL, key)
	var requests []*http.Request
	for n := range 4000 {
		u := userN(n)
		identity := vault.Identity{Provider: "google", Issuer: "https://i", Subject: u.Subject}
		rec, _, err := maker.Users.Register(b.Context(), identity,
			vault.Profile{Name: "Ada Lovelace", Email: "person.somebody@example.com", EmailVerified: true}, nil)
		must(b, err)
		_, r := signIn(b, maker, vault.NewSession{User: rec.User(), Connection: google(vault.KeepSession)})
		requests = append(requests, r)
	}
	for name, bytes := range map[string]int64{"seen": 1 << 30, "not seen": 1} {
		b.Run(name, func(b *testing.B) {
			v := open(b, server.URL, key, func(c *vault.Config) { c.CacheBytes = bytes })
			for _, r := range requests {
				load(b, v, r)
			}
			var next atomic.Int64
			b.SetParallelism(16)
			b.ReportAllocs()
			b.ResetTimer()
			before := processorTime(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					load(b, v, requests[next.Add(1)%int64(len(requests))])
				}
			})
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}

// processorTime is what this process has used, in ns.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkLogoutSeen is how long it takes until another instance, which answers from its cache, no longer answers: from
// the beginning of the logout. It is alone, or the other instance's machine is busy with calls.
func BenchmarkLogoutSeen(b *testing.B) {
	server := testenv.Redis(b)
	for name, busy := range map[string]int{"idle": 0, "saturated": 64} {
		b.Run(name, func(b *testing.B) {
			here, there := pair(b, server.URL, cached)
			stop := make(chan struct{})
			var all sync.WaitGroup
			for n := range busy {
				_, r := signIn(b, here, vault.NewSession{User: userN(n), Connection: google(vault.KeepSession)})
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							_, _ = there.Sessions.Load(r)
						}
					}
				})
			}
			var took []time.Duration
			for b.Loop() {
				s, r := signIn(b, here, vault.NewSession{Connection: google(vault.KeepSession)})
				warm(b, there, r, server)
				began := time.Now()
				ended := make(chan error)
				go func() { ended <- here.Sessions.End(context.Background(), s, "logout") }()
				for {
					if _, err := there.Sessions.Load(r); err != nil {
						break
					}
				}
				took = append(took, time.Since(began))
				must(b, testenv.Receive(b, "its end", ended))
			}
			close(stop)
			testenv.Finished(b, "all of them", all.Wait)
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "ms-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "ms-p99")
		})
	}
}
