package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A Mode is what is wrong with the authorization server, or with the APIs.
type Mode string

// The modes. Up, Slow, Down, Refuse, Hang and Garbage hold for every endpoint; the others for the token and the
// revocation endpoint.
const (
	Up           Mode = "up"
	Slow         Mode = "slow"          // waits, then does its work
	Late         Mode = "late"          // does its work at once, and waits before it answers
	Down         Mode = "down"          // 503 with Retry-After
	Refuse       Mode = "refuse"        // nobody listens: connection refused
	Hang         Mode = "hang"          // never answers, does nothing
	Garbage      Mode = "garbage"       // 200 with a page that makes no sense, does nothing
	Huge         Mode = "huge"          // 200 with an endless answer, does nothing
	LoseAnswer   Mode = "lose-answer"   // does its work, then cuts the connection
	FailAfter    Mode = "fail-after"    // does its work, then answers 503
	Truncate     Mode = "truncate"      // does its work, sends half of the answer, then cuts the connection
	RefuseClient Mode = "refuse-client" // invalid_client
	RefuseGrant  Mode = "refuse-grant"  // invalid_grant for a token that is alive
	InvalidRapt  Mode = "invalid-rapt"  // invalid_grant with error_subtype invalid_rapt: the organisation's session length
	RateLimit    Mode = "rate-limit"    // 429 with Retry-After
	Flaky        Mode = "flaky"         // every second call fails with 503

	Quota Mode = "quota" // of the APIs alone: 403 rateLimitExceeded, which is no matter of tokens
	Echo  Mode = "echo"  // of the APIs alone: the answer repeats the request's headers, the token too
)

const (
	defaultDelay = 3 * time.Second
	retryAfter   = "2" // seconds
)

// Modes lists what Switch takes.
func Modes() []Mode {
	return []Mode{
		Up,
		Slow,
		Late,
		Down,
		Refuse,
		Hang,
		Garbage,
		Huge,
		LoseAnswer,
		FailAfter,
		Truncate,
		RefuseClient,
		RefuseGrant,
		InvalidRapt,
		RateLimit,
		Flaky,
	}
}

type mode struct {
	name    Mode
	delay   time.Duration
	left    int           // token calls it still holds for; 0: until switched
	calls   int           // for Flaky
	changed chan struct{} // closed at the next switch
}

// tokenOnly are the modes that the pages, the metadata and the keys know nothing of.
func (m Mode) tokenOnly() bool {
	switch m {
	case Up, Slow, Down, Refuse, Hang, Garbage:
		return false
	}
	return true
}

// Switch puts the authorization server into a mode until the next Switch. Its errors are an unknown mode, and a port
// that cannot be had back after Refuse.
func (d *Demo) Switch(m Mode) error { return d.switchTo(m, defaultDelay, 0) }

// SwitchNext is Switch for the next n calls of the token or revocation endpoint; after them everything is up.
func (d *Demo) SwitchNext(m Mode, n int) error { return d.switchTo(m, defaultDelay, n) }

// Delay is Switch(Slow), or Switch(Late), with a delay of one's own.
func (d *Demo) Delay(m Mode, delay time.Duration) error { return d.switchTo(m, delay, 0) }

func (d *Demo) switchTo(m Mode, delay time.Duration, n int) error {
	known := false
	for _, k := range Modes() {
		known = known || k == m
	}
	if !known {
		return fmt.Errorf("switch demo: there is no mode %q", m)
	}
	d.mu.Lock()
	close(d.mode.changed)
	d.mode = mode{name: m, delay: delay, left: n, changed: make(chan struct{})}
	d.note("switch", "", "%s", describeMode(m))
	d.mu.Unlock()
	if m == Refuse {
		d.provider.close()
		return nil
	}
	if err := d.provider.open(); err != nil {
		return fmt.Errorf("switch demo: %w", err)
	}
	return nil
}

func describeMode(m Mode) string {
	switch m {
	case Up:
		return "the provider is up and well"
	case Down:
		return "the provider is down: it answers 503"
	case Slow:
		return "the provider is slow: it takes its time for every answer"
	}
	return "the provider is in trouble: " + string(m)
}

// Mode returns the present mode.
func (d *Demo) Mode() Mode {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mode.name
}

// current returns the mode that holds for a request, and uses one call of it up.
func (d *Demo) current(path string) mode {
	d.mu.Lock()
	defer d.mu.Unlock()
	token := strings.HasPrefix(path, "/token") || path == "/revoke"
	if strings.HasPrefix(path, "/token") {
		d.counts.TokenCalls++
	}
	if !token && (d.mode.name.tokenOnly() || d.mode.left > 0) {
		return mode{name: Up}
	}
	m := d.mode
	if token {
		d.mode.calls++
		m.calls = d.mode.calls
		if d.mode.left == 1 {
			d.mode = mode{name: Up, changed: d.mode.changed}
		} else if d.mode.left > 1 {
			d.mode.left--
		}
	}
	return m
}

// troubled puts the present mode in front of the authorization server.
func (d *Demo) troubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := d.current(r.URL.Path)
		switch m.name {
		case Slow:
			pause(r.Context(), m)
		case Late:
			rec := record(next, r)
			pause(r.Context(), m)
			rec.replay(w)
			return
		case LoseAnswer:
			record(next, r)
			panic(http.ErrAbortHandler)
		case FailAfter:
			record(next, r)
			unavailable(w, "the answer got lost on the way")
			return
		case Truncate:
			rec := record(next, r)
			rec.cut(w)
			return
		case Flaky:
			if m.calls%2 == 1 {
				unavailable(w, "every second call fails")
				return
			}
		case Up:
		default:
			d.fail(w, r, m)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fail answers for the modes in which no work is done.
func (d *Demo) fail(w http.ResponseWriter, r *http.Request, m mode) {
	switch m.name {
	case Down, Refuse:
		if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Set("Retry-After", retryAfter)
			d.show(w, http.StatusServiceUnavailable, "down.html", map[string]any{"Page": "Down"})
			return
		}
		unavailable(w, "the provider is down for maintenance")
	case Hang:
		select {
		case <-r.Context().Done():
		case <-m.changed:
		case <-d.base.Done():
		}
		panic(http.ErrAbortHandler)
	case Garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(
			[]byte("<html><head><title>Welcome to the wireless network</title></head><body>Please accept our terms"),
		)
	case Huge:
		w.Header().Set("Content-Type", "application/json")
		chunk := bytes.Repeat([]byte(" "), 32<<10)
		for r.Context().Err() == nil && d.base.Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	case RefuseClient:
		d.refuse(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case RefuseGrant:
		d.refuse(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
	case InvalidRapt:
		d.refuseWith(
			w,
			http.StatusBadRequest,
			map[string]any{"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)",
				"error_uri": "https://support.google.com/a/answer/9368756", "error_subtype": "invalid_rapt"},
		)
	case RateLimit:
		w.Header().Set("Retry-After", retryAfter)
		writeJSON(
			w,
			http.StatusTooManyRequests,
			map[string]any{"error": "rate_limited", "error_description": "Too many requests."},
		)
	}
}

func unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", retryAfter)
	writeJSON(
		w,
		http.StatusServiceUnavailable,
		map[string]any{"error": "temporarily_unavailable", "error_description": text},
	)
}

// pause waits for the mode's delay, its end, or the caller to leave.
func pause(ctx context.Context, m mode) {
	t := time.NewTimer(m.delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-m.changed:
	}
}

// A recording is an answer that was made and not sent yet.
type recording struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recording) Header() http.Header { return r.header }

func (r *recording) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recording) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// record runs h to its end although its caller may have left.
func record(h http.Handler, r *http.Request) *recording {
	rec := &recording{header: http.Header{}}
	h.ServeHTTP(rec, r.WithContext(context.WithoutCancel(r.Context())))
	return rec
}

func (r *recording) replay(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = w.Write(r.body.Bytes())
}

// cut sends half of the body under the whole body's length, then breaks the connection.
func (r *recording) cut(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", fmt.Sprint(r.body.Len()))
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = w.Write(r.body.Bytes()[:r.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
