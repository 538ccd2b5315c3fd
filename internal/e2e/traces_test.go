package e2e_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"bff/internal/testenv"
)

// One refresh over two instances is one story: the call that began it has it in its trace, the call that waits for it
// on the other instance is linked to it, and everything that was asked of the store is below. No span holds a
// credential.
func TestTracesTellOneRefreshOverTwoInstances(t *testing.T) {
	spans := testenv.Collector(t)
	service, key := testenv.Random(t), testenv.NewKey(t)
	r := build(t, parts{
		op: testenv.OIDCOptions{AccessToken: seconds(2)},
		top: []string{
			"telemetry: {endpoint: \"" + spans.URL + "\", sample: 1}",
			"clients:",
			"  billing: {secret: env:BILLING_SECRET, exchange: [acme]}",
		},
		env: []string{"BFF_KEY=" + key, "BILLING_SECRET=" + service},
	})
	other := r.bff.Another()
	cookies := live(t, r, service)
	r.c.SignIn("acme")
	cookies = append(cookies, r.c.Session())
	r.call(r.c)
	r.expire()
	parked := r.op.Counts().Parked
	r.op.Trouble(testenv.Trouble{Park: true})
	done := make(chan int, 2)
	go func() { done <- r.c.Fetch("GET", "/api/things/items", "").Status }()
	testenv.Eventually(t, "the refresh is under way", func() bool { return r.op.Counts().Parked > parked })
	go func() { done <- r.c.Via(other).Fetch("GET", "/api/things/items", "").Status }()
	testenv.Eventually(t, "the other instance waits", func() bool { return len(spans.Spans("refresh waits for the lock")) > 0 })
	r.op.Heal()
	r.op.Release()
	for range 2 {
		if status := testenv.Receive(t, "the end of it", done); status != http.StatusOK {
			t.Errorf("a call: %d", status)
		}
	}
	metrics := openMetrics(t, r.bff)
	if r.bff.Term() != 0 || other.Term() != 0 { // all spans are sent
		t.Error("an instance did not end well")
	}

	waits := spans.Spans("refresh waits for the lock")
	linked := waits[len(waits)-1].Links
	if len(linked) != 1 {
		t.Fatalf("the one that waits has %d links", len(linked))
	}
	held := slices.ContainsFunc(spans.Spans("refresh"), func(s *trace.Span) bool {
		return bytes.Equal(s.SpanId, linked[0].SpanId) && bytes.Equal(s.TraceId, linked[0].TraceId)
	})
	if !held || bytes.Equal(linked[0].TraceId, waits[0].TraceId) {
		t.Error("the one that waits is not linked to the refresh of the one that holds the lock")
	}
	for _, s := range spans.Spans("refresh") {
		if !strings.Contains(metrics, `trace_id="`+hex.EncodeToString(s.TraceId)+`"`) {
			continue
		}
		metrics = ""
	}
	if metrics != "" {
		t.Error("no exemplar of the refreshes' times names the trace of a refresh")
	}
	names, bad := spans.Names()
	for _, want := range []string{"refresh", "refresh under the lock", "store PIPELINE", "store SET", "HTTP GET", "HTTP POST", "* things"} {
		if !slices.Contains(names, want) {
			t.Errorf("no span is called %q; there are %q, and %d requests were no traces", want, names, bad)
		}
	}
	hunt(t, map[string][]string{
		"credential of the provider": r.op.Secrets(),
		"service's secret":           {service},
		"key":                        {key[len("bffk1_"):]},
		"session cookie":             halves(t, cookies),
	}, []haystack{{"the spans", spans.Raw()}})
}

// openMetrics is what /metrics says to a Prometheus that takes exemplars.
func openMetrics(t *testing.T, b *testenv.BFFProcess) string {
	t.Helper()
	request, err := http.NewRequest("GET", b.Admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := (&http.Client{}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
