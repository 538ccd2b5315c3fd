package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/api"
	"bff/internal/proxy"
	"bff/internal/testenv"
)

// One person opens streams of HTTP/2 at a mount by thousands, and resets each as soon as it was sent; then as many as she
// may have, which stay. Everybody else is served meanwhile, and what she gave up holds nothing: no call at the upstream,
// no place.
func TestAFloodOfStreamsAtAMountHoldsNothing(t *testing.T) {
	var inside atomic.Int64
	arrived := make(chan struct{}, 1)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside.Add(1)
		defer inside.Add(-1)
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	t.Cleanup(hanging.Close)
	const most = 300
	w := newWorld(t, func(s *settings) {
		s.mounts = []proxy.Config{{Name: "hanging", Path: "/api/hanging", Upstream: hanging.URL, Allow: []string{"/{rest...}"}}}
		s.api = func(c *api.Config) { c.Limits.SessionConcurrency = most }
	})
	ada, grace := w.browser(), w.browser()
	ada.signIn("ada")
	grace.signIn("grace")
	h2 := httptest.NewUnstartedServer(w.server.Browser())
	h2.EnableHTTP2 = true
	h2.StartTLS()
	t.Cleanup(h2.Close)
	ask := func(ctx context.Context, c *http.Client) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, h2.URL+"/api/hanging/x", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Cookie", "bff="+ada.cookie("bff"))
		r.Header.Set("X-CSRF", "1")
		return c.Do(r)
	}
	served := func(when string) {
		t.Helper()
		if resp := grace.fetch("GET", "/api/calendar/users/me/calendarList", ""); resp.StatusCode != http.StatusOK {
			t.Errorf("%s somebody else is answered %d %s", when, resp.StatusCode, text(resp))
		}
	}
	idle := func(what string) {
		t.Helper()
		testenv.Eventually(t, what, func() bool { return inside.Load() == 0 })
	}
	client := h2.Client()
	var floods sync.WaitGroup
	flood := func(begin func(ctx context.Context, reset func()) context.Context) {
		for range 40 {
			ctx, reset := context.WithCancel(t.Context())
			if resp, err := ask(begin(ctx, reset), client); err == nil {
				_ = resp.Body.Close()
			}
			reset()
		}
	}
	for range 4 {
		floods.Go(func() {
			flood(func(ctx context.Context, reset func()) context.Context {
				return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: reset})
			})
		})
		floods.Go(func() { // when the upstream has one
			flood(func(ctx context.Context, reset func()) context.Context {
				go func() {
					defer reset()
					select {
					case <-arrived:
					case <-ctx.Done():
					}
				}()
				return ctx
			})
		})
	}
	served("during the resets")
	testenv.Finished(t, "the floods", floods.Wait)
	served("after them")
	idle("the upstream is free of the calls that were reset")
	all, end := context.WithCancel(t.Context())
	var stay sync.WaitGroup
	var over atomic.Int64
	other := &http.Client{Transport: client.Transport.(*http.Transport).Clone()} // one connection has 250 streams
	defer other.CloseIdleConnections()
	for i := range most + 50 {
		stay.Go(func() {
			c := client
			if i%2 == 0 {
				c = other
			}
			if resp, err := ask(all, c); err == nil {
				if resp.StatusCode == http.StatusTooManyRequests {
					over.Add(1)
				}
				_ = resp.Body.Close()
			}
		})
	}
	testenv.Eventually(t, "those that may stay are there", func() bool { return inside.Load() == most && over.Load() == 50 })
	served("while they stay")
	end()
	testenv.Finished(t, "those that stay", stay.Wait)
	idle("the upstream is free of the calls that stayed")
}
