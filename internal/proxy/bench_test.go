package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"bff/internal/proxy"
	"bff/internal/secret"
)

// cheapUpstream answers every request that ends at its header with the same bytes: what is measured is the proxy.
func cheapUpstream(b testing.TB, answer string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(bytes.TrimSpace(line)) == 0 {
						if _, err := io.WriteString(conn, answer); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// sink is a ResponseWriter that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Flush()                      {}

func browserRequest(path string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	for _, line := range []string{"Accept: application/json", "Accept-Encoding: gzip, deflate, br, zstd",
		"Accept-Language: en-GB,en;q=0.9", "Cookie: bff=" + strings.Repeat("x", 86),
		"Referer: https://app.example.com/", "Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors",
		"Sec-Fetch-Site: same-origin",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"} {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkServe runs a mount and a bare ReverseProxy on the same transport by turns, and reports the mount's cost as
// a multiple of the bare one's.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{2 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) { benchmarkServe(b, size) })
	}
}

func benchmarkServe(b *testing.B, size int) {
	body := `{"items":["` + strings.Repeat("The quick brown fox jumps over the lazy dog. ", size/45) + `"]}`
	upstream := cheapUpstream(
		b,
		fmt.Sprintf(
			"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nDate: Tue, 25 Nov 2026 12:00:00 GMT\r\nServer: ESF\r\n"+
				"Cache-Control: private\r\nVary: Origin\r\nVary: X-Origin\r\nVary: Referer\r\nX-XSS-Protection: 0\r\nX-Frame-Options: "+
				"SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %d\r\n\r\n%s",
			len(body),
			body,
		),
	)
	transport := proxy.NewTransport()
	defer transport.CloseIdleConnections()
	m, err := proxy.New(proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com",
		Upstream: upstream + "/calendar/v3", Transport: transport,
		Allow: []string{"GET /users/me/calendarList", "GET /calendars/{id}/events"}})
	if err != nil {
		b.Fatal(err)
	}
	base, _ := url.Parse(upstream + "/calendar/v3")
	bare := &httputil.ReverseProxy{Transport: transport, Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(base)
		pr.Out.Header.Set("Authorization", "Bearer "+token)
	}}
	by := proxy.Caller{Credential: m.Token(secret.New(token)), Done: make(chan struct{}),
		Secrets: []secret.Text{secret.New(refresh), secret.New(strings.Repeat("cookie", 14))}}
	callMount := func() {
		r := browserRequest("/api/x/calendars/primary/events?maxResults=10")
		c, err := m.Find(r)
		if err == nil {
			err = m.Serve(&sink{http.Header{}}, r, c, by)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	callBare := func() {
		bare.ServeHTTP(&sink{http.Header{}}, browserRequest("/calendars/primary/events?maxResults=10"))
	}
	var spent [2]time.Duration
	var allocs [2]uint64
	const batch = 200
	b.ResetTimer()
	n := 0
	for b.Loop() {
		for i, call := range []func(){callBare, callMount} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := cpu()
			for range batch {
				call()
			}
			spent[i] += cpu() - start
			runtime.ReadMemStats(&after)
			allocs[i] += after.Mallocs - before.Mallocs
		}
		n += batch
	}
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "cpu-ratio")
	b.ReportMetric(float64(allocs[1])/float64(allocs[0]), "allocs-ratio")
	b.ReportMetric(float64(spent[0])/float64(n), "bare-ns/call")
	b.ReportMetric(float64(spent[1])/float64(n), "mount-ns/call")
	b.ReportMetric(float64(allocs[0])/float64(n), "bare-allocs/call")
	b.ReportMetric(float64(allocs[1])/float64(n), "mount-allocs/call")
}

func upstreamAt(addr string) func(*proxy.Config) {
	return func(c *proxy.Config) { c.Upstream = "http://" + addr }
}
