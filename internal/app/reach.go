package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth"
	"bff/internal/vault"
)

// CheckTimeout bounds each thing that a check reaches for.
const CheckTimeout = 15 * time.Second

// Findings prints one line for each thing that was looked at.
type Findings struct {
	out    io.Writer
	failed int
}

// NewFindings returns Findings that are printed to w.
func NewFindings(w io.Writer) *Findings { return &Findings{out: w} }

// Say prints one line. The outcome is "ok", "warning", "skipped" or "failed".
func (f *Findings) Say(outcome, what, text string) {
	if outcome == "failed" {
		f.failed++
	}
	_, _ = fmt.Fprintf(f.out, "%-8s %s: %s\n", outcome, what, text)
}

// Err is nil when nothing failed.
func (f *Findings) Err() error {
	if f.failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of the things above failed", f.failed)
}

// Reach tries the store and every provider.
func (in *Instance) Reach(ctx context.Context, out *Findings) {
	providers := in.broker.Providers()
	outcomes := make([]error, len(providers))
	var work sync.WaitGroup
	for i, p := range providers {
		work.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
			defer cancel()
			outcomes[i] = in.broker.Check(ctx, p.Name)
		})
	}
	in.reachStore(ctx, out)
	work.Wait()
	for i, p := range providers {
		if err := outcomes[i]; err != nil {
			out.Say("failed", "provider "+p.Name, err.Error()+"; "+remedy(err))
			continue
		}
		out.Say("ok", "provider "+p.Name, "its endpoints are known and its keys can be fetched; what needs a person is not tried")
	}
}

// reachStore says what the store is, and what speaks against it.
func (in *Instance) reachStore(ctx context.Context, out *Findings) {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	store, err := in.vault.Examine(ctx)
	if err != nil {
		out.Say("failed", "store", strings.TrimPrefix(err.Error(), vault.ErrUnavailable.Error()+": "))
		return
	}
	out.Say("ok", "store", store.Server+", reached in "+roundTrip(store.Reached))
	for _, w := range store.Warnings {
		out.Say("warning", "store", w)
	}
}

// roundTrip is the time of one round trip, which every call waits for.
func roundTrip(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "less than 1 ms"
	case d < 50*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d ms, which every call waits for: bring it nearer", d.Milliseconds())
}

// remedy is what an operator can do about a provider's error.
func remedy(err error) string {
	switch oauth.KindOf(err) {
	case oauth.KindUnavailable:
		return "is `issuer` right, and can this machine reach it (HTTPS_PROXY is honoured)?"
	case oauth.KindMisconfigured:
		return "compare the client's id and secret with the provider's console"
	}
	return "compare `issuer` and the endpoints with the provider's documentation"
}
