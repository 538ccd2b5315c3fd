package bench_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bff/internal/testenv"
)

// BenchmarkTelemetry prints what traces cost a call, beside the same call of an instance without: none kept, one in ten,
// as `sample: 0.1` has it, and all. The instances are called at the same time, so that whatever else the machine does is
// shared by all, and in turns it is another one that begins. There are two without, of which the mean is what all are
// compared with; what those two differ by is printed too.
func BenchmarkTelemetry(b *testing.B) {
	const people, calls, atOnce = 1000, 4000, 12
	at, _ := play(b, "answers", "BENCH_CERTIFICATE="+b.TempDir()+"/upstream.pem")
	apis := map[string]string{"clear": "http://" + strings.Split(at, ",")[0]}
	collector := testenv.Collector(b)
	h := newHouse(b)
	sampled := func(share string) []string {
		return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL,
			"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=" + share}
	}
	var contenders []contender
	for _, c := range [...]struct {
		name string
		env  []string
	}{{"without traces", nil}, {"without traces, again", nil}, {"traces of 0 %", sampled("0")},
		{"traces of 10 %", sampled("0.1")},
		{"traces of 10 %, again", sampled("0.1")}, {"traces of 100 %", sampled("1")}} {
		p := h.instance(b, apis, "cache: true", c.env...)
		contenders = append(contenders, contender{c.name, process{pid: p.PID(), addr: p.Addr, metrics: p.Metrics}, "/app/"})
	}
	cookies := cookieFile(b, h.people(b, people)...)
	round := func(first int) (cpu, objects []float64) {
		before, made := make([]float64, len(contenders)), make([]float64, len(contenders))
		for i, c := range contenders {
			made[i], _ = c.process.allocated()
			before[i] = c.process.cpu(b)
		}
		var all sync.WaitGroup
		for i := range contenders {
			c := contenders[(first+i)%len(contenders)]
			all.Go(func() {
				run(b, task{To: c.process.addr, Path: "/api/clear/1k", Calls: calls, AtOnce: atOnce, Cookies: cookies})
			})
		}
		all.Wait()
		for i, c := range contenders {
			cpu = append(cpu, (c.process.cpu(b)-before[i])/calls)
			now, _ := c.process.allocated()
			objects = append(objects, (now-made[i])/calls)
		}
		return cpu, objects
	}
	round(0) // so that no idle time has to slide while it is measured
	rounds := envRounds(15)
	n := len(contenders)
	ratios, used, made := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	for turn := range rounds {
		cpu, objects := round(turn)
		for i := range contenders {
			ratios[i] = append(ratios[i], cpu[i]/((cpu[0]+cpu[1])/2))
			used[i], made[i] = append(used[i], cpu[i]), append(made[i], objects[i])
		}
	}
	fmt.Println()
	for i, c := range contenders {
		fmt.Printf("%-22s %.3f times without (%.2f to %.2f), %.1f µs, %.0f allocations: medians of %d rounds\n", c.name,
			median(ratios[i]), slices.Min(ratios[i]), slices.Max(ratios[i]), median(used[i]), median(made[i]), rounds)
	}
	if names, bad := collector.Names(); len(names) == 0 || bad > 0 {
		b.Errorf("the collector received the spans %q, and %d requests that were none", names, bad)
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}
