package simulate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/oauth/providers"
	"bff/internal/proxy"
	"bff/internal/secret"
)

// runTimeout bounds one scenario, and parallel is how many run at once.
const (
	runTimeout = 90 * time.Second
	parallel   = 3
)

// Run runs every scenario against the product, each with a provider, a bff and a browser of its own, and prints a
// table. The error counts the scenarios that failed.
func Run(ctx context.Context, p providers.Config, out io.Writer) error {
	as, left := Imitate(p)
	for _, l := range left {
		_, _ = fmt.Fprintf(out, "not simulated: %s\n", l)
	}
	all := scenarios(p)
	happened := make([]string, len(all))
	var work sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i, s := range all {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			happened[i] = as.run(ctx, s)
		})
	}
	work.Wait()
	return report(out, all, happened)
}

// report prints the table.
func report(w io.Writer, all []scenario, happened []string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(t, "\tSCENARIO\tEXPECTED\tHAPPENED")
	bad := 0
	for i, s := range all {
		mark, what := "ok", "the same"
		if happened[i] != s.expected {
			mark, what = "FAILED", happened[i]
			bad++
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", mark, s.name, s.expected, what)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d scenarios failed", bad, len(all))
	}
	return nil
}

// An Imitation is a provider as the demo can have it: its configuration for bff, and the demo's habits.
type Imitation struct {
	provider providers.Config
	Habits   provider.Habits
}

// Imitate finds the demo's habits for a provider. left names what the demo cannot imitate.
func Imitate(p providers.Config) (r Imitation, left []string) {
	google := p.Authorization.Params["access_type"] == "offline"
	h := provider.Habits{
		Title:          p.Title,
		Rotate:         p.Token.Rotates != "never",
		ReuseLeeway:    p.Token.ReuseLeeway,
		NoIDToken:      p.Issuer == "",
		AnyScope:       true,
		PKCE:           provider.PKCERequired,
		RefreshTokens:  provider.RefreshAlways,
		IDTokenAlways:  google,
		ScopeSeparator: p.Authorization.ScopeSeparator,
		JSONBody:       p.Token.Body == "json",
		SeparateRefresh: p.Token.RefreshURL != "" &&
			p.Token.RefreshURL != p.Token.URL,
		NoRevocation:   p.Revocation.URL == "" && p.Issuer == "",
		IncludeGranted: google,
	}
	if google {
		h.RefreshTokens, h.RevokeTakes, h.MaxRefresh = provider.RefreshOnConsent, provider.RevokeTakesGrant, 100
	}
	if p.Authorization.PKCE == "off" {
		h.PKCE = provider.PKCERejected
	}
	if len(p.ScopeAliases) > 0 {
		h.ScopeNames = map[string]string{}
		for granted, asked := range p.ScopeAliases {
			h.ScopeNames[asked] = granted
		}
	}
	drop := func(name string, set bool, clear func()) {
		if set {
			left = append(left, name)
			clear()
		}
	}
	drop("private_key_jwt", p.Client.Auth == "private_key_jwt", func() { p.Client.Auth = "" })
	drop("client_id_param", p.Client.IDParam != "", func() { p.Client.IDParam = "" })
	drop("scope_param", p.Authorization.ScopeParam != "", func() { p.Authorization.ScopeParam = "" })
	drop("token_path", p.Token.Path != "", func() { p.Token.Path = "" })
	drop("profile", len(p.Userinfo.Profile) > 0, func() { p.Userinfo.Profile = nil })
	drop(
		"the shape of userinfo",
		p.Userinfo.Method != "" || p.Userinfo.Body != "" || strings.Contains(p.Userinfo.Subject, "."),
		func() { p.Userinfo.Method, p.Userinfo.Body, p.Userinfo.Subject = "", "", "" },
	)
	drop(
		"the shape of revocations",
		p.Revocation.Method+p.Revocation.Auth+p.Revocation.Body+p.Revocation.Param != "",
		func() {
			p.Revocation.Method, p.Revocation.Auth, p.Revocation.Body, p.Revocation.Param = "", "", "", ""
			if h.JSONBody { // there, of every endpoint that takes a token
				p.Revocation.Body = "json"
			}
		},
	)
	drop("error_field", p.Token.ErrorField != "", func() { p.Token.ErrorField = "" })
	h.SubjectField, h.ClientAuth = p.Userinfo.Subject, p.Client.Auth
	return Imitation{p, h}, left
}

// At is the provider as the demo imitates it: its configuration, at the demo's addresses.
func (r Imitation) At(d *demo.Demo) providers.Config {
	p := r.provider
	p.Client.ID, p.Client.Secret = d.ClientID, secret.New(d.ClientSecret)
	openID := p.Issuer != ""
	p.Issuer, p.Issuers, p.CallbackIssuer = "", nil, ""
	p.Authorization.URL, p.Token.URL, p.Token.RefreshURL, p.Userinfo.URL, p.Revocation.URL, p.JWKSURL, p.EndSessionURL, p.RISCURL = "", "", "", "", "", "", "", ""
	if r.Habits.SeparateRefresh {
		p.Token.RefreshURL = d.Issuer + "/token/refresh"
	}
	if openID {
		p.Issuer = d.Issuer
		return p
	}
	p.CallbackIssuer = d.Issuer
	p.Authorization.URL, p.Token.URL, p.Userinfo.URL = d.Issuer+"/o/oauth2/v2/auth", d.Issuer+"/token", d.Issuer+"/v1/userinfo"
	if !r.Habits.NoRevocation {
		p.Revocation.URL = d.Issuer + "/revoke"
	}
	return p
}

// run sets up a trial, runs one scenario in it, and says what happened.
func (r Imitation) run(ctx context.Context, sc scenario) string {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "no trial: " + err.Error()
	}
	origin := "http://" + l.Addr().String()
	secrets := &issued{}
	d, err := demo.Start(
		demo.Config{Origin: origin, Provider: r.provider.Name, TokenLifetime: sc.lifetime(), Habits: &r.Habits,
			Issued: secrets.note},
	)
	if err != nil {
		_ = l.Close()
		return "no trial: " + err.Error()
	}
	defer d.Close()
	in, err := app.New(r.config(d, origin), app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		_ = l.Close()
		return "no trial: " + err.Error()
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- in.Run(running, app.Listeners{Browsers: l}) }()
	t := newTrial(ctx, d, r.provider.Name, origin)
	happened := sc.run(t)
	stop()
	if err := <-ended; err != nil && t.err == nil {
		t.err = err
	}
	switch {
	case t.err != nil:
		return t.err.Error()
	case secrets.in(t.received()):
		return happened + ", and a secret reached the browser"
	}
	return happened
}

// config is a configuration around the imitated provider, with one api.
func (r Imitation) config(d *demo.Demo, origin string) *config.Config {
	c := config.Trial(r.At(d))
	c.Origin, _ = url.Parse(origin) // made by run
	c.Shutdown = 5 * time.Second
	c.Providers[0].NeedsAPI = true
	c.APIs = []config.API{{Provider: r.provider.Name, Config: proxy.Config{Name: "api", Path: "/api/api", Origin: origin,
		Upstream: d.APIURL, Allow: []string{"GET /users/me/calendarList"}, Timeout: 30 * time.Second}}}
	return c
}
