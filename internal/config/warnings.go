package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"bff/internal/dial"
	"bff/internal/oauth/providers"
)

// A Warning is something that works as written and may not be what the operator wants.
type Warning struct {
	At   Position
	Text string
}

// likeSecret is the name of a header that tends to carry one.
var likeSecret = regexp.MustCompile(`(?i)(key|token|secret|password)$`)

// Warnings returns what works as written and may not be meant, in the order of the file.
func (c *Config) Warnings() []Warning {
	var out []Warning
	add := func(path, format string, args ...any) {
		out = append(out, Warning{c.positions[path], "`" + path + "` " + fmt.Sprintf(format, args...)})
	}
	if c.Session.InMemory() && !dial.Loopback(c.Origin.Hostname()) {
		add(
			"session.store",
			"is a memory that loses every session when the process ends, and that no second instance shares; write a redis:// URL",
		)
	}
	for i, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			add(indexed("trusted_proxies", i), "believes X-Forwarded-For from anyone; list the proxies in front of bff alone")
		}
	}
	if host, _, err := net.SplitHostPort(c.Admin); err == nil && !dial.Loopback(host) {
		add("admin", "is reachable from outside this machine; see to it that no browser reaches it")
	}
	out = append(out, c.CertificateWarnings(time.Now(), certificateOf)...)
	for _, p := range c.Providers {
		c.warnOfProvider(p.Config, add)
	}
	for _, a := range c.APIs {
		c.warnOfAPI(a, add)
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return out
}

func (c *Config) warnOfAPI(a API, add func(string, string, ...any)) {
	if a.Host != "" && c.Secure() && !c.hasFront(a.Host) {
		add(
			"apis."+a.Name+".host",
			"gets no session on https: the cookie belongs to the host of `origin` alone; write `path:`, or make "+
				"the host one of `fronts`",
		)
	}
	if u, err := url.Parse(a.Upstream); err == nil && u.Scheme == "http" && !dial.Loopback(u.Hostname()) &&
		!inner(u.Hostname()) {
		add("apis."+a.Name+".upstream", "is plain http: access tokens cross the network in clear")
	}
	if a.Query != "" {
		add("apis."+a.Name+".query", "puts the token into the address, which logs on the way and at the API keep; write `header:` "+
			"where the API takes one")
	}
	if len(a.Allow) == 0 {
		add(
			"apis."+a.Name,
			"has nothing on its list, so every call is refused; write `allow:` and below it patterns such as `- GET /users/me/calendarList`",
		)
	}
	for _, h := range a.literal {
		if likeSecret.MatchString(h) {
			add(
				"apis."+a.Name+".headers."+h,
				"looks like a secret that stands in the file; write `%s: env:%s`",
				h,
				VariableFor(a.Name, "KEY"),
			)
		}
	}
	for i, pattern := range a.Allow {
		if text := loose(pattern); text != "" {
			add(indexed("apis."+a.Name+".allow", i), "(%s) %s", pattern, text)
		}
	}
}

// hasFront reports whether a host is that of a front.
func (c *Config) hasFront(host string) bool {
	return slices.ContainsFunc(c.Fronts, func(f Front) bool { return f.Origin.Host == host })
}

func (c *Config) warnOfProvider(p providers.Config, add func(string, string, ...any)) {
	path := "providers." + p.Name
	if p.Client.ID == PlaceholderID {
		add(path+".client_id", "is what `bff init` wrote; write the id that the provider gave this client")
	}
	for _, text := range ProviderWarnings(p) {
		add(path, "%s", text)
	}
	plain := func(s string) bool { return slices.Contains([]string{"openid", "email", "profile"}, s) }
	if p.Issuer == "https://accounts.google.com" && p.NeedsAPI {
		add(
			path,
			"is in Google's hands: while the consent screen is in testing, refresh tokens end after 7 days, unless only name, email and profile are asked for",
		)
		return
	}
	if _, builtin := providers.Builtin(p.Name); !builtin && p.Issuer != "" && p.NeedsAPI &&
		!slices.Contains(p.Scopes, "offline_access") &&
		len(p.Authorization.Params) == 0 {
		add(
			path,
			"asks for no `offline_access`, without which most OpenID Providers give no refresh token: calls to an api would work until the first access token expires",
		)
	}
	if !slices.ContainsFunc(p.Scopes, plain) && p.Issuer != "" {
		add(path, "asks for no `email` or `profile`: people will be shown without a name")
	}
}

// inner says whether a host is of a network of one's own: an address that is never routed, or a name without a dot.
func inner(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsPrivate() || err != nil && !strings.Contains(host, ".")
}

var colonSegment = regexp.MustCompile(`/:([A-Za-z_][A-Za-z0-9_]*)`)

// loose says why a pattern of an allow-list allows more than it seems to, or "".
func loose(pattern string) string {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	if m := colonSegment.FindStringSubmatch(path); m != nil {
		return "has a segment `:" + m[1] + "`, which is taken to the letter; write `{" + m[1] + "}` for any value"
	}
	if strings.Contains(path, "*") {
		return "has a `*`, which is taken to the letter; write `{name}` for one segment, or `{rest...}` at the end for all the rest"
	}
	last := strings.ToLower(path[strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1:])
	switch {
	case strings.Contains(last, "graphql"):
		return "is a GraphQL endpoint: the query decides what is called, and no allow-list of paths sees it"
	case strings.Contains(strings.ToLower(path), "batch"):
		return "carries many calls in one: no allow-list of paths sees them"
	case strings.HasSuffix(path, "...}") || strings.HasSuffix(path, "/"):
		return "allows everything below it, also what the API adds later; list what the frontend needs"
	case method == "":
		return "allows every method, DELETE too; write the ones the frontend needs"
	}
	return ""
}
