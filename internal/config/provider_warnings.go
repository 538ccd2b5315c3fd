package config

import (
	"slices"

	"bff/internal/oauth/providers"
)

// ProviderWarnings returns what a provider says that works as written and may not be meant.
func ProviderWarnings(p providers.Config) []string {
	var all []string
	reasons := wordsOf("refused_refresh.reason")
	for _, code := range sortedKeys(p.Token.GrantErrors) {
		if reason := p.Token.GrantErrors[code]; !slices.Contains(reasons, reason) {
			all = append(all, "`grant_errors` has the reason `"+reason+"`, which bff does not know; write one of "+
				listed(reasons))
		}
	}
	claims := []string{"name", "email", "email_verified", "picture"}
	for _, claim := range sortedKeys(p.Userinfo.Profile) {
		if !slices.Contains(claims, claim) {
			all = append(all, "`profile` has `"+claim+"`, which nothing reads; write one of "+listed(claims))
		}
	}
	if text := nameless(p); text != "" {
		all = append(all, text)
	}
	if p.Token.Rotates == "never" && p.Token.ReuseLeeway > 0 {
		all = append(all, "`reuse_leeway` means nothing beside `rotates: never`; remove one of them")
	}
	if p.Authorization.PKCE == providers.PKCEOff && p.Issuer != "" {
		all = append(all, "`pkce: off` takes a protection away that nearly every OpenID Provider has; remove it unless "+
			"sign-in fails without it")
	}
	if p.Authorization.PKCE == providers.PKCEPlain && p.Issuer != "" {
		all = append(all, "`pkce: plain` puts the verifier into an address, and nearly every OpenID Provider knows S256; "+
			"remove it unless sign-in fails without it")
	}
	return all
}

// nameless says why no answer of the provider can say whose account it is, or "".
func nameless(p providers.Config) string {
	switch {
	case p.Typed() || p.Userinfo.URL != "":
		return ""
	case p.Issuer != "" && slices.Contains(p.Scopes, "openid") && p.Userinfo.Subject != "" && p.Userinfo.Subject != "sub":
		return "`subject` is not read: an ID token says who it is by `sub`; remove it"
	case p.Issuer != "" || p.Authorization.URL == "":
		return "" // by an ID token, or by what is discovered
	case p.Userinfo.Subject == "":
		return "has neither `userinfo_url` nor `subject`, so who signs in must stand as `sub` in the token answer, where " +
			"hardly any provider writes it; write `userinfo_url` and the path of the id in its answer as `subject`"
	}
	return ""
}
