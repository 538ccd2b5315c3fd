package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"bff/internal/testenv"
)

// BenchmarkTelemetry prints what traces cost a call, beside the same call of an instance without: all switched on, and
// one in ten kept, as `sample: 0.1` has it. Both make the same calls in turns within one run.
func BenchmarkTelemetry(b *testing.B) {
	const people = 1000
	at, _ := play(b, "answers", "BENCH_CERTIFICATE="+b.TempDir()+"/upstream.pem")
	apis := map[string]string{"clear": "http://" + strings.Split(at, ",")[0]}
	collector := testenv.Collector(b)
	h := newHouse(b)
	s := &stage{cookies: map[int]string{}, commands: func() float64 { return 0 }}
	for _, c := range []struct {
		name string
		env  []string
	}{
		{"bff", nil},
		{"bff, again", nil}, // what two alike differ by
		{"bff, traces of 10 %", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL,
			"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.1"}},
	} {
		p := h.instance(b, apis, "cache: true", c.env...)
		s.contenders = append(s.contenders, contender{c.name, process{pid: p.PID(), addr: p.Addr, metrics: p.Metrics}, "/app/"})
	}
	s.cookies[people] = cookieFile(b, h.people(b, people)...)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\ncall\tthrough\tCPU × without (range)\tµs CPU\tcalls/s × without\tp50 µs\tallocations\tbytes\t\n")
	s.measure(b, w, row{"1 KB, 32 connections", "clear", "/1k", 32, 8000, people, false, steady}, 9)
	_ = w.Flush()
	if names, bad := collector.Names(); len(names) == 0 || bad > 0 {
		b.Errorf("the collector received the spans %q, and %d requests that were none", names, bad)
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}
