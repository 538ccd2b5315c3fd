package simulate

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/probe"
	"bff/internal/vault"
)

// Check tries a provider as far as it goes without a person. known says whether its client is known. The error counts
// what failed.
func Check(ctx context.Context, client *http.Client, p providers.Config, known bool, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 4*probe.Timeout)
	defer cancel()
	out := probe.NewPrinter(w)
	for _, f := range probe.Provider(ctx, client, p) {
		out.Say(f.Outcome, f.What, f.Text)
	}
	if !known {
		out.Say("skipped", "client", "neither id nor secret are known; name a provider of bff.yaml to try them")
		return out.Err()
	}
	return errors.Join(clientKnown(ctx, p, out), out.Err())
}

// clientKnown has the broker redeem a code that nobody issued: a provider that knows the client refuses the code, one
// that does not refuses the client.
func clientKnown(ctx context.Context, p providers.Config, out *probe.Printer) error {
	cfg := config.Trial(p)
	v, err := vault.Open(
		vault.Config{Store: cfg.Session.Store.Reveal(), Keys: cfg.Session.Keys, Prefix: "bff", Cookie: "bff",
			Idle: time.Hour, Lifetime: time.Hour},
	)
	if err != nil {
		return err
	}
	defer func() { _ = v.Close() }()
	broker, err := oauth.New(oauth.Config{Providers: cfg.OAuth(), Vault: v, Origin: "http://localhost:8080",
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	err = app.TryClient(ctx, broker, p)
	switch kind := oauth.KindOf(err); {
	case kind == oauth.KindMisconfigured || errors.Is(err, oauth.ErrClientRefused):
		out.Say("failed", "client", app.RefusedClient)
	case kind == oauth.KindUnavailable:
		out.Say("failed", "client", "the token endpoint does not answer")
	case errors.Is(err, oauth.ErrCodeRefused):
		out.Say("ok", "client", "the provider knows id and secret: it refused a code that nobody issued, and not the "+
			"client")
	default:
		out.Say("failed", "client", "the token endpoint gives tokens for a code that nobody issued, or an answer that means "+
			"nothing")
	}
	return broker.Drain(ctx)
}
