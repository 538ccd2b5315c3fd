package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"bff/internal/demo"
)

type devCommand struct {
	tokenLifetime time.Duration // of the demo's access tokens; its own default when zero

	Listen string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address of this machine for the browser (default: ${default}); port 0 takes a free one."`
}

// Run is serve with a configuration of its own: the same reader reads it, the same wiring runs it. What is added is the demo in front of it (its page
// and its control, as the frontend) and behind it (the provider and the APIs).
func (c *devCommand) Run(sh *shell) error {
	ctx, stop := signals(sh.ctx)
	defer stop()
	browsers, admin, err := c.listeners()
	if err != nil {
		return err
	}
	log := newDevLog(sh.stderr)
	origin := "http://" + browsers.Addr().String()
	d, err := demo.Start(demo.Config{Origin: origin, Log: log, TokenLifetime: c.tokenLifetime})
	if err != nil {
		return errors.Join(failed("bff: the demo does not start: %v", err), browsers.Close(), admin.Close())
	}
	defer d.Close()
	context.AfterFunc(ctx, d.EndStreams) // or the drain would wait for them
	cfg, report := devConfig(origin, d)
	if report != "" {
		return errors.Join(failed("%s", report), browsers.Close(), admin.Close())
	}
	site := newDevSite(d, origin, cfg.cookie())
	in, err := newInstance(cfg, site, log)
	if err != nil {
		return errors.Join(failed("bff: %v", err), browsers.Close(), admin.Close())
	}
	site.bff = in.server.Browser()
	devBanner(sh.stdout, origin, d.Issuer, admin.Addr().String())
	return in.run(ctx, browsers, admin)
}

// listeners opens both ports. Everybody may sign in here as anybody, so only this machine is served.
func (c *devCommand) listeners() (browsers, admin net.Listener, err error) {
	if why := badAddress(c.Listen); why != "" {
		return nil, nil, wrongUse("bff: --listen %s; write `--listen 127.0.0.1:8080`", why)
	}
	if browsers, err = listen("--listen", c.Listen); err != nil {
		return nil, nil, err
	}
	if a, ok := browsers.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		_ = browsers.Close()
		return nil, nil, wrongUse("bff: --listen %s is reachable from other machines, and in the demo everybody may sign in as anybody; write `--listen 127.0.0.1:8080`", c.Listen)
	}
	if admin, err = listen("--listen", "127.0.0.1:0"); err != nil {
		_ = browsers.Close()
		return nil, nil, err
	}
	return browsers, admin, nil
}

// devFile is the configuration of `bff dev`. The provider is described as an operator would describe Google, had it no built-in of its own.
const devFile = `
origin: %s
listen: "127.0.0.1:0"
admin: "127.0.0.1:0"
session:
  store: "memory:"
  keys: [env:BFF_KEY]
providers:
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
    allow:
      - GET /files
      - GET /files/{id}
`

// devConfig reads devFile with a fresh key.
func devConfig(origin string, d *demo.Demo) (*config, string) {
	key := make([]byte, 32)
	rand.Read(key)
	secrets := map[string]string{"BFF_KEY": "bffk1_" + base64.RawURLEncoding.EncodeToString(key), "DEMO_CLIENT_SECRET": d.ClientSecret}
	text := fmt.Sprintf(devFile, origin, d.Issuer, d.ClientID, d.APIURL, d.FilesURL)
	return readConfig("bff dev", []byte(text), func(name string) string { return secrets[name] })
}

// devBanner says where it is and what to try.
func devBanner(w io.Writer, origin, issuer, admin string) {
	fmt.Fprint(w, strings.NewReplacer("{origin}", origin, "{issuer}", issuer, "{admin}", "http://"+admin).Replace(`
  bff dev: an app, its broker, a provider and two APIs, all in this process.

  Open       {origin}
  Provider   {issuer}   (behaves like Google; tokens live 30 seconds)
  Operators  {admin}/metrics

  Try this:
    1. Sign in as Ada. The calendar is there, and the browser holds one cookie and no token.
    2. Wait half a minute: the token expires, the server renews it, the page never notices.
    3. Break things with the buttons of the page: provider down, access revoked, signed out elsewhere.

  Nothing is kept. Ctrl-C stops it.

`))
}
