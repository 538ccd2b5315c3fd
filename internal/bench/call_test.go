package bench_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bff/internal/demo"
	"bff/internal/proxy"
	"bff/internal/testenv"
)

// The test binary plays the other processes too: the upstream, the bare proxy, the client that calls.
func TestMain(m *testing.M) {
	switch role := os.Getenv("BENCH_ROLE"); role {
	case "":
		os.Exit(m.Run())
	case "upstream":
		listen(upstreamRoutes())
	case "upstream-http2":
		listenHTTP2(upstreamRoutes(), os.Getenv("BENCH_CERTIFICATE"))
	case "bare":
		listen(bare(os.Getenv("BENCH_TO")))
	case "load":
		load(os.Getenv("BENCH_TO"), os.Getenv("BENCH_COOKIE"), number("BENCH_CALLS"), number("BENCH_AT_ONCE"))
	case "crowd":
		crowd(
			os.Getenv("BENCH_TO"),
			os.Getenv("BENCH_PATH"),
			os.Getenv("BENCH_HEADER"),
			strings.Split(os.Getenv("BENCH_COOKIE"), "\n"),
			number("BENCH_CALLS"),
		)
	}
}

func number(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		panic(name + " is no number")
	}
	return n
}

func listen(h http.Handler) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	_ = (&http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}).Serve(l)
}

// bare is the yardstick: the standard library's reverse proxy, with bff's transport.
func bare(to string) http.Handler {
	base, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	p := &httputil.ReverseProxy{
		Transport: proxy.NewTransport(),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(base) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mallocs" {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Fprintf(w, "go_memstats_mallocs_total %d\n", m.Mallocs)
			return
		}
		p.ServeHTTP(w, r)
	})
}

func load(to, cookie string, calls, atOnce int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	var left, failed atomic.Int64
	left.Store(int64(calls))
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				r, _ := http.NewRequest(http.MethodGet, to, nil)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				r.Header.Set("Cookie", cookie)
				resp, err := client.Do(r)
				if err != nil {
					failed.Add(1)
					continue
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				_ = resp.Body.Close()
			}
		})
	}
	all.Wait()
	fmt.Println(failed.Load(), "failed")
}

// A process under measurement.
type process struct {
	stored  float64 // bytes in the store for a person who is signed in
	pid     int
	mallocs func() float64
	to      string
	cookie  string

	addr    string // of bff, as what follows
	metrics func() string
	signIn  func(*testing.B) string // makes a further session; its cookie
}

func play(b *testing.B, role string, env ...string) (addr string, pid int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "BENCH_ROLE="+role), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		b.Fatal(err)
	}
	return addr, cmd.Process.Pid
}

// calls has n calls made by a process of its own.
func (p process) calls(b *testing.B, n int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(
		os.Environ(),
		"BENCH_ROLE=load",
		"BENCH_TO="+p.to,
		"BENCH_COOKIE="+p.cookie,
		"BENCH_CALLS="+strconv.Itoa(n),
		"BENCH_AT_ONCE=8",
	)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "0 failed") {
		b.Fatalf("calls to %s: %v %s", p.to, err, out)
	}
}

// cpu is the processor time a process has used, in clock ticks (proc(5), fields 14 and 15).
func (p process) cpu(b *testing.B) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		b.Fatal("processor time is read from /proc: ", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return user + system
}

var mallocsLine = regexp.MustCompile(`(?m)^go_memstats_mallocs_total (\S+)$`)

func mallocsIn(text string) float64 {
	m := mallocsLine.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	return n
}

// BenchmarkProxiedCall compares one call through bff, with its session in a real Redis, with the same call through a
// bare httputil.ReverseProxy.
func BenchmarkProxiedCall(b *testing.B) {
	up, _ := play(b, "upstream")
	addr, pid := play(b, "bare", "BENCH_TO=http://"+up)
	client := &http.Client{}
	plain := process{pid: pid, to: "http://" + addr + "/items", mallocs: func() float64 {
		resp, err := client.Get("http://" + addr + "/mallocs")
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return mallocsIn(string(text))
	}}
	b.Run("the store is asked", func(b *testing.B) { compare(b, plain, product(b, "http://"+up, false)) })
	b.Run("session.cache", func(b *testing.B) { compare(b, plain, product(b, "http://"+up, true)) })
}

// BenchmarkBackendCall compares one call to a backend, with an assertion, with one through a provider's api, by the
// same person through the same instance: cpu-ratio is the first by the second.
func BenchmarkBackendCall(b *testing.B) {
	up, _ := play(b, "upstream")
	api := product(b, "http://"+up, true)
	backend := api
	backend.to = "http://" + api.addr + "/app/items"
	compare(b, api, backend)
}

// compare has both do the same in turns.
func compare(b *testing.B, plain, ours process) {
	const rounds, calls = 7, 6000
	plain.calls(b, calls)
	ours.calls(b, calls)
	var cpu, mallocs, plainCPU, ourCPU []float64
	for range rounds {
		c1, m1 := plain.cpu(b), plain.mallocs()
		plain.calls(b, calls)
		c1, m1 = plain.cpu(b)-c1, plain.mallocs()-m1
		c2, m2 := ours.cpu(b), ours.mallocs()
		ours.calls(b, calls)
		c2, m2 = ours.cpu(b)-c2, ours.mallocs()-m2
		cpu, mallocs = append(cpu, c2/c1), append(mallocs, m2/m1)
		plainCPU, ourCPU = append(plainCPU, c1*1e4/calls), append(ourCPU, c2*1e4/calls) // 100 ticks a second: µs
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(median(mallocs), "allocs-ratio")
	b.ReportMetric(median(ourCPU), "µs-cpu/call")
	b.ReportMetric(median(plainCPU), "µs-cpu/bare-call")
	b.ReportMetric(ours.stored, "B-redis/session")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// product is `bff serve` over a real Redis, with somebody signed in, before an API. env is further environment.
func product(b *testing.B, api string, cache bool, env ...string) process {
	b.Helper()
	store := testenv.Redis(b)
	port := testenv.FreePort(b)
	origin := fmt.Sprintf("http://127.0.0.1:%d", port)
	d, err := demo.Start(demo.Config{Origin: origin, TokenLifetime: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.Close)
	p := testenv.BFF(b, fmt.Sprintf(`origin: %s
session:
  store: %s
  keys: [env:BFF_KEY]
  cache: %t
providers:
  demo:
    issuer: %s
    client_id: %s
    client_secret: env:DEMO_SECRET
    scopes: [openid, email]
apis:
  items:
    provider: demo
    upstream: %s
    allow: [GET /items, POST /sink, GET /source, GET /stream, GET /socket]
  app:
    path: /app
    identity: app
    upstream: %s
    allow: [GET /items]
limits:
  login_per_minute: 100000
  session_concurrency: 100000
`, origin, store.URL, cache, d.Issuer, d.ClientID, api, api), append(env, "DEMO_SECRET="+d.ClientSecret)...)
	signIn := func(b *testing.B) string { return signInAgain(b, p, d.Approve) }
	cookie := signIn(b)
	return process{
		stored:  storedBytes(b, store),
		pid:     p.PID(),
		to:      "http://" + p.Addr + "/api/items/items",
		cookie:  cookie,
		mallocs: func() float64 { return mallocsIn(p.Metrics()) },
		addr:    p.Addr,
		metrics: p.Metrics,
		signIn:  signIn,
	}
}

// storedBytes is what Redis itself says its keys take.
func storedBytes(b *testing.B, store *testenv.RedisServer) float64 {
	b.Helper()
	c, ctx, sum := store.Client(), b.Context(), int64(0)
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range keys {
		n, err := c.MemoryUsage(ctx, k).Result()
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return float64(sum)
}
