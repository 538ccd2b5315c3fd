package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth"
	"bff/internal/probe"
	"bff/internal/vault"
)

// Reach tries the store, every provider, every upstream and the dev server.
func (in *Instance) Reach(ctx context.Context, client *http.Client, out *probe.Printer) {
	var tries []func() probe.Finding
	for _, p := range in.now().cfg.Providers {
		tries = append(tries, func() probe.Finding { return in.reachProvider(ctx, client, p.Name) })
	}
	for _, a := range in.now().cfg.APIs {
		tries = append(tries, func() probe.Finding { return probe.Upstream(ctx, client, "api "+a.Name, a.Upstream) })
	}
	if up := in.now().cfg.Frontend.Upstream; up != nil {
		tries = append(tries, func() probe.Finding { return probe.Upstream(ctx, client, "frontend", up.String()) })
	}
	found := make([]probe.Finding, len(tries))
	var work sync.WaitGroup
	for i, try := range tries {
		work.Go(func() { found[i] = try() })
	}
	in.reachStore(ctx, out)
	work.Wait()
	for _, f := range found {
		out.Say(f.Outcome, f.What, f.Text)
	}
}

// reachProvider examines what a provider publishes, and has the broker read it as a sign-in would.
func (in *Instance) reachProvider(ctx context.Context, client *http.Client, name string) probe.Finding {
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	f := probe.Finding{Outcome: "ok", What: "provider " + name, Text: "called with a key, a password or a token of its own"}
	for _, p := range in.now().cfg.OAuth() {
		if p.Name == name && p.Auth == "" {
			f = probe.Summary("provider "+name, probe.Provider(ctx, client, p))
		}
	}
	if f.Outcome != "ok" {
		return f
	}
	if err := in.now().broker.Check(ctx, name); err != nil {
		return probe.Finding{Outcome: "failed", What: f.What, Text: err.Error() + "; " + remedy(err)}
	}
	return f
}

// reachStore says what the store is, and what speaks against it.
func (in *Instance) reachStore(ctx context.Context, out *probe.Printer) {
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	store, err := in.now().vault.Examine(ctx)
	if err != nil {
		out.Say("failed", "store", strings.TrimPrefix(err.Error(), vault.ErrUnavailable.Error()+": "))
		return
	}
	out.Say("ok", "store", store.Server+", reached in "+roundTrip(store.Reached))
	for _, w := range store.Warnings {
		out.Say("warning", "store", w)
	}
}

// Addresses are what is to be registered at each provider, and where this bff is opened.
func (in *Instance) Addresses() (all []probe.Finding) {
	note := func(what, text string) { all = append(all, probe.Finding{Outcome: "note", What: what, Text: text}) }
	origin := in.now().cfg.OriginText()
	for _, p := range in.now().cfg.Providers {
		if p.Auth != "" {
			continue
		}
		note("provider "+p.Name, "redirect URI to register: "+origin+"/bff/callback/"+p.Name)
		if p.Issuer == "" {
			continue
		}
		note("provider "+p.Name, "post-logout redirect URI: "+origin+"/")
		note("provider "+p.Name, "back-channel logout URI: "+origin+"/bff/backchannel-logout/"+p.Name)
		note("provider "+p.Name, "security events (RISC): "+origin+"/bff/security-events/"+p.Name)
	}
	switch host := in.now().cfg.Origin.Hostname(); host {
	case "localhost":
		note(
			"origin",
			"open "+origin+" and not 127.0.0.1, which is another site to a browser: a sign-in begun there does not end",
		)
	case "127.0.0.1", "::1":
		note(
			"origin",
			"open "+origin+" and not localhost, which is another site to a browser: a sign-in begun there does not end",
		)
	}
	return all
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
