package bench_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// relay carries connections to another address as a long way does: every byte arrives half a round trip later, and the
// first ones of a connection a whole round trip more, as after a handshake. A connection that says nothing for three
// seconds ends. What is under way is not bounded by a window, as it is on a real way: this one is long but wide.
func relay(to string, roundTrip time.Duration) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			w := &way{late: roundTrip / 2, opened: time.Now().Add(roundTrip)}
			w.said.Store(time.Now().UnixNano())
			go w.carry(out, in, w.opened)
			w.carry(in, out, time.Time{})
		}()
	}
}

// A way is one relayed connection.
type way struct {
	late   time.Duration
	opened time.Time
	said   atomic.Int64 // when something last came, in either direction
}

// carry carries one direction, until it ends. Nothing arrives from before it was opened.
func (w *way) carry(to, from net.Conn, opened time.Time) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 1<<12)
	go func() {
		defer to.Close()
		for p := range pieces {
			<-time.After(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				_ = from.Close()
			}
		}
	}()
	defer close(pieces)
	for {
		data := make([]byte, 64<<10)
		_ = from.SetReadDeadline(time.Now().Add(time.Second))
		n, err := from.Read(data)
		if n > 0 {
			w.said.Store(time.Now().UnixNano())
			due := time.Now()
			if due.Before(opened) {
				due = opened
			}
			pieces <- piece{due.Add(w.late), data[:n]}
		}
		silent := time.Since(time.Unix(0, w.said.Load())) > 3*time.Second
		if err != nil && (silent || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return
		}
	}
}

// A far upstream is called by curl, straight and through bff.
type far struct {
	name     string
	straight string   // a URL
	through  string   // the same, of bff
	options  []string // of the straight call
}

// A trip is something that curl is told to do at a far upstream, and what it says of it: seconds, on a line each.
type trip struct {
	name   string
	rounds int
	cold   bool // without connections of before
	args   func(base string) []string
}

func trips(large string) []trip {
	const size = "100000000"
	get := func(base, path string) []string { return []string{base + path, "-o", os.DevNull} }
	return []trip{
		{"first call of a connection", 9, true, func(base string) []string { return get(base, "/items") }},
		{"call, connection used before", 9, false, func(base string) []string { // the second of two
			return append(get(base, "/items"), get(base, "/items")...)
		}},
		{"256 calls at once", 5, false, func(base string) []string {
			return append(get(base, "/items?n=[1-256]"), "-Z", "--parallel-max", "256")
		}},
		{"100 MB down", 3, false, func(base string) []string { return get(base, "/source?n="+size) }},
		{"100 MB up", 3, false, func(base string) []string {
			return append(get(base, "/sink"), "-X", "POST", "-T", large, "-H", "Expect:")
		}},
	}
}

// BenchmarkDistance prints what a call to a far upstream takes through bff × what curl takes straight, by turns, with
// 20 and 100 ms to the upstream and back.
func BenchmarkDistance(b *testing.B) {
	if _, err := exec.LookPath("curl"); err != nil {
		b.Fatal("the calls are curl's: ", err)
	}
	certificate := filepath.Join(b.TempDir(), "upstream.pem")
	large := filepath.Join(b.TempDir(), "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte("0123456789abcdef"), 100_000_000/16), 0o600); err != nil {
		b.Fatal(err)
	}
	clear, _ := play(b, "upstream")
	h2, _ := play(b, "upstream-http2", "BENCH_CERTIFICATE="+certificate)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\nround trip\tupstream\twhat\t× straight (range)\tseconds straight\n")
	for _, ms := range []int{20, 100} {
		late := fmt.Sprintf("BENCH_LATE=%dms", ms)
		clearAt, _ := play(b, "relay", "BENCH_TO="+clear, late)
		h2At, _ := play(b, "relay", "BENCH_TO="+h2, late)
		h := newHouse(b)
		p := h.instance(b, map[string]string{"clear": "http://" + clearAt, "h2": "https://" + h2At}, "cache: true",
			"SSL_CERT_FILE="+certificate)
		cookie := signInAgain(b, p, h.approve)
		for _, f := range []far{
			{"HTTP/1.1", "http://" + clearAt, "http://" + p.Addr + "/api/clear", nil},
			{"TLS, HTTP/2", "https://" + h2At, "http://" + p.Addr + "/api/h2", []string{"--cacert", certificate}},
		} {
			for _, t := range trips(large) {
				f.measure(b, w, fmt.Sprintf("%d ms\t%s", ms, f.name), t, cookie)
				_ = w.Flush()
			}
		}
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}

func (f far) measure(b *testing.B, w io.Writer, label string, t trip, cookie string) {
	b.Helper()
	var ratios, straight []float64
	for range t.rounds {
		s := curl(b, append(f.options, t.args(f.straight)...))
		if t.cold {
			<-time.After(5 * time.Second) // bff's connections of before have ended
		}
		through := curl(b, append([]string{"-H", "Cookie: bff=" + cookie, "-H", "Sec-Fetch-Site: same-origin"},
			t.args(f.through)...))
		ratios, straight = append(ratios, through/s), append(straight, s)
	}
	slices.Sort(ratios)
	fmt.Fprintf(w, "%s\t%s\t%.2f (%.2f to %.2f)\t%.3f\n", label, t.name, median(ratios), ratios[0],
		ratios[len(ratios)-1], median(straight))
}

// curl makes calls and returns how many seconds passed: of the last of a few, of all that were made at once.
func curl(b *testing.B, args []string) float64 {
	b.Helper()
	began := time.Now()
	cmd := exec.CommandContext(b.Context(), "curl", append([]string{"-sSf", "--no-progress-meter", "-w", "%{time_total}\n"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	took := time.Since(began).Seconds()
	if err != nil {
		b.Fatalf("curl %q: %v", args, err)
	}
	lines := strings.Fields(string(out))
	if len(lines) > 2 {
		return took
	}
	seconds, err := strconv.ParseFloat(lines[len(lines)-1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return seconds
}
