package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// BenchmarkBackend prints what a call to a backend costs beside the same call to a provider's api: the same instance,
// upstream, sessions and answers, by turns. Sessions are answered from memory, and each calls often enough that few
// calls need a new assertion. BENCH_ROUNDS is how many rounds.
func BenchmarkBackend(b *testing.B) {
	const people = 200
	rounds := 9
	if n, err := strconv.Atoi(os.Getenv("BENCH_ROUNDS")); err == nil {
		rounds = n
	}
	at, _ := play(b, "answers", "BENCH_CERTIFICATE="+b.TempDir()+"/upstream.pem")
	h := newHouse(b)
	p := h.instance(b, map[string]string{"clear": "http://" + strings.Split(at, ",")[0]}, "cache: true")
	s := &setup{cookies: map[int]string{}, commands: func() float64 { return 0 }}
	for _, c := range []struct{ name, app string }{
		{"provider api", "/api/"},
		{"provider api, again", "/api/"}, // what two alike differ by
		{"backend", "/app/"},
	} {
		s.contenders = append(s.contenders, contender{c.name, process{pid: p.PID(), addr: p.Addr, metrics: p.Metrics}, c.app})
	}
	s.cookies[people] = cookieFile(b, h.people(b, people)...)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\ncall\tto\tCPU × api (range)\tµs CPU\tcalls/s × api\tp50 µs\tallocations\tbytes\t\n")
	s.measure(b, w, row{"1 KB, 32 connections", "clear", "/1k", 32, 8000, people, true, steady}, rounds)
	_ = w.Flush()
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}
