package devsite

import (
	"strings"

	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// An imitation is a provider as the demo can have it: its configuration for bff, and the demo's habits.
type imitation struct {
	provider providers.Config
	habits   provider.Habits
}

// imitate finds the demo's habits for a provider. left names what the demo cannot imitate.
func imitate(p providers.Config) (r imitation, left []string) {
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
	return imitation{p, h}, left
}

// at is the provider as the demo imitates it: its configuration, at the demo's addresses.
func (r imitation) at(d *demo.Demo) providers.Config {
	p := r.provider
	p.Client.ID, p.Client.Secret = d.ClientID, secret.New(d.ClientSecret)
	openID := p.Issuer != ""
	p.Issuer, p.Issuers, p.CallbackIssuer = "", nil, ""
	p.Authorization.URL, p.Token.URL, p.Token.RefreshURL, p.Userinfo.URL, p.Revocation.URL, p.JWKSURL, p.EndSessionURL, p.RISCURL = "", "", "", "", "", "", "", ""
	if r.habits.SeparateRefresh {
		p.Token.RefreshURL = d.Issuer + "/token/refresh"
	}
	if openID {
		p.Issuer = d.Issuer
		return p
	}
	p.CallbackIssuer = d.Issuer
	p.Authorization.URL, p.Token.URL, p.Userinfo.URL = d.Issuer+"/o/oauth2/v2/auth", d.Issuer+"/token", d.Issuer+"/v1/userinfo"
	if !r.habits.NoRevocation {
		p.Revocation.URL = d.Issuer + "/revoke"
	}
	return p
}
