package metrics

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"bff/internal/api/problem"
	"bff/internal/oauth"
)

// Metrics counts what the server, and the broker behind it, do. Labels come from the configuration and from closed
// lists: nothing a request says can make a new series. It is made before the broker, whose hooks Refresh and
// Revocation are. It is safe for concurrent use.
type Metrics struct {
	scrape      http.Handler
	requests    *prometheus.CounterVec
	problems    *prometheus.CounterVec
	calls       *prometheus.CounterVec
	masked      *prometheus.CounterVec
	signIns     *prometheus.CounterVec
	refreshes   *prometheus.CounterVec
	refreshTime *prometheus.HistogramVec
	revocations *prometheus.CounterVec
	streams     prometheus.Gauge
	auditLost   prometheus.Counter
}

// New registers bff's metrics, and those of the process and the Go runtime, with reg; with a new registry when reg is
// nil.
func New(reg *prometheus.Registry, version string) *Metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &Metrics{
		scrape: promhttp.InstrumentMetricHandler(reg, promhttp.HandlerFor(reg,
			promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second, EnableOpenMetrics: true})),
		requests: counter("bff_requests_total", "Requests to bff's own routes, by route and status.", "route", "status"),
		problems: counter(
			"bff_problems_total",
			"Problem documents and outcomes of sign-ins that were not successes, by code.",
			"code",
		),
		calls: counter(
			"bff_api_calls_total",
			"Proxied calls, by api and status; \"other\" is an upgrade or a call that broke off.",
			"api",
			"status",
		),
		masked:      counter("bff_api_secrets_masked_total", "Secrets that an upstream echoed and the proxy masked.", "api"),
		signIns:     counter("bff_sign_ins_total", "Finished sign-ins.", "provider"),
		refreshes:   counter("bff_refreshes_total", "Refreshes of access tokens, by outcome.", "provider", "outcome"),
		revocations: counter("bff_revocations_total", "Revocations at the provider, by outcome.", "provider", "outcome"),
		refreshTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "bff_refresh_duration_seconds", Help: "Time a refresh took at the provider.", Buckets: []float64{.025, .05,
				.1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"provider"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "bff_event_streams", Help: "Open streams of /bff/events."}),
	}
	m.auditLost = prometheus.NewCounter(prometheus.CounterOpts{Name: "bff_audit_lost_total",
		Help: "Events that the audit log lacks, because it could not be written."})
	build := prometheus.NewGaugeVec(
		prometheus.GaugeOpts{Name: "bff_build_info", Help: "Always 1; the labels say what runs."},
		[]string{"version", "go_version"},
	)
	build.WithLabelValues(version, runtime.Version()).Set(1)
	reg.MustRegister(
		m.requests,
		m.problems,
		m.calls,
		m.masked,
		m.signIns,
		m.refreshes,
		m.revocations,
		m.refreshTime,
		m.streams,
		m.auditLost,
		build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Expect shows as 0 what has not happened yet: an alarm on an increase must see the first.
func (m *Metrics) Expect(providers []string) {
	for _, c := range problem.Codes() {
		m.problems.WithLabelValues(string(c))
	}
	for _, name := range providers {
		m.signIns.WithLabelValues(name)
		for _, outcome := range oauth.Outcomes() {
			m.refreshes.WithLabelValues(name, outcome)
		}
	}
}

// Refresh is oauth.Config.OnRefresh. A refresh whose trace is kept leaves its id as an exemplar (OpenMetrics).
func (m *Metrics) Refresh(ctx context.Context, provider, outcome string, took time.Duration) {
	m.refreshes.WithLabelValues(provider, outcome).Inc()
	seconds := m.refreshTime.WithLabelValues(provider)
	span := trace.SpanContextFromContext(ctx)
	if kept, ok := seconds.(prometheus.ExemplarObserver); ok && span.IsSampled() {
		kept.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": span.TraceID().String()})
		return
	}
	seconds.Observe(took.Seconds())
}

// Revocation is oauth.Config.OnRevocation.
func (m *Metrics) Revocation(provider, outcome string) {
	m.revocations.WithLabelValues(provider, outcome).Inc()
}

// AuditLost counts an event that could not be written to the audit log.
func (m *Metrics) AuditLost() { m.auditLost.Inc() }

// Scrape answers Prometheus.
func (m *Metrics) Scrape(w http.ResponseWriter, r *http.Request) { m.scrape.ServeHTTP(w, r) }

// Streaming counts one open event stream until the function it returns is called.
func (m *Metrics) Streaming() (closed func()) {
	m.streams.Inc()
	return m.streams.Dec
}

// Masked counts a secret that the tripwire of an api masked: proxy.Config.OnTrip.
func (m *Metrics) Masked(api string) { m.masked.WithLabelValues(api).Inc() }

// Request counts an answer of a route.
func (m *Metrics) Request(route string, status int) {
	m.requests.WithLabelValues(route, statusLabel(status)).Inc()
}

// Problem counts a problem, or an outcome of a sign-in that was not a success.
func (m *Metrics) Problem(c problem.Code) { m.problems.WithLabelValues(string(c)).Inc() }

// SignedIn counts a finished sign-in.
func (m *Metrics) SignedIn(provider string) { m.signIns.WithLabelValues(provider).Inc() }

// statusLabel keeps an upstream's fancy numbers from becoming series.
func statusLabel(status int) string {
	if status < 200 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status)
}

// Calls are one api's counters. Each is looked up once: a call costs an atomic load and an atomic add.
type Calls struct {
	vec      *prometheus.CounterVec
	name     string
	byStatus *[600]atomic.Pointer[prometheus.Counter]
}

// ForMount makes the counters of one api.
func (m *Metrics) ForMount(name string) Calls {
	m.masked.WithLabelValues(name) // shown as 0 before the first
	return Calls{vec: m.calls, name: name, byStatus: new([600]atomic.Pointer[prometheus.Counter])}
}

// Call counts one call.
func (m Calls) Call(status int) {
	if status < 200 || status > 599 {
		status = 0
	}
	known := m.byStatus[status].Load()
	if known == nil {
		c := m.vec.WithLabelValues(m.name, statusLabel(status))
		known = &c
		m.byStatus[status].Store(known)
	}
	(*known).Inc()
}
