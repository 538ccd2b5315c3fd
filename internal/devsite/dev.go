package devsite

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/demo"
)

// Options are how `bff dev` runs.
type Options struct {
	Browsers, Admin net.Listener  // on loopback; Run closes them
	TokenLifetime   time.Duration // of the demo's access tokens; its own default when zero
	Version         string
	Stdout          io.Writer
	Log             *slog.Logger
	Config          *config.Config // nil: the demo's own
}

// Run runs the whole product with the demo until ctx ends. The demo is in front of bff, as its frontend, and behind
// it, as its provider and its APIs.
func Run(ctx context.Context, o Options) error {
	if o.Config != nil {
		return runConfig(ctx, o)
	}
	origin := "http://" + o.Browsers.Addr().String()
	shop := shopOrigin(o.Browsers.Addr())
	d, err := demo.Start(demo.Config{Origin: origin, Fronts: shop, PostLogoutURIs: shop, Log: o.Log,
		TokenLifetime: o.TokenLifetime})
	if err != nil {
		return o.abandon(fmt.Errorf("the demo does not start: %w", err))
	}
	defer d.Close()
	context.AfterFunc(ctx, d.EndStreams) // or the drain would wait for them
	cfg, report := devConfig(origin, shop, d)
	if report != "" {
		return o.abandon(errors.New(report))
	}
	site := newSite(d, origin, cfg.SessionCookie())
	in, err := app.New(cfg, app.Options{Log: o.Log, Version: o.Version, Frontend: site, Frontends: shopPages(shop),
		AnyLoopback: true, Record: true, Stderr: io.Discard})
	if err != nil {
		return o.abandon(err)
	}
	site.bff = in.Browser()
	banner(o.Stdout, origin, strings.Join(shop, " "), d.Issuer, o.Admin.Addr().String())
	return in.Run(ctx, app.Listeners{Browsers: o.Browsers, Admin: o.Admin})
}

// abandon closes the listeners of a start that failed.
func (o *Options) abandon(err error) error {
	return errors.Join(err, o.Browsers.Close(), o.Admin.Close())
}

// providerText describes the demo's provider, and the two APIs behind it, as an operator would describe Google, had it no
// built-in of its own.
const providerText = `providers:
  demo:
    title: Demo
    issuer: %s
    client_id: %s
    client_secret: env:DEMO_CLIENT_SECRET
    scopes: [openid, email, profile, "https://www.googleapis.com/auth/calendar.readonly"]
    scope_aliases:
      https://www.googleapis.com/auth/userinfo.email: email
      https://www.googleapis.com/auth/userinfo.profile: profile
    auth_params: {access_type: offline}
    connect_params: {include_granted_scopes: "true"}
    consent_params: {prompt: consent}
apis:
  calendar:
    provider: demo
    upstream: %s
    scopes: ["https://www.googleapis.com/auth/calendar.readonly"]
    allow:
      - GET /users/me/calendarList
      - GET /calendars/{id}/events
      - GET /calendars/{id}/events/{event}
      - GET /calendars/{id}/stream
  files:
    provider: demo
    upstream: %s
    scopes: ["https://www.googleapis.com/auth/drive.readonly"]
    allow: [GET /files, "GET /files/{id}"]
`

// Provider returns the lines of a configuration that describe the provider of d and the APIs behind it, which come last.
// The secret of the client is in DEMO_CLIENT_SECRET.
func Provider(d *demo.Demo) string {
	return fmt.Sprintf(providerText, d.Issuer, d.ClientID, d.APIURL, d.FilesURL)
}

// devFile is the configuration of `bff dev`.
const devFile = `
origin: %s
listen: "127.0.0.1:0"
admin: "127.0.0.1:0"
session:
  store: "memory:"
  keys: [env:BFF_KEY]
%s
  app:
    path: /app
    identity: app
    upstream: %[3]s
    allow: [GET /greeting]
users:
  rights:
    admin: ["email:ada@example.com"]
  hook: {url: %[3]s/hooks/sign-in, secret: env:HOOK_SECRET}
events:
  - {url: %[3]s/hooks/events, secret: env:HOOK_SECRET}
`

// devConfig reads devFile, with the further fronts, with a fresh key.
func devConfig(origin string, fronts []string, d *demo.Demo) (*config.Config, string) {
	key := make([]byte, 32)
	rand.Read(key)
	secrets := map[string]string{
		"BFF_KEY":            "bffk1_" + base64.RawURLEncoding.EncodeToString(key),
		"DEMO_CLIENT_SECRET": d.ClientSecret,
		"HOOK_SECRET":        d.HookSecret,
	}
	text := fmt.Sprintf(devFile, origin, Provider(d), d.BackendURL)
	for _, front := range fronts {
		text += fmt.Sprintf("fronts:\n  - {origin: %q, apis: [app]}\n", front)
	}
	return config.Read("bff dev", []byte(text), func(name string) string { return secrets[name] })
}

// banner says where it is and what to try.
func banner(w io.Writer, origin, shop, issuer, admin string) {
	fmt.Fprint(w, strings.NewReplacer("{origin}", origin, "{shop}", cmp.Or(shop, "none: it needs 127.0.0.1 or ::1"),
		"{issuer}", issuer, "{admin}", "http://"+admin).Replace(`
  bff dev: an app, its broker, a provider, two APIs and a backend of the app's own, all in this process.

  Open       {origin}
  And        {shop}   (a second front: another site, the same people)
  Provider   {issuer}   (behaves like Google; tokens live 30 seconds)
  Operators  {admin}/metrics

  Try this:
    1. Sign in as Ada. The calendar is there, and the browser holds one cookie and no token.
    2. Wait half a minute: the token expires, the server renews it, the page never notices.
    3. The hook made a row of hers in the app's own database, and gave an id and rights back.
    4. Break things with the buttons of the page: provider down, access revoked, signed out elsewhere.
    5. Open the second front and sign in there: no provider's page, a cookie of its own, the same Ada.

  Nothing is kept. Ctrl-C stops it.

`))
}
