package main

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

	"bff/internal/demo"
	"bff/internal/oauth"
	"bff/internal/proxy"
)

type providerSimulateCommand struct {
	Provider string `arg:"" help:"A provider of the configuration, a built-in one, or a FILE as show prints it."`
	Config   string `default:"bff.yaml" placeholder:"FILE" help:"The configuration that a name is looked up in (default: ${default})."`
}

// playTimeout bounds one scenario.
const playTimeout = 90 * time.Second

// Run plays every scenario, a few at a time, each on a stage of its own: nothing of one is left for the next.
func (c *providerSimulateCommand) Run(sh *shell) error {
	p, _, err := findProvider(sh, c.Provider, c.Config)
	if err != nil {
		return err
	}
	part, left := cast(p)
	for _, l := range left {
		_, _ = fmt.Fprintf(sh.stdout, "not played: %s\n", l)
	}
	all := scenarios(p)
	happened := make([]string, len(all))
	var work sync.WaitGroup
	places := make(chan struct{}, 3)
	for i, s := range all {
		work.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			for range 3 { // no scenario is about the store; on a machine that is too busy the stage's own may be late
				if happened[i] = part.play(sh.ctx, s); !strings.Contains(happened[i], "store_unavailable") {
					return
				}
			}
		})
	}
	work.Wait()
	return tell(sh.stdout, all, happened)
}

// tell prints the table.
func tell(w io.Writer, all []scenario, happened []string) error {
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
		return failed("bff: %d of %d scenarios failed", bad, len(all))
	}
	return nil
}

// A role is what the demo plays of a provider, and what bff is told of it.
type role struct {
	provider oauth.ProviderConfig
	habits   demo.Habits
}

// cast finds the demo's habits for a provider. left names what the demo cannot play.
func cast(p oauth.ProviderConfig) (r role, left []string) {
	google := p.AuthParams["access_type"] == "offline"
	h := demo.Habits{Title: p.Title, Rotate: p.Rotates != "never", ReuseLeeway: p.ReuseLeeway, NoIDToken: p.Issuer == "", AnyScope: true, PKCE: demo.PKCERequired,
		RefreshTokens: demo.RefreshAlways, IDTokenAlways: google, ScopeSeparator: p.ScopeSeparator, JSONBody: p.TokenBody == "json",
		SeparateRefresh: p.RefreshURL != "" && p.RefreshURL != p.TokenURL, NoRevocation: p.RevocationURL == "" && p.Issuer == "", IncludeGranted: google}
	if google {
		h.RefreshTokens, h.RevokeTakes, h.MaxRefresh = demo.RefreshOnConsent, demo.RevokeTakesGrant, 100
	}
	if p.PKCE == "off" {
		h.PKCE = demo.PKCERejected
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
	drop("private_key_jwt", p.ClientAuth == "private_key_jwt", func() { p.ClientAuth = "" })
	drop("client_id_param", p.ClientParam != "", func() { p.ClientParam = "" })
	drop("scope_param", p.ScopeParam != "", func() { p.ScopeParam = "" })
	drop("token_path", p.TokenPath != "", func() { p.TokenPath = "" })
	drop("profile", len(p.Profile) > 0, func() { p.Profile = nil })
	drop("the shape of userinfo", p.UserinfoMethod != "" || p.UserinfoBody != "" || strings.Contains(p.Subject, "."), func() { p.UserinfoMethod, p.UserinfoBody, p.Subject = "", "", "" })
	drop("the shape of revocations", p.RevocationMethod+p.RevocationAuth+p.RevocationBody+p.RevocationParam != "", func() {
		p.RevocationMethod, p.RevocationAuth, p.RevocationBody, p.RevocationParam = "", "", "", ""
		if h.JSONBody { // there, of every endpoint that takes a token
			p.RevocationBody = "json"
		}
	})
	drop("error_field", p.ErrorField != "", func() { p.ErrorField = "" })
	h.SubjectField, h.ClientAuth = p.Subject, p.ClientAuth
	return role{p, h}, left
}

// at is the provider as the demo plays it: its habits, at the demo's addresses.
func (r role) at(d *demo.Demo) oauth.ProviderConfig {
	p := r.provider
	p.ClientID, p.ClientSecret = d.ClientID, secretOf(d.ClientSecret)
	openID := p.Issuer != ""
	p.Issuer, p.Issuers, p.CallbackIssuer = "", nil, ""
	p.AuthorizationURL, p.TokenURL, p.RefreshURL, p.UserinfoURL, p.RevocationURL, p.JWKSURL, p.EndSessionURL, p.RISCURL = "", "", "", "", "", "", "", ""
	if r.habits.SeparateRefresh {
		p.RefreshURL = d.Issuer + "/token/refresh"
	}
	if openID {
		p.Issuer = d.Issuer
		return p
	}
	p.CallbackIssuer = d.Issuer
	p.AuthorizationURL, p.TokenURL, p.UserinfoURL = d.Issuer+"/o/oauth2/v2/auth", d.Issuer+"/token", d.Issuer+"/v1/userinfo"
	if !r.habits.NoRevocation {
		p.RevocationURL = d.Issuer + "/revoke"
	}
	return p
}

// play sets up a stage, plays one scenario on it, and says what happened.
func (r role) play(ctx context.Context, s scenario) (happened string) {
	ctx, cancel := context.WithTimeout(ctx, playTimeout)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "no stage: " + err.Error()
	}
	origin := "http://" + l.Addr().String()
	issued := &issued{}
	d, err := demo.Start(demo.Config{Origin: origin, Provider: r.provider.Name, TokenLifetime: s.lifetime(), Habits: &r.habits, Issued: issued.note})
	if err != nil {
		_ = l.Close()
		return "no stage: " + err.Error()
	}
	defer d.Close()
	cfg := tryConfig(r.at(d))
	cfg.origin, _ = url.Parse(origin) // made above
	cfg.shutdown = 5 * time.Second
	cfg.providers[0].NeedsAPI = true
	cfg.apis = []apiConfig{{provider: r.provider.Name, Config: proxy.Config{Name: "api", Path: "/api/api", Origin: origin, Upstream: d.APIURL,
		Allow: []string{"GET /users/me/calendarList"}, Timeout: 30 * time.Second}}}
	in, err := newInstance(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		_ = l.Close()
		return "no stage: " + err.Error()
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- in.run(running, l, nil) }()
	st := newStage(ctx, d, r.provider.Name, origin)
	happened = s.play(st)
	stop()
	if err := <-ended; err != nil && st.err == nil {
		st.err = err
	}
	switch {
	case st.err != nil:
		return st.err.Error()
	case issued.in(st.received()):
		return happened + ", and a secret reached the browser"
	}
	return happened
}
