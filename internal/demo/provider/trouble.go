package provider

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/trouble"
)

// Switch puts the authorization server into a mode until the next Switch. Its errors are an unknown mode, and a port
// that cannot be had back after Refuse.
func (p *Provider) Switch(m trouble.Mode) error { return p.switchTo(m, trouble.DefaultDelay, 0) }

// SwitchNext is Switch for the next n calls of the token or revocation endpoint; after them everything is up.
func (p *Provider) SwitchNext(m trouble.Mode, n int) error {
	return p.switchTo(m, trouble.DefaultDelay, n)
}

// Delay is Switch(Slow), or Switch(Late), with a delay of one's own.
func (p *Provider) Delay(m trouble.Mode, delay time.Duration) error { return p.switchTo(m, delay, 0) }

func (p *Provider) switchTo(m trouble.Mode, delay time.Duration, n int) error {
	if !slices.Contains(trouble.Modes(), m) {
		return fmt.Errorf("switch demo: there is no mode %q", m)
	}
	p.trouble.Set(m, delay, n)
	p.log.Note("switch", "", "%s", describeMode(m))
	if m == trouble.Refuse {
		p.port.Close()
		return nil
	}
	if err := p.port.Open(); err != nil {
		return fmt.Errorf("switch demo: %w", err)
	}
	return nil
}

// Mode returns the present mode.
func (p *Provider) Mode() trouble.Mode { return p.trouble.Mode() }

// current returns the mode that holds for a request. Only calls of the token and the revocation endpoint use one up.
func (p *Provider) current(path string) trouble.State {
	if strings.HasPrefix(path, "/token") {
		p.log.Count("", func(c *journal.Counts) { c.TokenCalls++ })
	}
	if strings.HasPrefix(path, "/token") || path == "/revoke" {
		return p.trouble.Take()
	}
	state := p.trouble.Look()
	if state.Mode.TokenOnly() || state.Limited() {
		return trouble.State{Mode: trouble.Up}
	}
	return state
}

// troubled puts the present mode in front of the authorization server.
func (p *Provider) troubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := p.current(r.URL.Path)
		switch m.Mode {
		case trouble.Slow:
			m.Pause(r.Context())
		case trouble.Late:
			rec := trouble.Record(next, r)
			m.Pause(r.Context())
			rec.Replay(w)
			return
		case trouble.LoseAnswer:
			trouble.Record(next, r)
			panic(http.ErrAbortHandler)
		case trouble.FailAfter:
			trouble.Record(next, r)
			unavailable(w, "the answer got lost on the way")
			return
		case trouble.Truncate:
			rec := trouble.Record(next, r)
			rec.Cut(w)
			return
		case trouble.Flaky:
			if m.Calls%2 == 1 {
				unavailable(w, "every second call fails")
				return
			}
		case trouble.Up:
		default:
			p.fail(w, r, m)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fail answers for the modes in which no work is done.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, m trouble.State) {
	switch m.Mode {
	case trouble.Down, trouble.Refuse:
		if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Set("Retry-After", trouble.RetryAfter)
			p.pages.show(w, http.StatusServiceUnavailable, "down.html", map[string]any{"Page": "Down"})
			return
		}
		unavailable(w, "the provider is down for maintenance")
	case trouble.Hang:
		m.Hang(r, p.closing)
	case trouble.Garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(
			[]byte("<html><head><title>Welcome to the wireless network</title></head><body>Please accept our terms"),
		)
	case trouble.Huge:
		w.Header().Set("Content-Type", "application/json")
		chunk := bytes.Repeat([]byte(" "), 32<<10)
		for r.Context().Err() == nil && p.closing.Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	case trouble.RefuseClient:
		p.tokens.refuse(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case trouble.RefuseGrant:
		p.tokens.refuse(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
	case trouble.InvalidRapt:
		p.tokens.refuseWith(
			w,
			http.StatusBadRequest,
			map[string]any{"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)",
				"error_uri": "https://support.google.com/a/answer/9368756", "error_subtype": "invalid_rapt"},
		)
	case trouble.RateLimit:
		w.Header().Set("Retry-After", trouble.RetryAfter)
		answer.JSON(
			w,
			http.StatusTooManyRequests,
			map[string]any{"error": "rate_limited", "error_description": "Too many requests."},
		)
	}
}

func unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", trouble.RetryAfter)
	answer.JSON(
		w,
		http.StatusServiceUnavailable,
		map[string]any{"error": "temporarily_unavailable", "error_description": text},
	)
}

// describeMode says a mode in the words of the log.
func describeMode(m trouble.Mode) string {
	switch m {
	case trouble.Up:
		return "the provider is up and well"
	case trouble.Down:
		return "the provider is down: it answers 503"
	case trouble.Slow:
		return "the provider is slow: it takes its time for every answer"
	}
	return fmt.Sprintf("the provider is in trouble: %s", m)
}
