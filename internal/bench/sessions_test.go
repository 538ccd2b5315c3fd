package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// grants is a provider that knows everybody: any refresh token brings new tokens, as long after as was last said at
// /late.
func grants() http.Handler {
	mux, n, late := http.NewServeMux(), new(atomic.Int64), new(atomic.Int64)
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		at := "http://" + r.Host
		answer(w, map[string]any{"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token",
			"jwks_uri": at + "/keys", "response_types_supported": []string{"code"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"keys": []any{}}) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		<-time.After(time.Duration(late.Load()))
		answer(w, map[string]any{"access_token": "ya29." + testText(214), "token_type": "Bearer", "expires_in": 10800,
			"refresh_token": "1//" + testText(100)})
	})
	mux.HandleFunc("GET /late", func(_ http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("by"))
		late.Store(int64(d))
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, n.Load()) })
	return mux
}

// A crowdedHouse is one bff before a master and its replica, with very many sessions.
type crowdedHouse struct {
	*house
	sentinels *testenv.Sentinels
	bff       *testenv.BFFProcess
	grants    string // an address
	cookies   string // a file
	n         int
}

// BenchmarkSessions makes very many live sessions, BENCH_SESSIONS of them, calls each through bff, with every tenth
// refreshing its token, calls on over a restart of bff and a failover of Redis, and ends them all. It prints what each
// step took, and the memory of Redis and bff.
func BenchmarkSessions(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("BENCH_SESSIONS"))
	if err != nil {
		n = 1000
	}
	h := crowded(b, n)
	h.fill(b)
	h.callAll(b, "each calls once, every tenth refreshes", n)
	if got := strings.TrimSpace(get(b, "http://"+h.grants+"/count")); got != strconv.Itoa((n+9)/10) {
		b.Errorf("%s refreshes, want %d", got, (n+9)/10)
	}
	h.callAll(b, "each calls again", n)
	began := time.Now()
	if code := h.bff.Term(); code != 0 {
		b.Fatalf("bff ended with %d", code)
	}
	h.bff.Restart()
	h.bff.WaitReady()
	h.say(b, "restart of bff", time.Since(began), "")
	h.callAll(b, "calls after the restart", max(n/10, 1000))
	began = time.Now()
	h.sentinels.Failover()
	testenv.Eventually(b, "calls after the failover", func() bool {
		c := newCaller(h.bff.Addr, "/api/items/1k")
		defer c.conn.Close()
		return c.call(h.firstCookie(b)) == nil
	})
	h.say(b, "failover of Redis", time.Since(began), "")
	h.callAll(b, "calls after the failover", max(n/10, 1000))
	h.end(b)
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}

func crowded(b *testing.B, n int) *crowdedHouse {
	b.Helper()
	s := testenv.Sentinel(b, 1)
	h := &crowdedHouse{house: &house{store: s.Master(), key: testenv.NewKey(b), clientID: "bff", clientPass: "geheim",
		port: testenv.FreePort(b)}, sentinels: s, n: n}
	h.left = func(i int) time.Duration {
		if i%10 == 0 {
			return -time.Minute
		}
		return tokenLife
	}
	h.grants, _ = play(b, "grants")
	h.issuer = "http://" + h.grants
	up, _ := play(b, "answers", "BENCH_CERTIFICATE="+b.TempDir()+"/upstream.pem")
	h.store = &testenv.RedisServer{URL: s.URL}
	h.bff = h.instance(b, map[string]string{"items": "http://" + strings.Split(up, ",")[0]}, "cache: true")
	return h
}

// fill makes the sessions. The tokens of every tenth have expired.
func (h *crowdedHouse) fill(b *testing.B) {
	b.Helper()
	before, began := used(b, h.sentinels.Master()), time.Now()
	cookies := h.people(b, h.n)
	took := time.Since(began)
	h.cookies = cookieFile(b, cookies...)
	bytes := used(b, h.sentinels.Master()) - before
	h.say(b, "sessions made", took, fmt.Sprintf("%.0f bytes of Redis each", bytes/float64(h.n)))
}

func (h *crowdedHouse) callAll(b *testing.B, what string, calls int) {
	b.Helper()
	p := process{pid: h.bff.PID(), addr: h.bff.Addr, metrics: h.bff.Metrics}
	cpu := p.cpu(b)
	got := run(b, task{To: p.addr, Path: "/api/items/1k", Calls: calls, AtOnce: 64, Cookies: h.cookies})
	h.say(b, what, time.Duration(got.Seconds*float64(time.Second)), fmt.Sprintf(
		"%d calls, %.0f a second, %.0f µs CPU, p50 %.0f µs, p99 %.0f µs", calls, float64(calls)/got.Seconds,
		(p.cpu(b)-cpu)/float64(calls), got.P50, got.P99))
}

func (h *crowdedHouse) say(b *testing.B, what string, took time.Duration, more string) {
	b.Helper()
	p := process{pid: h.bff.PID()}
	fmt.Printf("%-42s %8.1f s   bff %5.0f MB   Redis %6.0f MB   %s\n", what, took.Seconds(), p.memory(b, "VmRSS")/1e6,
		used(b, h.sentinels.Master())/1e6, more)
}

func (h *crowdedHouse) firstCookie(b *testing.B) string {
	b.Helper()
	text, err := os.ReadFile(h.cookies)
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return first
}

// end ends all sessions, as a logout does.
func (h *crowdedHouse) end(b *testing.B) {
	b.Helper()
	text, err := os.ReadFile(h.cookies)
	if err != nil {
		b.Fatal(err)
	}
	cookies := strings.Fields(string(text))
	v := h.vault(b)
	defer v.Close()
	began := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(cookies); i = int(next.Add(1)) - 1 {
				r := httptest.NewRequest("GET", "/", nil)
				r.AddCookie(&http.Cookie{Name: "bff", Value: cookies[i]})
				s, err := v.Sessions.Load(r)
				if err == nil {
					err = v.Sessions.End(context.Background(), s, "logout")
				}
				if err == nil {
					_, err = v.Sessions.Load(r)
				}
				if !errors.Is(err, vault.ErrNotFound) {
					b.Errorf("session %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	h.say(b, "sessions ended", time.Since(began), "")
}
