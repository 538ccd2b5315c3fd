package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"bff/internal/telemetry"
	"bff/internal/trace"
)

// A receiver is a collector that keeps what it got.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	raw   []byte
	names []string
	spans map[string]string // name -> trace id
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	rc := &receiver{spans: map[string]string{}}
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		var got collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &got) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		rc.mu.Lock()
		defer rc.mu.Unlock()
		rc.raw = append(rc.raw, body...)
		for _, rs := range got.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					rc.names = append(rc.names, s.Name)
					rc.spans[s.Name] = string(s.TraceId)
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(rc.Close)
	return rc
}

func started(t *testing.T, rc *receiver, sample float64) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(
		t.Context(),
		telemetry.Config{Endpoint: rc.URL, Sample: sample, Env: func(string) string { return "" }},
	)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// handler serves as the pipeline does: the trace context of a request that is not trusted is removed first.
func handler(tel *telemetry.Telemetry, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := tel.Begin(r, trace.Request{ID: "an id"})
		if span != nil {
			w = span.Watch(w)
			defer span.End()
		}
		next(w, r.WithContext(ctx))
	})
}

const planted = "ya29.planted-credential"

// A call whose address, error, events and attributes hold a credential: the collector gets its spans and not the
// credential.
func TestSpansHoldNoCredential(t *testing.T) {
	rc := newReceiver(t)
	tel := started(t, rc, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer upstream.Close()
	client := &http.Client{Transport: tel.Transport(&http.Transport{})}
	h := handler(tel, func(_ http.ResponseWriter, r *http.Request) {
		ctx, span := tel.Provider().Tracer("bff").Start(r.Context(), "refresh", oteltrace.WithLinks(oteltrace.Link{
			SpanContext: oteltrace.SpanContextFromContext(r.Context()),
			Attributes:  []attribute.KeyValue{attribute.String("bff.said", planted)}}))
		defer span.End()
		span.AddEvent(planted, oteltrace.WithAttributes(attribute.String("bff.said", planted)))
		span.RecordError(&url{planted})
		span.SetStatus(codes.Error, planted)
		span.SetAttributes(attribute.String("http.url", planted), attribute.String("bff.provider", "google"))
		for _, address := range []string{upstream.URL + "/t/" + planted + "?access_token=" + planted, "http://127.0.0.1:1/" + planted} {
			out, _ := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(planted))
			out.Header.Set("Authorization", "Bearer "+planted)
			if resp, err := client.Do(out); err == nil {
				_ = resp.Body.Close()
			}
		}
	})
	r := httptest.NewRequest(http.MethodGet, "/bff/callback/google?code="+planted, nil)
	r.Header.Set("Cookie", "bff="+planted)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if strings.Contains(string(rc.raw), planted) {
		t.Error("the collector received the credential")
	}
	if !slices.Contains(rc.names, "refresh") || len(rc.names) != 4 {
		t.Errorf("spans %q, want the call, the refresh and two requests", rc.names)
	}
	if !strings.Contains(string(rc.raw), "bff.provider") {
		t.Error("an attribute that is allowed did not arrive")
	}
}

type url struct{ text string }

func (u *url) Error() string { return "Get " + u.text }

func TestTelemetryThatIsOffChangesNothing(t *testing.T) {
	tel, err := telemetry.New(t.Context(), telemetry.Config{Env: func(string) string { return "" }})
	if err != nil || tel != nil {
		t.Fatalf("without a collector: %v, %v", tel, err)
	}
	rt := &http.Transport{}
	if tel.Transport(rt) != http.RoundTripper(rt) || tel.Close(t.Context()) != nil {
		t.Error("telemetry that is off wraps what it was given")
	}
	if _, span := tel.Provider().Tracer("x").Start(t.Context(), "y"); span.IsRecording() {
		t.Error("telemetry that is off records")
	}
}

// The standard variables turn it on, and off.
func TestTheStandardVariablesCount(t *testing.T) {
	rc := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", rc.URL)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": rc.URL}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Env: func(n string) string { return env[n] }})
	if err != nil || tel == nil {
		t.Fatalf("with OTEL_EXPORTER_OTLP_ENDPOINT: %v, %v", tel, err)
	}
	_, span := tel.Provider().Tracer("bff").Start(t.Context(), "one")
	span.End()
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if !slices.Contains(rc.names, "one") {
		t.Errorf("the collector got %q", rc.names)
	}
	env["OTEL_SDK_DISABLED"] = "true"
	if tel, _ := telemetry.New(t.Context(), telemetry.Config{Env: func(n string) string { return env[n] }}); tel != nil {
		t.Error("OTEL_SDK_DISABLED=true does not turn it off")
	}
}

// A collector that does not exist costs spans and nothing else.
func TestACollectorThatIsDownCostsSpansOnly(t *testing.T) {
	rc := newReceiver(t)
	var failed []error
	tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: rc.URL, Sample: 1,
		Env: func(string) string { return "" }, Failed: func(err error) { failed = append(failed, err) }})
	if err != nil {
		t.Fatal(err)
	}
	rc.Server.Close()
	w := httptest.NewRecorder()
	handler(tel, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusTeapot {
		t.Errorf("status %d", w.Code)
	}
	if err := tel.Close(t.Context()); err != nil || len(failed) != 1 {
		t.Errorf("%v; %d failures are reported, want one", err, len(failed))
	}
}
