package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Timeout bounds each thing that is reached for.
const Timeout = 15 * time.Second

// A Finding is one line of what was found. The outcome is "ok", "warning", "skipped", "failed" or "note".
type Finding struct{ Outcome, What, Text string }

// A Printer prints one line for each thing that was looked at.
type Printer struct {
	out    io.Writer
	failed int
}

// NewPrinter returns a Printer to w.
func NewPrinter(w io.Writer) *Printer { return &Printer{out: w} }

// Say prints one line.
func (p *Printer) Say(outcome, what, text string) {
	if outcome == "failed" {
		p.failed++
	}
	_, _ = fmt.Fprintf(p.out, "%-8s %s: %s\n", outcome, what, text)
}

// Err is nil when nothing failed.
func (p *Printer) Err() error {
	if p.failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of the things above failed", p.failed)
}

// Summary is one finding of what was found of a provider: what failed, or what was done.
func Summary(what string, all []Finding) Finding {
	var failed, done []string
	answering, advice := 0, ""
	for _, f := range all {
		switch {
		case f.Outcome == "failed":
			text, unreached := strings.CutSuffix(f.Text, "; "+look)
			if unreached {
				advice = "; " + look // once, at the end
			}
			failed = append(failed, f.What+": "+text)
		case f.Outcome == "ok" && f.What == "discovery":
			done = append(done, "its metadata was read")
		case f.Outcome == "ok" && f.What == "keys":
			done = append(done, "its keys were "+f.Text)
		case f.Outcome == "ok" && strings.HasSuffix(f.Text, " answers"):
			answering++
		}
	}
	if len(failed) > 0 {
		return Finding{"failed", what, strings.Join(failed, "; ") + advice}
	}
	if answering > 0 {
		done = append(done, fmt.Sprintf("%d of its endpoints answer", answering))
	}
	return Finding{"ok", what, strings.Join(done, ", ") + "; what needs a person is not tried"}
}

// Upstream sends one GET without credentials. Any answer means that it can be reached.
func Upstream(ctx context.Context, client *http.Client, what, where string) Finding {
	host, status, err := reach(ctx, client, where)
	switch {
	case err != nil:
		return Finding{"warning", what, err.Error()}
	case status >= http.StatusInternalServerError:
		return Finding{"warning", what, fmt.Sprintf("%s answers %d", host, status)}
	}
	return Finding{"ok", what, host + " answers"}
}

// reach sends a GET and returns the host and the status of the answer.
func reach(ctx context.Context, client *http.Client, where string) (host string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return "", 0, errors.New("its address is no URL")
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", 0, errors.New(r.URL.Host + ": " + unreached(err))
	}
	_ = resp.Body.Close()
	return r.URL.Host, resp.StatusCode, nil
}
