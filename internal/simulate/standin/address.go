package standin

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bff/internal/oauth/providers"
)

// addresses say what a request is for.
type addresses struct {
	*played
	grants *Grants
	people *People
}

// addressesOf is where the endpoints of a file are.
func addressesOf(f *providers.Config) map[Endpoint]string {
	urls := map[Endpoint]string{Authorization: f.Authorization.URL, Token: f.Token.URL, Refresh: f.Token.RefreshURL,
		Userinfo: f.Userinfo.URL, Revocation: f.Revocation.URL, EndSession: f.EndSessionURL, Keys: f.JWKSURL, RISC: f.RISCURL,
		LongLived: f.Shapes.LongLivedURL}
	if f.Issuer != "" {
		base := strings.TrimSuffix(f.Issuer, "/")
		urls[Discovery] = base + "/.well-known/openid-configuration"
		read := f.Authorization.URL == "" || f.Token.URL == "" || f.JWKSURL == "" // else nobody reads the metadata
		for _, e := range []Endpoint{Authorization, Token, Userinfo, Revocation, EndSession, Keys} {
			if urls[e] == "" && read {
				urls[e] = base + "/simulated/" + strings.ReplaceAll(string(e), " ", "-")
			}
		}
	}
	maps.DeleteFunc(urls, func(_ Endpoint, u string) bool { return u == "" })
	return urls
}

// recordedAddress has a recorded request say where the authorization endpoint is, and what stands between scopes.
func recordedAddress(answers *Answers, file *providers.Config) *providers.Config {
	if answers == nil || answers.Authorization == "" {
		return file
	}
	u, err := url.Parse(answers.Authorization)
	if err != nil || u.Host == "" {
		return file
	}
	f, param := *file, cmp.Or(file.Authorization.ScopeParam, "scope")
	if i := strings.IndexAny(u.Query().Get(param), " ,;|+"); i > 0 {
		f.Authorization.ScopeSeparator = u.Query().Get(param)[i : i+1]
	}
	if f.Authorization.URL != "" {
		u.RawQuery, u.Fragment = "", ""
		f.Authorization.URL = u.String()
	}
	return &f
}

// endpoint says what a request is for.
func (s *addresses) endpoint(r *http.Request, in request) (Endpoint, bool) {
	if r.Host == APIHost {
		return API, true
	}
	renewal := s.grants.isRenewal(in)
	for _, e := range []Endpoint{Refresh, LongLived, Token, Userinfo, Revocation, Discovery, Keys, RISC, EndSession, Authorization} {
		if !s.matches(s.urls[e], r.Host, r.URL) {
			continue
		}
		switch {
		case e == Refresh && !renewal: // where both are one address
			continue
		case e == LongLived && !s.grants.isShort(in): // it may be the token endpoint's own address
			continue
		case e == Token && renewal && s.urls[Refresh] == "":
			return Refresh, true
		case (e == Token || e == Userinfo) && s.urls[e] == s.urls[Revocation] && !in.grants():
			continue
		}
		return e, true
	}
	return "", false
}

// matches compares an address with a request: host, path, and the parameters that the address has itself.
func (s *addresses) matches(address, host string, to *url.URL) bool {
	if address == "" {
		return false
	}
	address = strings.ReplaceAll(address, "{client_id}", ClientID)
	if before, after, ok := strings.Cut(address, "{subject}"); ok { // of somebody
		path := schemeOf(address) + host + to.EscapedPath()
		id, found := strings.CutSuffix(strings.TrimPrefix(path, before), after)
		return strings.HasPrefix(path, before) && found && s.knows(unescape(id))
	}
	before, after, wild := strings.Cut(address, "{token}")
	if wild {
		full := schemeOf(address) + host + to.EscapedPath()
		if to.RawQuery != "" {
			full += "?" + to.RawQuery
		}
		return strings.HasPrefix(full, before) && strings.HasSuffix(full, after)
	}
	u, err := url.Parse(before)
	if err != nil || !strings.EqualFold(u.Host, host) || cleanPath(u) != cleanPath(to) {
		return false
	}
	sent := to.Query()
	for name, values := range u.Query() {
		if !slices.Equal(sent[name], values) {
			return false
		}
	}
	return true
}

// knows reports whether somebody's account has that id.
func (s *addresses) knows(subject string) bool {
	return subject != "" && s.grants.somebody(func(person string) bool { return s.people.Account(person).Subject == subject })
}

// schemeOf is what an address begins with: plain http is for this machine.
func schemeOf(address string) string {
	if strings.HasPrefix(address, "http://") {
		return "http://"
	}
	return "https://"
}

func cleanPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}
