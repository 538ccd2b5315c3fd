package bench_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bff/internal/testenv"
)

// BenchmarkGigabyte carries 1 GB each way. What matters is not the speed, which is the loopback's, but by how much
// the process grew at its highest.
func BenchmarkGigabyte(b *testing.B) {
	const size = 1 << 30
	up, _ := play(b, "upstream")
	ours := product(b, "http://"+up, false)
	ours.calls(b, 500)
	client := &http.Client{Transport: &http.Transport{WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10}}
	for name, carry := range map[string]func() *http.Request{
		"up": func() *http.Request {
			r := ours.request(b, http.MethodPost, "/sink", io.LimitReader(filler{}, size))
			r.ContentLength = size
			return r
		},
		"down": func() *http.Request {
			return ours.request(b, http.MethodGet, fmt.Sprintf("/source?n=%d", size), nil)
		},
	} {
		b.Run(name, func(b *testing.B) {
			ours.forgetPeak(b)
			before, began := ours.memory(b, "VmRSS"), time.Now()
			resp, err := client.Do(carry())
			if err != nil {
				b.Fatal(err)
			}
			defer resp.Body.Close()
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK || name == "down" && n != size {
				b.Fatalf("%d after %d bytes: %v", resp.StatusCode, n, err)
			}
			took := time.Since(began)
			for b.Loop() {
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(size)/took.Seconds()/1e6, "MB/s")
			b.ReportMetric(before/1e6, "MB-rss-before")
			b.ReportMetric(ours.memory(b, "VmHWM")/1e6, "MB-rss-peak")
		})
	}
}

// BenchmarkIdle holds many connections that say nothing: what each costs the process in resident memory (the
// collector's slack with it), in heap (garbage that is not collected yet with it) and in stacks. Over HTTP/1 every
// one of them has a connection to the upstream of its own.
func BenchmarkIdle(b *testing.B) {
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for _, c := range []struct {
		name, path, header string
		http2              bool
		n                  int
	}{
		{"event-streams", "/stream?idle=1", "Accept: text/event-stream\r\n", true, 10_000},
		{"event-streams-HTTP1", "/stream?idle=1", "Accept: text/event-stream\r\n", false, 10_000},
		{"websockets", "/socket", upgrade, false, 1_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			const others = 300 // files: the store's, the listeners'
			n, ours := c.n, process{}
			if c.http2 {
				n = min(n, filesFor(n+others)-others)
				certificate := filepath.Join(b.TempDir(), "upstream.pem")
				up, _ := play(b, "upstream-http2", "BENCH_CERTIFICATE="+certificate)
				ours = product(b, "https://"+up, false, "SSL_CERT_FILE="+certificate)
			} else {
				n = min(n, (filesFor(2*n+others)-others)/2)
				up, _ := play(b, "upstream")
				ours = product(b, "http://"+up, false)
			}
			cookies := ours.people(b, 50)
			ours.calls(b, 2000)
			before, heap, stacks := ours.memory(b, "VmRSS"), ours.gauge("heap_alloc"), ours.gauge("stack_inuse")
			play(
				b,
				"crowd",
				"BENCH_TO="+ours.addr,
				"BENCH_PATH=/api/items"+c.path,
				"BENCH_CALLS="+strconv.Itoa(n),
				"BENCH_COOKIE="+strings.Join(cookies, "\n"),
				"BENCH_HEADER="+c.header+"Origin: http://"+ours.addr+"\r\nSec-Fetch-Site: same-origin\r\n",
			)
			after, moreHeap, moreStacks := ours.memory(b, "VmRSS"), ours.gauge("heap_alloc"), ours.gauge("stack_inuse")
			for b.Loop() {
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(n), "at-once")
			b.ReportMetric((after-before)/float64(n), "B-rss/each")
			b.ReportMetric((moreHeap-heap)/float64(n), "B-heap/each")
			b.ReportMetric((moreStacks-stacks)/float64(n), "B-stacks/each")
			b.ReportMetric(after/1e6, "MB-rss")
		})
	}
}

// BenchmarkEvent is the time from an upstream's write of an event to its arrival, going through bff and going
// straight there, both in every round.
func BenchmarkEvent(b *testing.B) {
	up, _ := play(b, "upstream")
	ours := product(b, "http://"+up, false)
	client := &http.Client{}
	open := func(r *http.Request) *bufio.Reader {
		resp, err := client.Do(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("open the stream: %v", err)
		}
		b.Cleanup(func() { _ = resp.Body.Close() })
		return bufio.NewReader(resp.Body)
	}
	straight, err := http.NewRequest(http.MethodGet, "http://"+up+"/stream", nil)
	if err != nil {
		b.Fatal(err)
	}
	proxied := ours.request(b, http.MethodGet, "/stream", nil)
	proxied.Header.Set("Accept", "text/event-stream")
	took := map[string]chan float64{"straight": make(chan float64), "bff": make(chan float64)}
	for name, in := range map[string]*bufio.Reader{"straight": open(straight), "bff": open(proxied)} {
		go listenTo(in, took[name])
	}
	const events = 3000
	var there, through, beyond []float64
	for range events {
		fire(b, client, up)
		s, t := <-took["straight"], <-took["bff"]
		there, through, beyond = append(there, s), append(through, t), append(beyond, t-s)
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	for name, v := range map[string][]float64{"straight": there, "bff": through, "beyond": beyond} {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], "µs-p50-"+name)
		b.ReportMetric(v[len(v)*99/100], "µs-p99-"+name)
	}
}

func fire(b *testing.B, client *http.Client, up string) {
	resp, err := client.Post("http://"+up+"/fire", "", nil)
	if err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
}

// listenTo reads events that say when they were written, and sends how many µs ago that was.
func listenTo(in *bufio.Reader, took chan<- float64) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			close(took)
			return
		}
		if sent, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "data: ")), 10, 64); err == nil {
			took <- float64(time.Now().UnixNano()-sent) / 1e3
		}
	}
}

// request is one that the signed-in browser makes.
func (p process) request(b *testing.B, method, path string, body io.Reader) *http.Request {
	b.Helper()
	r, err := http.NewRequest(method, "http://"+p.addr+"/api/items"+path, body)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Cookie", "bff="+p.cookie)
	return r
}

// people signs in n times more; the cookies of all sessions.
func (p process) people(b *testing.B, n int) []string {
	b.Helper()
	cookies := []string{p.cookie}
	for range n {
		cookies = append(cookies, p.signIn(b))
	}
	return cookies
}

// gauge is what the process says of its memory.
func (p process) gauge(name string) float64 {
	for line := range strings.Lines(p.metrics()) {
		if v, ok := strings.CutPrefix(line, "go_memstats_"+name+"_bytes "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return n
		}
	}
	return 0
}

// memory is a line of /proc/PID/status in bytes: VmRSS is what is resident, VmHWM the most there ever was.
func (p process) memory(b *testing.B, name string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		b.Fatal("memory is read from /proc: ", err)
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 64)
			return kb * 1024
		}
	}
	b.Fatalf("no %s for the process", name)
	return 0
}

// forgetPeak makes VmHWM begin again (proc(5), clear_refs).
func (p process) forgetPeak(b *testing.B) {
	b.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid), []byte("5"), 0); err != nil {
		b.Fatal("the peak of memory is reset in /proc: ", err)
	}
}

// filesFor raises the number of files that this process and its children may open to n, or as far as it may, and
// returns it.
func filesFor(n int) int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	want := syscall.Rlimit{Cur: max(l.Cur, uint64(n)), Max: max(l.Max, uint64(n))}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want); errors.Is(err, syscall.EPERM) {
		want = syscall.Rlimit{Cur: l.Max, Max: l.Max}
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want)
	}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Cur, 1<<20))
}

// signInAgain makes a further session; its cookie.
func signInAgain(b *testing.B, p *testenv.BFFProcess,
	approve func(string, string, ...string) (string, error)) string {
	b.Helper()
	c := testenv.NewClient(p)
	back, err := approve(c.Leave("/bff/login/demo").Header.Get("Location"), "ada")
	if err != nil {
		b.Fatal(err)
	}
	c.Leave(back)
	return c.Session()
}
