package simulate

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"bff/internal/app"
	"bff/internal/simulate/standin"
)

const (
	origin      = "https://app.simulated.example"
	lobbyIssuer = "https://people.simulated.example" // where people sign in when nobody can at the provider
	service     = "simulated-service"
	extraAPI    = "extra" // the API that wants a further scope
)

// A trial is a provider, bff, and people with browsers.
type trial struct {
	ctx      context.Context
	clock    clock
	name     string // of the provider
	provider *standin.StandIn
	lobby    *standin.StandIn // or nil
	instance *app.Instance
	secret   string // of the service
	// redirectName is what the provider calls redirect_uri in its authorization request; "" for that.
	redirectName string
	down         atomic.Bool // nobody listens
	seen         seen
	err          error
}

// route leads a request to the stand-in that it is for.
func (t *trial) route(w http.ResponseWriter, r *http.Request) {
	if t.lobby != nil && "https://"+r.Host == lobbyIssuer {
		t.lobby.ServeHTTP(w, r)
		return
	}
	t.provider.ServeHTTP(w, r)
}

// post has the provider send something to bff.
func (t *trial) post(path, contentType, body string) string {
	r, err := http.NewRequestWithContext(t.ctx, http.MethodPost, origin+path, strings.NewReader(body))
	if err != nil {
		return "-"
	}
	r.Header.Set("Content-Type", contentType)
	r.RemoteAddr, r.RequestURI = "127.0.0.1:40002", r.URL.RequestURI()
	return t.read(serve(t.instance.Browser(), r)).outcome()
}

// read notes what reached the browser, and parses it.
func (t *trial) read(w *response) *reply {
	a := &reply{status: w.status, header: w.header, text: w.body.Bytes()}
	t.seen.write(w)
	_ = json.Unmarshal(a.text, &a.body) // not everything is JSON
	return a
}

// waiting says whether a bounded wait goes on.
func (t *trial) waiting() bool { return t.ctx.Err() == nil && t.err == nil }

// fail ends the scenario: what comes after the first error does nothing.
func (t *trial) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// skip puts the clock forward. What waits for the clock alone, behind everybody's back, is then looked at.
func (t *trial) skip(d time.Duration) {
	t.clock.ahead.Add(int64(d))
	t.instance.Nudge()
}

// until waits for something that happens later, or behind everybody's back, no longer than its patience.
func (t *trial) until(ok func() bool) bool {
	pause := time.Millisecond
	for end := time.Now().Add(patience); t.waiting() && time.Now().Before(end); t.skip(step) {
		if ok() {
			return true
		}
		t.wait(pause)
		pause = min(2*pause, 100*time.Millisecond)
	}
	return false
}

func (t *trial) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}
