package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bff/internal/api"
	"bff/internal/api/metrics"
)

func counted(t *testing.T) (*world, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	m := metrics.New(reg, "v1.2.3")
	w := newWorld(t, func(s *settings) { s.api = func(c *api.Config) { c.Metrics = m } })
	m.Refresh(t.Context(), "demo", "granted", 80*time.Millisecond)
	m.Revocation("demo", "done")
	m.Masked("calendar")
	return w, reg
}

func TestMetricsAreWellNamed(t *testing.T) {
	w, reg := counted(t)
	b := w.browser()
	b.signIn("ada")
	b.fetch("GET", "/api/calendar/users/me/calendarList", "")
	b.fetch("GET", "/bff/nothing", "")
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v %v", problems, err)
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	w, _ := counted(t)
	b := w.browser()
	refused(t, b.fetch("GET", "/api/calendar/users/me/calendarList", ""), 401, "not_signed_in")
	b.signIn("ada")
	b.fetch("GET", "/api/calendar/users/me/calendarList", "")
	got := text(ask(t, w, "GET", "/metrics", ""))
	for _, line := range []string{
		`bff_sign_ins_total{provider="demo"} 1`,
		`bff_api_calls_total{api="calendar",status="200"} 1`,
		`bff_api_calls_total{api="calendar",status="401"} 1`,
		`bff_problems_total{code="not_signed_in"} 1`,
		`bff_problems_total{code="store_unavailable"} 0`, // what an alarm waits for is there before the first
		`bff_refreshes_total{outcome="refused",provider="demo"} 0`,
		`bff_requests_total{route="/bff/login/{provider}",status="302"} 1`,
		`bff_refreshes_total{outcome="granted",provider="demo"} 1`,
		`bff_refresh_duration_seconds_count{provider="demo"} 1`,
		`bff_revocations_total{outcome="done",provider="demo"} 1`,
		`bff_api_secrets_masked_total{api="calendar"} 1`,
		`version="v1.2.3"} 1`,
		"go_goroutines ", "process_open_fds ", "bff_event_streams 0",
	} {
		if !strings.Contains(got, line+"\n") && !strings.Contains(got, line) {
			t.Errorf("no %s", line)
		}
	}
}

// A request cannot make a series: what it says is never a label.
func TestMetricsTakeNoLabelFromARequest(t *testing.T) {
	w, reg := counted(t)
	b := w.browser()
	before := 0
	for round := range 2 {
		for _, path := range []string{"/bff/login/marker", "/bff/marker", "/marker", "/bff/sessions/marker", "/bff/account/marker",
			"/bff/callback/marker?state=marker"} {
			b.do("GET", path, "", header("User-Agent", "marker"))
		}
		r, err := http.NewRequest("MARKER", w.front.URL+"/bff/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := b.c.Do(r); err == nil {
			_ = resp.Body.Close()
		}
		ask(t, w, "GET", "/marker", "")
		n, err := testutil.GatherAndCount(reg, "bff_requests_total", "bff_problems_total", "bff_api_calls_total")
		if err != nil {
			t.Fatal(err)
		}
		if round == 1 && n != before {
			t.Errorf("%d series became %d", before, n)
		}
		before = n
	}
	if got := text(ask(t, w, "GET", "/metrics", "")); strings.Contains(got, "marker") || strings.Contains(got, "MARKER") {
		t.Error("a request's own word is a label")
	}
}
