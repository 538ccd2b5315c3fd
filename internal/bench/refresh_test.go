package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"bff/internal/testenv"
)

// A refreshHouse has a provider of which tokens are had and nothing else.
type refreshHouse struct {
	*house
	b      *testing.B
	grants string // an address
	bff    process
}

func newRefreshHouse(b *testing.B) *refreshHouse {
	b.Helper()
	h := &refreshHouse{house: &house{store: testenv.Redis(b), key: testenv.NewKey(b), clientID: "bff", clientPass: "geheim",
		port: testenv.FreePort(b)}, b: b}
	h.grants, _ = play(b, "grants")
	h.issuer = "http://" + h.grants
	up, _ := play(b, "answers", "BENCH_CERTIFICATE="+b.TempDir()+"/upstream.pem")
	p := h.instance(b, map[string]string{"items": "http://" + strings.Split(up, ",")[0]}, "cache: true")
	h.bff = process{pid: p.PID(), addr: p.Addr, metrics: p.Metrics}
	return h
}

// sessions makes n sessions. The access tokens of one in so many are good for what is left, the others for long.
func (h *refreshHouse) sessions(n, every int, left time.Duration) (cookies string) {
	h.b.Helper()
	h.left = func(i int) time.Duration {
		if i%every == 0 {
			return left
		}
		return tokenLife
	}
	return cookieFile(h.b, h.people(h.b, n)...)
}

// refreshes is how many there were.
func (h *refreshHouse) refreshes() int {
	h.b.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(get(h.b, h.issuer+"/count")))
	if err != nil {
		h.b.Fatal(err)
	}
	return n
}

func (h *refreshHouse) calls(n, atOnce, rate int, cookies string) tally {
	h.b.Helper()
	return run(h.b, task{To: h.bff.addr, Path: "/api/items/1k", Calls: n, AtOnce: atOnce, Rate: rate, Cookies: cookies})
}

// BenchmarkBurst prints what many calls at once of one session take whose access token has expired: of the slowest, what
// is beyond the time of the provider and beyond the slowest of the same burst with a good token, by turns. A call that
// fails, or a second refresh, ends it. BENCH_ROUNDS is how many rounds.
func BenchmarkBurst(b *testing.B) {
	h := newRefreshHouse(b)
	h.calls(2000, 8, 0, h.sessions(8, 1, tokenLife))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\nprovider\tcalls at once\tslowest with a good token, ms\tfurther with an expired one, ms (range)\n")
	for _, late := range []time.Duration{0, time.Second, 10 * time.Second} {
		get(b, h.issuer+"/late?by="+late.String())
		for _, n := range []int{200, 1000} {
			var good, further []float64
			for range envRounds(5) {
				before := h.refreshes()
				usual := h.calls(n, n, 0, h.sessions(1, 1, tokenLife)).Slowest / 1e3
				slow := h.calls(n, n, 0, h.sessions(1, 1, -time.Minute)).Slowest / 1e3
				if more := h.refreshes() - before; more != 1 {
					b.Fatalf("%d refreshes", more)
				}
				good, further = append(good, usual), append(further, slow-usual-float64(late.Milliseconds()))
			}
			fmt.Fprintf(w, "%v\t%d\t%.0f\t%.0f (%.0f to %.0f)\n", late, n, median(good), median(further),
				quantile(further, 0), quantile(further, 1))
			_ = w.Flush()
		}
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRefreshAhead prints the p50 and p99 of 400 calls a second of 400 sessions of which one in eight has its token
// refreshed ahead of its end meanwhile, ten a second, × those of the same calls with tokens that stay, by turns.
// BENCH_ROUNDS is how many rounds.
func BenchmarkRefreshAhead(b *testing.B) {
	const sessions, every, calls, rate = 400, 8, 2000, 400
	h := newRefreshHouse(b)
	get(b, h.issuer+"/late?by=200ms")
	h.calls(2000, 8, 0, h.sessions(8, 1, tokenLife))
	var p50, p99 []float64
	for range envRounds(9) {
		before := h.refreshes()
		steady := h.calls(calls, 32, rate, h.sessions(sessions, 1, tokenLife))
		if n := h.refreshes() - before; n != 0 {
			b.Fatalf("%d refreshes of tokens that stay", n)
		}
		ahead := h.calls(calls, 32, rate, h.sessions(sessions, every, 40*time.Second))
		if n := h.refreshes() - before; n != sessions/every {
			b.Fatalf("%d refreshes of %d tokens", n, sessions/every)
		}
		p50, p99 = append(p50, ahead.P50/steady.P50), append(p99, ahead.P99/steady.P99)
	}
	fmt.Printf("while tokens are refreshed ahead, × without: p50 %.2f (%.2f to %.2f), p99 %.2f (%.2f to %.2f)\n",
		median(p50), quantile(p50, 0), quantile(p50, 1), median(p99), quantile(p99, 0), quantile(p99, 1))
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSignIn is what a sign-in costs the process of bff, from the redirect to the session, four at once, and how
// many of them pass in a second together with the provider and the browsers, which are in this process.
func BenchmarkSignIn(b *testing.B) {
	up, _ := play(b, "upstream")
	p := product(b, "http://"+up, true)
	for range 20 {
		p.signIn(b)
	}
	const n = 400
	cpu, began := p.cpu(b), time.Now()
	at := make(chan struct{}, n)
	for range n {
		at <- struct{}{}
	}
	close(at)
	done := make(chan struct{})
	for range 4 {
		go func() {
			for range at {
				p.signIn(b)
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		testenv.Receive(b, "the sign-ins", done)
	}
	took, used := time.Since(began).Seconds(), p.cpu(b)-cpu
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(n/took, "sign-ins/s")
	b.ReportMetric(used/n/1e3, "ms-CPU/sign-in")
}
