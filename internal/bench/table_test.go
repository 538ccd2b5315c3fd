package bench_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// A row of the table is one kind of call, made through each contender in turn.
type row struct {
	name   string
	api    string // which upstream
	path   string
	atOnce int
	calls  int  // of one contender in one round
	people int  // sessions that are called evenly
	app    bool // through bff it is a call to a backend, with an assertion
	seen   seen
}

// seen is what an instance knows of the sessions that it is called for. Where it is not steady, another instance has
// touched them just before, so that nothing else is measured.
type seen int

const (
	steady seen = iota // they call again and again
	before             // each has called once lately
	never              // none has called at this instance
)

func rows() []row {
	return []row{
		{"1 KB, 32 connections", "clear", "/1k", 32, 8000, 1000, false, steady},
		{"1 KB, 256 connections", "clear", "/1k", 256, 8000, 1000, false, steady},
		{"64 KB", "clear", "/64k", 32, 4000, 1000, false, steady},
		{"1 MB", "clear", "/1m", 32, 400, 1000, false, steady},
		{"1 KB, TLS, HTTP/1.1", "tls", "/1k", 32, 6000, 1000, false, steady},
		{"1 KB, TLS, HTTP/2", "h2", "/1k", 32, 6000, 1000, false, steady},
		{"1 KB, gzip", "clear", "/1k.gz", 32, 6000, 1000, false, steady},
		{"64 KB, gzip", "clear", "/64k.gz", 32, 4000, 1000, false, steady},
		{"1 MB, gzip", "clear", "/1m.gz", 32, 400, 1000, false, steady},
		{"1 KB, backend", "clear", "/1k", 32, 6000, 1000, true, steady},
		{"1 KB, 100,000 sessions, never seen", "clear", "/1k", 32, 12000, 100000, false, never},
		{"1 KB, 100,000 sessions, seen", "clear", "/1k", 32, 12000, 100000, false, before},
	}
}

// A contender is what a call may go through.
type contender struct {
	name    string
	process process
	app     string // before the name of the api, for a call to a backend
}

// A leg is what one contender's calls of one round took.
type leg struct{ cpu, objects, bytes, perSecond, p50, redis float64 }

// BenchmarkTable prints what a call costs through bff, beside the same call through a plain reverse proxy: processor
// time of that process alone, in rounds that take turns, so that a noisy machine is noisy for all. BENCH_ROWS is a
// regular expression of the rows to run, BENCH_ROUNDS how many rounds.
func BenchmarkTable(b *testing.B) {
	wanted := regexp.MustCompile(os.Getenv("BENCH_ROWS"))
	all := slices.DeleteFunc(rows(), func(r row) bool { return !wanted.MatchString(r.name) })
	rounds := envRounds(5)
	most := 0
	for _, r := range all {
		most = max(most, r.people)
	}
	s := newSetup(b, most)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\ncall\tthrough\tCPU × plain (range)\tµs CPU\tcalls/s × plain\tp50 µs\tallocations\tbytes\t",
		"Redis commands\n")
	_ = w.Flush()
	for _, r := range all {
		s.measure(b, w, r, rounds)
		_ = w.Flush()
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}

// envRounds is BENCH_ROUNDS, or else the usual number of rounds.
func envRounds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("BENCH_ROUNDS")); err == nil {
		return n
	}
	return usual
}

// A setup has all that takes part.
type setup struct {
	contenders []contender
	another    contender      // an instance that is not measured
	cookies    map[int]string // files, by how many sessions are in them
	commands   func() float64 // that the store has processed
}

func newSetup(b *testing.B, people int) *setup {
	b.Helper()
	certificate := filepath.Join(b.TempDir(), "upstream.pem")
	at, _ := play(b, "answers", "BENCH_CERTIFICATE="+certificate)
	addrs := strings.Split(at, ",")
	apis := map[string]string{"clear": "http://" + addrs[0], "tls": "https://" + addrs[1], "h2": "https://" + addrs[2]}
	var to []string
	for name, url := range apis {
		to = append(to, name+"="+url)
	}
	trust := "SSL_CERT_FILE=" + certificate
	addr, pid := play(b, "plain", "BENCH_TO="+strings.Join(to, " "), trust)
	bare := process{pid: pid, addr: addr, metrics: func() string { return get(b, "http://"+addr+"/metrics") }}
	s := &setup{contenders: []contender{{"plain", bare, "/api/"}}, cookies: map[int]string{}}
	h := newHouse(b)
	for _, c := range []struct{ name, session, env string }{
		{"bff", "cache: true", ""},
		{"bff, standard client", "cache: true\nproxy:\n  client: standard", ""},
		{"bff, cache: false", "cache: false", ""},
	} {
		p := h.instance(b, apis, c.session, trust, c.env)
		s.contenders = append(s.contenders, contender{c.name, process{pid: p.PID(), addr: p.Addr, metrics: p.Metrics},
			"/app/"})
	}
	other := h.instance(b, apis, "cache: false", trust)
	s.another = contender{"another", process{pid: other.PID(), addr: other.Addr, metrics: other.Metrics}, "/app/"}
	began := time.Now()
	cookies := h.people(b, people)
	fmt.Printf("%d sessions made in %.1f s\n", people, time.Since(began).Seconds())
	for _, r := range rows() {
		if r.people <= people && s.cookies[r.people] == "" {
			s.cookies[r.people] = cookieFile(b, cookies[:r.people]...)
		}
	}
	c := h.store.Client()
	s.commands = func() float64 {
		info, err := c.Info(context.Background(), "stats").Result()
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(info, "total_commands_processed:")
		n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return n
	}
	return s
}

func get(b *testing.B, url string) string {
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// measure has all contenders make the calls of r in turns, and prints a line for each.
func (s *setup) measure(b *testing.B, w io.Writer, r row, rounds int) {
	b.Helper()
	legs := make([][]leg, len(s.contenders))
	s.warm(b, r)
	for round := range rounds {
		from := round * r.calls
		if r.seen != steady {
			from += 1000 // whom the other rows have called
			s.leg(b, s.another, r, from)
		}
		for i, c := range s.contenders {
			if r.seen == before {
				s.leg(b, c, r, from)
			}
			legs[i] = append(legs[i], s.leg(b, c, r, from))
		}
	}
	for i, c := range s.contenders {
		of := func(f func(leg, leg) float64) []float64 {
			var v []float64
			for round := range legs[i] {
				v = append(v, f(legs[i][round], legs[0][round]))
			}
			slices.Sort(v)
			return v
		}
		one := func(f func(leg) float64) float64 { return median(of(func(l, _ leg) float64 { return f(l) })) }
		ratio := of(func(l, plain leg) float64 { return l.cpu / plain.cpu })
		fmt.Fprintf(w, "%s\t%s\t%.2f (%.2f to %.2f)\t%.1f\t%.2f\t%.0f\t%.0f\t%.0f\t%.3f\n", r.name, c.name,
			median(ratio), ratio[0], ratio[len(ratio)-1], one(func(l leg) float64 { return l.cpu }),
			median(of(func(l, plain leg) float64 { return l.perSecond / plain.perSecond })),
			one(func(l leg) float64 { return l.p50 }), one(func(l leg) float64 { return l.objects }),
			one(func(l leg) float64 { return l.bytes }), one(func(l leg) float64 { return l.redis }))
	}
}

// warm has everything called that is to be called, so that no idle time has to slide while it is measured.
func (s *setup) warm(b *testing.B, r row) {
	b.Helper()
	r.calls = max(r.calls, r.people)
	if r.seen == never { // but for the sessions
		r.calls, r.people = 5000, 1000
	}
	for _, c := range s.contenders {
		s.leg(b, c, r, 0)
	}
}

func (s *setup) leg(b *testing.B, c contender, r row, from int) leg {
	b.Helper()
	n, mount := float64(r.calls), "/api/"
	if r.app {
		mount = c.app
	}
	redis, cpu := s.commands(), c.process.cpu(b)
	objects, bytes := c.process.allocated()
	got := run(b, task{To: c.process.addr, Path: mount + r.api + r.path, Calls: r.calls, AtOnce: r.atOnce,
		Cookies: s.cookies[r.people], From: from})
	moreObjects, moreBytes := c.process.allocated()
	return leg{cpu: (c.process.cpu(b) - cpu) / n, objects: (moreObjects - objects) / n, bytes: (moreBytes - bytes) / n,
		perSecond: n / got.Seconds, p50: got.P50, redis: (s.commands() - redis) / n}
}
