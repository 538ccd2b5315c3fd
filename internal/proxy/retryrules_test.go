package proxy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// What an api names is called again, and nothing else: not what changes something, not what has a body, not for longer
// than it may wait, not more often.
func TestACallIsMadeAgainOnlyAsTheAPISays(t *testing.T) {
	retry := proxy.Retry{Statuses: []int{429, 503}, Attempts: 2, Wait: time.Second}
	for _, row := range []struct {
		name, method, body, after string
		status                    int // of the first answers
		failing                   int32
		retry                     proxy.Retry
		calls                     int32
		want                      int
	}{
		{"once", "GET", "", "0", 503, 1, retry, 2, 200},
		{"with its own pause", "GET", "", "", 429, 1, retry, 2, 200},
		{"HEAD", "HEAD", "", "0", 503, 1, retry, 2, 200},
		{"to the end of its attempts", "GET", "", "0", 503, 9, retry, 3, 503},
		{"a status that is not named", "GET", "", "0", 502, 1, retry, 1, 502},
		{"nothing is named", "GET", "", "0", 503, 1, proxy.Retry{}, 1, 503},
		{"POST", "POST", "", "0", 503, 1, retry, 1, 503},
		{"DELETE", "DELETE", "", "0", 503, 1, retry, 1, 503},
		{"a GET with a body", "GET", "x", "0", 503, 1, retry, 1, 503},
		{"longer than it may wait", "GET", "", "2", 429, 1, retry, 1, 429},
		{"for ever", "GET", "", "99999999999999999999", 429, 1, proxy.Retry{Statuses: []int{429}, Attempts: 1, Wait: time.Millisecond}, 2, 200},
		{"on a day to come", "GET", "", "Fri, 31 Dec 2100 23:59:59 GMT", 429, 1, retry, 1, 429},
	} {
		t.Run(row.name, func(t *testing.T) {
			var calls atomic.Int32
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				_, _ = io.Copy(io.Discard, req.Body)
				if calls.Add(1) <= row.failing {
					if row.after != "" {
						w.Header().Set("Retry-After", row.after)
					}
					w.WriteHeader(row.status)
					return
				}
				if req.Header.Get("Authorization") == "" {
					t.Error("the second call has no token")
				}
			}, func(c *proxy.Config) {
				c.Retry = row.retry
			})
			var body io.Reader
			if row.body != "" {
				body = strings.NewReader(row.body)
			}
			res := r.do(row.method, "/api/x/items", body)
			if res.StatusCode != row.want || calls.Load() != row.calls {
				t.Errorf("%d after %d calls, want %d after %d", res.StatusCode, calls.Load(), row.want, row.calls)
			}
		})
	}
}

// A client that leaves, and a session that ends, end the waiting.
func TestWaitingForAnotherAttemptEndsWithTheClient(t *testing.T) {
	var calls atomic.Int32
	asked := make(chan struct{}, 9)
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		asked <- struct{}{}
	}, func(c *proxy.Config) { c.Retry = proxy.Retry{Statuses: []int{503}, Wait: time.Minute} })
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL+"/api/x/items", nil)
		if err != nil {
			t.Error(err)
			return
		}
		if res, err := r.client.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	testenv.Receive(t, "the request", asked)
	leave()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the call still waits for its next attempt")
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls", calls.Load())
	}
}

// Calls that failed together come again at different times, each later than the one before, and never later than the api
// allows.
func TestCallsThatFailedTogetherComeAgainApart(t *testing.T) {
	retry := proxy.Retry{Statuses: []int{503}, Attempts: 9, Wait: time.Second}
	for n, most := range []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, time.Second} {
		seen := map[time.Duration]bool{}
		for range 50 {
			wait, ok := retry.Pause(503, n)
			if !ok || wait < most/2 || wait > most {
				t.Fatalf("attempt %d waits %v, of at most %v: %v", n, wait, most, ok)
			}
			seen[wait] = true
		}
		if len(seen) < 40 {
			t.Errorf("attempt %d: fifty calls come again at %d times", n, len(seen))
		}
	}
}
