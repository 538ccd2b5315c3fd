package simulate

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"bff/internal/simulate/standin"
)

// A browser is one person at bff.
type browser struct {
	t      *trial
	person string
	jar    *cookiejar.Jar
}

// browser opens one.
func (t *trial) browser(person string) *browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &browser{t: t, person: person, jar: jar}
}

// request makes one request of bff.
func (b *browser) request(method, target string, form url.Values, headers ...string) *reply {
	t := b.t
	if t.err != nil {
		return &reply{header: http.Header{}}
	}
	if !strings.HasPrefix(target, "https://") {
		target = origin + target
	}
	r, err := http.NewRequestWithContext(t.ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.fail(errors.New("an address is no URL"))
		return &reply{header: http.Header{}}
	}
	r.RemoteAddr, r.RequestURI = "127.0.0.1:40000", r.URL.RequestURI()
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := serve(t.instance.Browser(), r)
	b.jar.SetCookies(r.URL, (&http.Response{Header: w.header}).Cookies())
	return t.read(w)
}

// visit goes somewhere as a person does.
func (b *browser) visit(target, site string) *reply {
	return b.request(http.MethodGet, target, nil, "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1")
}

// through goes to the provider and back, until bff sends nowhere else.
func (b *browser) through(target, kind string, choice standin.Choice) *reply {
	t := b.t
	choice.Person = b.person
	a := b.visit(target, "same-origin")
	for range 3 {
		there := a.header.Get("Location")
		if t.err != nil || !strings.Contains(there, "://") || strings.HasPrefix(there, origin+"/") {
			return a
		}
		provider := t.provider
		if t.lobby != nil && strings.HasPrefix(there, lobbyIssuer) {
			provider = t.lobby
		}
		back, err := provider.Page.Authorize(there, kind, choice)
		if err != nil {
			return &reply{header: http.Header{}} // the person stays on the provider's page
		}
		a = b.arrive(there, back)
		kind = standin.Consent // bff goes there again where it needs a refresh token
	}
	return a
}

// arrive is the way back.
func (b *browser) arrive(there string, back standin.WayBack) *reply {
	u, err := url.Parse(there)
	if err != nil {
		return &reply{header: http.Header{}}
	}
	to := u.Query().Get(cmp.Or(b.t.redirectName, "redirect_uri"))
	if back.Form {
		a := b.request(http.MethodPost, to, back.Query, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate",
			"Sec-Fetch-Dest", "document", "Origin", u.Scheme+"://"+u.Host)
		next, err := u.Parse(to)
		if err != nil {
			return a
		}
		if next, err = next.Parse(a.header.Get("Location")); err == nil && strings.HasPrefix(next.String(), to+"?") {
			return b.visit(next.String(), "cross-site") // the same once more, as a navigation that brings its cookie
		}
		return a
	}
	return b.visit(to+"?"+back.Query.Encode(), "cross-site")
}
