package bench_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bff/internal/proxy"
)

// The test binary plays the other processes too: the upstream, the plain proxy, the clients that call.
func TestMain(m *testing.M) {
	switch role := os.Getenv("BENCH_ROLE"); role {
	case "":
		os.Exit(m.Run())
	case "upstream":
		listen(upstreamRoutes())
	case "upstream-http2":
		listenHTTP2(upstreamRoutes(), os.Getenv("BENCH_CERTIFICATE"))
	case "answers":
		answers(os.Getenv("BENCH_CERTIFICATE"))
	case "grants":
		listen(grants())
	case "plain":
		listen(plain(strings.Fields(os.Getenv("BENCH_TO"))))
	case "relay":
		late, err := time.ParseDuration(os.Getenv("BENCH_LATE"))
		if err != nil {
			panic(err)
		}
		relay(os.Getenv("BENCH_TO"), late)
	case "load":
		loadAsTold()
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

// plain is the yardstick: the standard library's reverse proxy, tuned: a pool of buffers, enough idle connections. It
// leads to several upstreams, "name=URL", below /api/NAME/.
func plain(to []string) http.Handler {
	pool := &buffers{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}
	mux := http.NewServeMux()
	for _, pair := range to {
		name, raw, _ := strings.Cut(pair, "=")
		base, err := url.Parse(raw)
		if err != nil {
			panic(err)
		}
		mux.Handle("/api/"+name+"/", http.StripPrefix("/api/"+name, &httputil.ReverseProxy{
			Transport:  proxy.NewTransport(),
			BufferPool: pool,
			Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(base) },
		}))
	}
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintf(w, "go_memstats_mallocs_total %d\ngo_memstats_alloc_bytes_total %d\n", m.Mallocs, m.TotalAlloc)
	})
	return mux
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// play starts this binary in a role. It prints its address first.
func play(b *testing.B, role string, env ...string) (addr string, pid int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "BENCH_ROLE="+role), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
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
