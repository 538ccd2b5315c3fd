package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"bff/internal/proxy/wire"
	"bff/internal/telemetry"
)

// said is what a collector learns of spans, in words: all of it but ids and times.
type said struct {
	*httptest.Server
	mu    sync.Mutex
	lines []string
}

func newSaid(t *testing.T) *said {
	t.Helper()
	s := &said{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		var got collector.ExportTraceServiceRequest
		if proto.Unmarshal(body, &got) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, rs := range got.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, span := range ss.Spans {
					var attrs []string
					for _, kv := range span.Attributes {
						attrs = append(attrs, fmt.Sprint(kv.Key, "=", kv.Value.GetStringValue(), kv.Value.GetIntValue()))
					}
					slices.Sort(attrs)
					s.lines = append(s.lines, fmt.Sprint(span.Name, " ", span.Kind, " child=", len(span.ParentSpanId) > 0,
						" status=", span.Status.GetCode(), " state=", span.TraceState, " ", attrs))
				}
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// The spans of a proxied call, which this package makes by hand, say what package otelhttp says of the same call.
func TestSpansMadeByHandAreThoseOfOtelhttp(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, c := range []struct {
		name     string
		request  func(r *http.Request)
		upstream string // its address; "" is one that answers
		status   int    // of the upstream; 0: the handler writes nothing
	}{
		{"a call", func(*http.Request) {}, "", 200},
		{"a call that writes", func(r *http.Request) { r.Method = "POST" }, "", 201},
		{"a method nobody knows", func(r *http.Request) { r.Method = "FETCH" }, "", 200},
		{"a host with a port", func(r *http.Request) { r.Host = "app.example:8080" }, "", 200},
		{"an address of IPv6 with a port", func(r *http.Request) { r.Host = "[::1]:8080" }, "", 200},
		{"an address of IPv6", func(r *http.Request) { r.Host = "[::1]" }, "", 200},
		{"HTTP/2", func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0 }, "", 200},
		{"a trace that a proxy began", func(r *http.Request) {
			r.Header.Set("Traceparent", parent)
			r.Header.Set("Tracestate", "vendor=1")
		}, "", 200},
		{"refused upstream", func(*http.Request) {}, "", 404},
		{"broken upstream", func(*http.Request) {}, "", 502},
		{"nobody answers", func(*http.Request) {}, "http://127.0.0.1:1/x?access_token=" + planted, 503},
		{"nothing is written", func(*http.Request) {}, "", 0},
	} {
		lines := func(byHand bool) []string {
			rc := newSaid(t)
			tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: rc.URL, Sample: 1,
				Env: func(string) string { return "" }})
			if err != nil {
				t.Fatal(err)
			}
			next := &answering{status: c.status}
			to := c.upstream
			if to == "" {
				to = "http://up.example:8081/items/7?q=1"
			} else {
				next.fails = true
			}
			options := []otelhttp.Option{otelhttp.WithTracerProvider(tel.Provider()),
				otelhttp.WithPropagators(propagation.TraceContext{}),
				otelhttp.WithMeterProvider(metricnoop.NewMeterProvider())}
			up := tel.Upstream(next)
			if !byHand {
				up = otelhttp.NewTransport(next, options...)
			}
			call := func(w http.ResponseWriter, r *http.Request) {
				if c.status == 0 {
					return
				}
				out := httptest.NewRequestWithContext(r.Context(), r.Method, to, nil)
				if res, err := up.RoundTrip(out); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(c.status)
			}
			h := handler(tel, call)
			if !byHand {
				h = otelhttp.NewHandler(http.HandlerFunc(call), "bff", options...)
			}
			r := httptest.NewRequest(http.MethodGet, "http://app.example/api/items?q=1", nil)
			c.request(r)
			h.ServeHTTP(httptest.NewRecorder(), r)
			if err := tel.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
			return rc.lines
		}
		want, got := lines(false), lines(true)
		if c.status != 0 && len(want) != 2 || !slices.Equal(got, want) {
			t.Errorf("%s: the spans are\n%s\nwant those of otelhttp\n%s", c.name, strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
	}
}

// answering is an upstream that answers with a status, or fails.
type answering struct {
	status int
	fails  bool
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("Traceparent"), "-01") {
		return nil, fmt.Errorf("the upstream was given the trace context %q", r.Header.Get("Traceparent"))
	}
	if a.fails {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader("hello"))}, nil
}

// What the transport and its answers say they can is not hidden by what makes spans: package proxy asks for it, and goes
// a longer way without.
func TestUpstreamHidesNothing(t *testing.T) {
	tel := started(t, newReceiver(t), 1)
	defer tel.Close(t.Context())
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }))
	defer up.Close()
	ctx, span := tel.Provider().Tracer("bff").Start(t.Context(), "call")
	defer span.End()
	own, usual := wire.New(&http.Transport{DialContext: (&net.Dialer{}).DialContext}), &http.Transport{}
	defer own.CloseIdleConnections()
	defer usual.CloseIdleConnections()
	for _, c := range []struct {
		name string
		next http.RoundTripper
		want bool
	}{{"bff's own client", own, true}, {"the standard one", usual, false}} {
		client := tel.Upstream(c.next)
		if _, ok := client.(interface{ Hints() }); ok != c.want {
			t.Errorf("%s: Hints %v, want %v", c.name, ok, c.want)
		}
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, up.URL, nil)
		res, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := res.Body.(interface{ Buffered() int })
		if ok != c.want || ok && b.Buffered() != len("hi") {
			t.Errorf("%s: its body says how much is there: %v, want %v", c.name, ok, c.want)
		}
		_ = res.Body.Close()
	}
}
