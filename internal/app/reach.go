package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"bff/internal/audit"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/probe"
	"bff/internal/vault"
)

// Reach tries the store, every provider and its client, every upstream, the dev server and the ports.
func (in *Instance) Reach(ctx context.Context, client *http.Client, out *probe.Printer) {
	in.now().reach(ctx, client, out, in.options.Now())
}

// tries are what can be tried side by side: all but the store.
func (g *generation) tries(ctx context.Context, client *http.Client) (tries []func() probe.Finding) {
	for _, p := range g.cfg.Providers {
		tries = append(tries, func() probe.Finding { return g.reachProvider(ctx, client, p.Name) })
	}
	for _, a := range g.cfg.APIs {
		if a.PerCall {
			tries = append(tries, func() probe.Finding {
				return probe.Finding{Outcome: "skipped", What: "api " + a.Name, Text: "its address depends on the account"}
			})
			continue
		}
		tries = append(tries, func() probe.Finding { return probe.Upstream(ctx, client, "api "+a.Name, a.Upstream) })
	}
	if up := g.cfg.Frontend.Upstream; up != nil {
		tries = append(tries, func() probe.Finding { return probe.Upstream(ctx, client, "frontend", up.String()) })
	}
	if path, ok := strings.CutPrefix(g.cfg.Log.Audit, "file:"); ok {
		tries = append(tries, func() probe.Finding {
			switch warning, err := audit.Usable(path); {
			case err != nil:
				return probe.Finding{Outcome: "failed", What: "log.audit", Text: err.Error()}
			case warning != "":
				return probe.Finding{Outcome: "warning", What: "log.audit", Text: warning}
			}
			return probe.Finding{Outcome: "ok", What: "log.audit", Text: "it can be written"}
		})
	}
	for _, l := range [][2]string{{"listen", g.cfg.Listen}, {"admin", g.cfg.Admin}} {
		if l[1] != "" {
			tries = append(tries, func() probe.Finding { return probe.Port(ctx, l[0], l[1]) })
		}
	}
	return tries
}

// reach is [Instance.Reach] at a time of day.
func (g *generation) reach(ctx context.Context, client *http.Client, out *probe.Printer, now time.Time) {
	tries := g.tries(ctx, client)
	found := make([]probe.Finding, len(tries))
	var work sync.WaitGroup
	for i, try := range tries {
		work.Go(func() { found[i] = try() })
	}
	var trouble []explain.Place
	if !g.reachStore(ctx, out) {
		trouble = append(trouble, explain.Place{Kind: explain.AtStore})
	}
	work.Wait()
	for _, f := range found {
		out.Say(f.Outcome, f.What, f.Text)
		if f.Outcome == "failed" {
			at := placeOf(f.What)
			if f.Text == RefusedClient {
				at.Kind = explain.AtClient
			}
			trouble = append(trouble, at)
		}
	}
	if len(trouble) == 0 || trouble[0].Kind != explain.AtStore {
		trouble = append(trouble, g.recentFailures(ctx, out, now)...)
	}
	if len(trouble) > 0 {
		out.Say("note", "where it fails", whose(trouble))
	}
}

// reachProvider examines what a provider publishes, and has the broker read it as a sign-in would.
func (g *generation) reachProvider(ctx context.Context, client *http.Client, name string) probe.Finding {
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	var p providers.Config
	for _, one := range g.cfg.OAuth() {
		if one.Name == name {
			p = one
		}
	}
	if p.Auth != "" {
		return g.reachCredential(ctx, &p)
	}
	f := probe.Summary("provider "+name, probe.Provider(ctx, client, p))
	if f.Outcome != "ok" {
		return f
	}
	if err := g.broker.Check(ctx, name); err != nil {
		return probe.Finding{Outcome: "failed", What: f.What, Text: err.Error() + "; " + remedy(err)}
	}
	switch err := TryClient(ctx, g.broker, p); {
	case clientRefused(err):
		return probe.Finding{Outcome: "failed", What: f.What, Text: RefusedClient}
	case errors.Is(err, oauth.ErrCodeRefused):
		f.Text += "; it knows this client"
	}
	return f
}

// reachCredential tries the credential of a provider without OAuth. What people type cannot be tried without them.
func (g *generation) reachCredential(ctx context.Context, p *providers.Config) probe.Finding {
	f := probe.Finding{Outcome: "ok", What: "provider " + p.Name}
	switch {
	case p.Typed():
		f.Text = "people type what it is called with"
		return f
	case p.Keyed() && p.Userinfo.URL == "":
		f.Outcome, f.Text = "skipped", "nothing tries the credential: the provider has no `userinfo_url`"
		return f
	case p.Keyed():
		f.Text = "it takes the credential"
	default:
		f.Text = "it gives a token for the credential"
	}
	if err := g.broker.Check(ctx, p.Name); err != nil {
		f.Outcome, f.Text = "failed", err.Error()+"; "+remedy(err)
	}
	return f
}

// CheckProvider tries what can be tried of an instance's provider without a person: what it publishes, its keys, the
// operator's credential. Errors are as [oauth.Broker.Check] has them.
func CheckProvider(ctx context.Context, in *Instance, name string) error {
	return in.now().broker.Check(ctx, name)
}

// reachStore says what the store is, and what speaks against it. ok is false when it does not serve.
func (g *generation) reachStore(ctx context.Context, out *probe.Printer) (ok bool) {
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	store, err := g.vault.Examine(ctx)
	if err != nil {
		out.Say("failed", "store", strings.TrimPrefix(err.Error(), vault.ErrUnavailable.Error()+": "))
		return false
	}
	out.Say("ok", "store", store.Server+", reached in "+roundTrip(store.Reached))
	for _, w := range store.Warnings {
		out.Say("warning", "store", w)
	}
	return true
}

// Addresses are what is to be registered at each provider, and where this bff is opened.
func (in *Instance) Addresses() (all []probe.Finding) {
	note := func(what, text string) { all = append(all, probe.Finding{Outcome: "note", What: what, Text: text}) }
	origin := in.now().cfg.OriginText()
	for _, p := range in.now().cfg.Providers {
		if p.Auth != "" {
			continue
		}
		all = append(all, probe.Addresses("provider "+p.Name, origin, p.Name, p.Issuer != "")...)
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
