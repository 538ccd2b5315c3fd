package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// checkTimeout bounds each thing that check reaches for.
const checkTimeout = 15 * time.Second

type checkCommand struct {
	Config  string `default:"bff.yaml" placeholder:"FILE" help:"The configuration (default: ${default})."`
	Offline bool   `help:"Judge the file alone; reach for nothing."`
}

func (c *checkCommand) Run(sh *shell) error {
	cfg, report := loadConfig(c.Config, sh.env)
	if report != "" {
		return wrongUse("%s%s", report, count(report))
	}
	in, err := newInstance(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return wrongUse("%s: %v", c.Config, err)
	}
	out := &findings{w: sh.stdout}
	out.say("ok", c.Config, "no mistakes")
	for _, w := range cfg.warnings() {
		at := c.Config
		if w.at.line > 0 {
			at = fmt.Sprintf("%s:%d:%d", c.Config, w.at.line, w.at.column)
		}
		out.say("warning", at, w.text)
	}
	if !c.Offline {
		in.reach(sh.ctx, out)
	}
	return errors.Join(out.err(), in.close(sh.ctx))
}

// count is the last line of a report.
func count(report string) string {
	n := 0
	for i, b := range report {
		if b == '\n' && i+1 < len(report) && report[i+1] != ' ' {
			n++
		}
	}
	if n++; n == 1 {
		return ""
	}
	return fmt.Sprintf("%d mistakes\n", n)
}

// findings prints one line for each thing that was looked at.
type findings struct {
	w      io.Writer
	failed int
}

func (f *findings) say(outcome, what, text string) {
	if outcome == "failed" {
		f.failed++
	}
	_, _ = fmt.Fprintf(f.w, "%-8s %s: %s\n", outcome, what, text)
}

func (f *findings) err() error {
	if f.failed == 0 {
		return nil
	}
	return failed("bff: %d of the things above failed", f.failed)
}

// reach tries the store and every provider.
func (in *instance) reach(ctx context.Context, out *findings) {
	providers := in.broker.Providers()
	outcomes := make([]error, len(providers))
	var work sync.WaitGroup
	for i, p := range providers {
		work.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			outcomes[i] = in.broker.Check(ctx, p.Name)
		})
	}
	in.reachStore(ctx, out)
	work.Wait()
	for i, p := range providers {
		if err := outcomes[i]; err != nil {
			out.say("failed", "provider "+p.Name, err.Error()+"; "+mend(err))
			continue
		}
		out.say("ok", "provider "+p.Name, "its endpoints are known and its keys can be fetched; what needs a person is not tried")
	}
}

// reachStore tells what the store is, and what stands in the way.
func (in *instance) reachStore(ctx context.Context, out *findings) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	store, err := in.vault.Examine(ctx)
	if err != nil {
		out.say("failed", "store", strings.TrimPrefix(err.Error(), vault.ErrUnavailable.Error()+": "))
		return
	}
	out.say("ok", "store", store.Server+", reached in "+pace(store.Reached))
	for _, w := range store.Warnings {
		out.say("warning", "store", w)
	}
}

// pace is the time of a round trip, which every call waits for.
func pace(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "less than 1 ms"
	case d < 50*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d ms, which every call waits for: bring it nearer", d.Milliseconds())
}

// mend is what an operator can do about a provider's error.
func mend(err error) string {
	switch oauth.KindOf(err) {
	case oauth.KindUnavailable:
		return "is `issuer` right, and can this machine reach it (HTTPS_PROXY is honoured)?"
	case oauth.KindMisconfigured:
		return "compare the client's id and secret with the provider's console"
	}
	return "compare `issuer` and the endpoints with the provider's documentation"
}

// inMemory says whether the store lives in this process.
func inMemory(store secret.Text) bool { return store.Reveal() == "memory:" }
