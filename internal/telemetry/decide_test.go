package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bff/internal/telemetry"
	"bff/internal/trace"
)

// A recorder of requests that leave, which answers each.
type outgoing func(*http.Request)

func (f outgoing) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

// through sends a request through a handler that calls an upstream, and returns the trace context that the upstream
// was given.
func through(t *testing.T, tel *telemetry.Telemetry, r *http.Request) (parent, state string) {
	t.Helper()
	up := tel.Upstream(outgoing(func(out *http.Request) {
		parent, state = out.Header.Get("Traceparent"), out.Header.Get("Tracestate")
	}))
	handler(tel, func(_ http.ResponseWriter, r *http.Request) {
		out := httptest.NewRequestWithContext(r.Context(), http.MethodGet, "http://up/", nil)
		trace.Name(r.Context(), out.Header)
		if _, err := up.RoundTrip(out); err != nil {
			t.Error(err)
		}
	}).ServeHTTP(httptest.NewRecorder(), r)
	return parent, state
}

// An upstream of a request that is not recorded learns that: it keeps the trace, and records nothing of it either.
func TestWhatIsNotRecordedSaysSoUpstream(t *testing.T) {
	rc := newReceiver(t)
	tel := started(t, rc, 0)
	for _, c := range []struct{ name, parent, state string }{
		{"a trace of its own", "", ""},
		{"a trace that a proxy began", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "vendor=1"},
		{"nonsense", "00-0-0-0", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if c.parent != "" {
			r.Header.Set("Traceparent", c.parent)
			r.Header.Set("Tracestate", c.state)
		}
		parent, state := through(t, tel, r)
		if len(parent) != 55 || !strings.HasSuffix(parent, "-00") || state != c.state {
			t.Errorf("%s: the upstream was given %q and %q", c.name, parent, state)
		}
		if c.state != "" && (parent[:35] != c.parent[:35] || parent == c.parent) {
			t.Errorf("%s: %q does not go on with %q", c.name, parent, c.parent)
		}
	}
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if len(rc.names) != 0 {
		t.Errorf("the collector received %q", rc.names)
	}
}

// The share that is recorded is the one of the configuration, or of the standard variables; spans below a recorded one
// belong to its trace.
func TestTheShareThatIsRecorded(t *testing.T) {
	const calls = 4000
	for _, c := range []struct {
		name        string
		sample      float64 // of the configuration; below zero: the environment
		sampler     string
		arg         string
		least, most int
	}{
		{"all", 1, "", "", calls, calls},
		{"none", 0, "", "", 0, 0},
		{"one in ten", 0.1, "", "", calls / 20, calls / 5},
		{"the default of the standard", -1, "", "", calls, calls},
		{"off by the environment", -1, "always_off", "", 0, 0},
		{"on by the environment", -1, "ALWAYS_ON ", "", calls, calls},
		{"one in ten by the environment", -1, "parentbased_traceidratio", "0.1", calls / 20, calls / 5},
		{"one in ten, whatever a parent says", -1, "traceidratio", " 0.1", calls / 20, calls / 5},
		{"none but of parents", -1, "parentbased_always_off", "", 0, 0},
		{"a share that is none", -1, "traceidratio", "7", calls, calls},
		{"a sampler that is none", -1, "everything", "0.1", calls, calls},
	} {
		env := map[string]string{"OTEL_TRACES_SAMPLER": c.sampler, "OTEL_TRACES_SAMPLER_ARG": c.arg}
		cfg := telemetry.Config{Endpoint: "http://127.0.0.1:1", Sample: c.sample, Env: func(n string) string { return env[n] }}
		if c.sample < 0 {
			cfg.Endpoint, cfg.Sample = "", 0
			env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
		}
		tel, err := telemetry.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		recorded := 0
		for range calls {
			if parent, _ := through(t, tel, httptest.NewRequest(http.MethodGet, "/", nil)); strings.HasSuffix(parent, "-01") {
				recorded++
			}
		}
		if recorded < c.least || recorded > c.most {
			t.Errorf("%s: %d of %d are recorded, want %d to %d", c.name, recorded, calls, c.least, c.most)
		}
	}
}

// A request that is not recorded allocates two objects, both for the field that says so upstream; no attribute, no
// span, no copy of the request, no wrapped writer or body. One that is recorded allocates its two spans, and no attribute
// before it has ended. What is counted here is what traces add.
func TestARequestThatIsNotRecordedAllocatesLittle(t *testing.T) {
	allocations := func(tel *telemetry.Telemetry) float64 {
		up := tel.Upstream(outgoing(func(*http.Request) {}))
		var w http.ResponseWriter = httptest.NewRecorder()
		h := handler(tel, func(_ http.ResponseWriter, r *http.Request) {
			trace.Name(r.Context(), r.Header)
			if res, err := up.RoundTrip(r); err == nil {
				_ = res.Body.Close()
			}
		})
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("body"))
		return testing.AllocsPerRun(200, func() {
			delete(r.Header, "Traceparent")
			h.ServeHTTP(w, r)
		})
	}
	off := allocations(nil)
	for _, c := range []struct {
		sample      float64
		least, most float64
	}{{0, 1, 3}, {1, 5, 9}} {
		tel := started(t, newReceiver(t), c.sample)
		if added := allocations(tel) - off; added < c.least || added > c.most {
			t.Errorf("with %v of all recorded, a request allocates %v objects more, want %v to %v", c.sample, added, c.least, c.most)
		}
		_ = tel.Close(t.Context())
	}
}

func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct {
		name   string
		on     bool
		sample float64
	}{{"off", false, 0}, {"not recorded", true, 0}, {"recorded", true, 1}} {
		b.Run(c.name, func(b *testing.B) {
			var tel *telemetry.Telemetry
			if c.on {
				var err error
				tel, err = telemetry.New(b.Context(), telemetry.Config{Endpoint: "http://127.0.0.1:1", Sample: c.sample,
					Env: func(string) string { return "" }})
				if err != nil {
					b.Fatal(err)
				}
			}
			up := tel.Upstream(outgoing(func(*http.Request) {}))
			h := handler(tel, func(_ http.ResponseWriter, r *http.Request) {
				trace.Name(r.Context(), r.Header)
				if resp, err := up.RoundTrip(r); err == nil {
					_ = resp.Body.Close()
				}
			})
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
			b.ReportAllocs()
			for b.Loop() {
				delete(r.Header, "Traceparent")
				h.ServeHTTP(w, r)
			}
		})
	}
}
