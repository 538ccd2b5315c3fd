package bench_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A task is what a process that makes load has to do.
type task struct {
	To, Path string
	Calls    int
	AtOnce   int
	Rate     int    // calls a second over all connections; 0: as fast as answers come
	Cookies  string // a file with one cookie a line: calls take them in turn
	From     int    // the first of them
}

// A tally is what such a process says at its end.
type tally struct {
	Failed   int
	Why      string
	Seconds  float64
	P50, P99 float64 // of a call, in µs
	Slowest  float64
}

// loadAsTold makes the calls of one task and prints the tally. It is a client of its own: what it costs is not what is
// measured, and all that it must be is faster than what it calls.
func loadAsTold() {
	var t task
	if err := json.Unmarshal([]byte(os.Getenv("BENCH_TASK")), &t); err != nil {
		panic(err)
	}
	text, err := os.ReadFile(t.Cookies)
	if err != nil {
		panic(err)
	}
	cookies := strings.Fields(string(text))
	var next, failed atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	var took []float64
	why := ""
	conns := make([]*caller, t.AtOnce)
	for i := range conns {
		conns[i] = newCaller(t.To, t.Path)
	}
	began := time.Now()
	for _, c := range conns {
		all.Go(func() {
			var mine []float64
			for {
				i := int(next.Add(1)) - 1
				if i >= t.Calls {
					break
				}
				if t.Rate > 0 {
					due := began.Add(time.Duration(i) * time.Second / time.Duration(t.Rate))
					<-time.After(time.Until(due))
				}
				at := time.Now()
				if err := c.call(cookies[(t.From+i)%len(cookies)]); err != nil {
					failed.Add(1)
					mu.Lock()
					why = err.Error()
					mu.Unlock()
					*c = *newCaller(t.To, t.Path)
				}
				mine = append(mine, float64(time.Since(at).Nanoseconds())/1e3)
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	slices.Sort(took)
	out, _ := json.Marshal(tally{int(failed.Load()), why, time.Since(began).Seconds(), took[len(took)/2],
		took[len(took)*99/100], took[len(took)-1]})
	fmt.Println(string(out))
}

// A caller is one connection that makes one call after the other.
type caller struct {
	conn        net.Conn
	in          *bufio.Reader
	head, write []byte
}

func newCaller(to, path string) *caller {
	conn, err := net.Dial("tcp", to)
	if err != nil {
		panic(err)
	}
	return &caller{conn: conn, in: bufio.NewReaderSize(conn, 32<<10), head: fmt.Appendf(nil,
		"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\n"+
			"Accept-Encoding: gzip\r\nAccept-Language: en\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n"+
			"Sec-Fetch-Dest: empty\r\n"+
			"Cookie: bff=", path, to)}
}

func (c *caller) call(cookie string) error {
	c.write = append(append(append(c.write[:0], c.head...), cookie...), "\r\n\r\n"...)
	if _, err := c.conn.Write(c.write); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("answered with %q", line)
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && len(name) == 14 &&
			strings.EqualFold(string(name), "Content-Length") {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	if length >= 0 {
		_, err := io.CopyN(io.Discard, c.in, int64(length))
		return err
	}
	return c.chunks()
}

func (c *caller) chunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, c.in, n+2); err != nil || n == 0 {
			return err
		}
	}
}

// run has a process of its own do t. A call that fails ends the benchmark.
func run(b *testing.B, t task) tally {
	b.Helper()
	line, err := json.Marshal(t)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BENCH_ROLE=load", "BENCH_TASK="+string(line))
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("calls to %s: %v %s", t.Path, err, out)
	}
	var got tally
	if err := json.Unmarshal(out, &got); err != nil || got.Failed > 0 {
		b.Fatalf("calls to %s: %d of %d failed: %s", t.Path, got.Failed, t.Calls, got.Why)
	}
	return got
}
