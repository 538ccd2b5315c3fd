package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"bff/internal/api"
	"bff/internal/proxy"
	"bff/internal/telemetry"
	"bff/internal/testenv"
)

// Every answer of both listeners has an id of its own: routes, refusals, the frontend, mounts and what is nowhere.
func TestEveryAnswerHasItsOwnRequestID(t *testing.T) {
	w := newWorld(t, withPages)
	b := w.browser()
	b.signIn("ada")
	seen := map[string]string{}
	check := func(what string, resp *http.Response) {
		t.Helper()
		ids := resp.Header.Values("BFF-Request-Id")
		if len(ids) != 1 || len(ids[0]) < 20 {
			t.Errorf("%s: ids %q", what, ids)
			return
		}
		if other := seen[ids[0]]; other != "" {
			t.Errorf("%s has the id of %s", what, other)
		}
		seen[ids[0]] = what
	}
	planted := header("BFF-Request-Id", "planted")
	for _, target := range []string{"/bff/session", "/bff/nowhere", "/bff/client.js", "/bff/account", "/a//b", "/",
		"/api/calendar/users/me/calendarList", "/api/calendar/not/allowed", "/bff/login/demo"} {
		check(target, b.fetch("GET", target, "", planted))
	}
	for _, target := range []string{"/healthz", "/metrics", "/nowhere", "/verify"} {
		check("admin "+target, ask(t, w, "GET", target, ""))
	}
}

// A problem document and the log lines of its request name the id of the answer.
func TestTheRequestIDIsInTheProblemAndInTheLog(t *testing.T) {
	w := newWorld(t)
	resp := w.browser().fetch("GET", "/bff/connections", "")
	id := resp.Header.Get("BFF-Request-Id")
	if p := refused(t, resp, 401, "not_signed_in"); p["request_id"] != id {
		t.Errorf("the problem names %v, the answer %q", p["request_id"], id)
	}
	if !strings.Contains(w.log.String(), "request="+id) {
		t.Errorf("no log line has %s:\n%s", id, w.log)
	}
}

// A trace context is believed from a trusted proxy and from nobody else.
func TestTraceparentComesFromTrustedProxiesOnly(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, c := range []struct {
		name    string
		trusted string
		want    string
	}{
		{"a trusted proxy", "127.0.0.0/8", parent},
		{"anybody else", "10.0.0.0/8", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan string, 1)
			up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got <- r.Header.Get("Traceparent")
			}))
			t.Cleanup(up.Close)
			w := newWorld(t, func(s *settings) {
				s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: up.URL, Allow: []string{"GET /x"}}}
				s.api = func(cfg *api.Config) { cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)} }
			})
			b := w.browser()
			b.signIn("ada")
			if resp := b.fetch("GET", "/api/desk/x", "", header("Traceparent", parent)); resp.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", resp.StatusCode, text(resp))
			}
			if at := testenv.Receive(t, "what was sent", got); at != c.want {
				t.Errorf("the upstream got %q, want %q", at, c.want)
			}
		})
	}
}

// What other tracers than W3C's read places a request in a trace as well, or is read beside it. A backend hears of it
// from trusted proxies alone, in whatever spelling.
func TestNoTracersFieldComesFromAnybodyElse(t *testing.T) {
	fields := strings.Fields(`Traceparent Tracestate Baggage baggage B3 X-B3-TraceId X_B3_TraceId x.b3.flags X-B3-Sampled
		X-B3-Flags Uber-Trace-Id uberctx-user ot-tracer-traceid ot-baggage-user X-OT-Span-Context Grpc-Trace-Bin
		Grpc-Tags-Bin sw8 sw8-x X-Datadog-Trace-Id X-Datadog-Sampling-Priority`)
	others := []string{"X-Request-Id", "X-Cloud-Trace-Context", "Tus-Resumable", "X-Bar", "Box-Api", "Upload-Length"}
	for trusted, from := range map[string]string{"127.0.0.0/8": "a trusted proxy", "10.0.0.0/8": "anybody else"} {
		got := make(chan http.Header, 1)
		up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
		t.Cleanup(up.Close)
		w := newWorld(t, func(s *settings) {
			s.mounts = []proxy.Config{{Name: "app", Path: "/app", Upstream: up.URL, Allow: []string{"GET /x"}, Backend: true}}
			s.api = func(cfg *api.Config) {
				cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(trusted)}
				m := &cfg.Mounts[len(cfg.Mounts)-1]
				m.Provider, m.Identity = "", "app"
			}
		})
		b := w.browser()
		b.signIn("ada")
		edits := []edit{}
		for _, name := range append(slices.Clone(fields), others...) {
			edits = append(edits, func(r *http.Request) { r.Header[name] = []string{"planted"} })
		}
		if resp := b.fetch("GET", "/app/x", "", edits...); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text(resp))
		}
		seen := testenv.Receive(t, "what was sent", got)
		for _, name := range fields {
			if at := seen[http.CanonicalHeaderKey(name)]; (len(at) > 0) != (from == "a trusted proxy") {
				t.Errorf("%s of %s: %q", name, from, at)
			}
		}
		for _, name := range others {
			if seen.Get(name) != "planted" {
				t.Errorf("%s of %s is gone", name, from)
			}
		}
	}
}

// With traces on, a trace context of a trusted proxy also decides whether the request is recorded; one of anybody else
// neither decides that nor names the trace.
func TestATraceContextDecidesFromTrustedProxiesOnly(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for trusted, name := range map[string]string{"127.0.0.0/8": "a trusted proxy", "10.0.0.0/8": "anybody else"} {
		got := make(chan string, 1)
		up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get("Traceparent")
		}))
		t.Cleanup(up.Close)
		traces, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: "http://127.0.0.1:1", Sample: 0,
			Env: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(s *settings) {
			s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: up.URL, Allow: []string{"GET /x"}}}
			s.upstream = traces.Upstream
			s.api = func(cfg *api.Config) {
				cfg.Traces, cfg.TrustedProxies = traces, []netip.Prefix{netip.MustParsePrefix(trusted)}
			}
		})
		b := w.browser()
		b.signIn("ada")
		if resp := b.fetch("GET", "/api/desk/x", "", header("Traceparent", parent)); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, text(resp))
		}
		at := testenv.Receive(t, "what was sent", got)
		goesOn, recorded := strings.HasPrefix(at, parent[:35]), strings.HasSuffix(at, "-01")
		if want := name == "a trusted proxy"; len(at) != 55 || goesOn != want || recorded != want || at == parent {
			t.Errorf("%s: the upstream got %q of a call with %q", name, at, parent)
		}
		_ = traces.Close(t.Context())
	}
}
