package devsite

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/api/frontend"
	"bff/internal/demo"
	"bff/web"
)

// policy is what the demo app may do: load from here, call here, nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: " +
	"blob:; font-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// A site is the frontend of `bff dev`: the demo app, and the demo's control below /demo/. `bff serve` has no way to it.
type site struct {
	demo    *demo.Demo
	bff     http.Handler // the browser's side of bff itself, set before anything is served
	origin  string
	host    string
	cookie  string
	files   http.Handler
	control http.Handler

	own      http.Handler // the operator's frontend; nil: the demo app
	provider string       // at which a sign-in without a browser is
}

func newSite(d *demo.Demo, origin, cookie string) *site {
	s := &site{
		demo:     d,
		origin:   origin,
		host:     strings.TrimPrefix(origin, "http://"),
		cookie:   cookie,
		files:    frontend.Static(web.Demo()),
		provider: "demo",
	}
	s.control = d.Control(demo.Hooks{Who: s.who, SignIn: s.signIn})
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	switch {
	case strings.HasPrefix(r.URL.Path, "/demo/"):
		s.control.ServeHTTP(w, r)
		return
	case r.Host != s.host && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		// As localhost it would be another site than the one the provider sends people back to.
		h.Set("Location", s.origin+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	if s.own != nil {
		s.own.ServeHTTP(w, r)
		return
	}
	setPolicy(h)
	s.files.ServeHTTP(w, r)
}

// setPolicy is what every page of the demo's own carries.
func setPolicy(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
}

// ask makes a request of bff inside the process, in the name of the caller.
func (s *site) ask(
	ctx context.Context,
	caller *http.Request,
	target, site string,
	cookies []*http.Cookie,
) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.origin+target, nil)
	if err != nil {
		return nil, err
	}
	r.RequestURI, r.RemoteAddr = target, caller.RemoteAddr
	r.Header.Set("User-Agent", caller.UserAgent())
	r.Header.Set("Sec-Fetch-Site", site)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	a := &answer{header: http.Header{}}
	s.bff.ServeHTTP(a, r)
	return a, nil
}

// who tells the demo which of its people is signed in.
func (s *site) who(r *http.Request) string {
	a, err := s.ask(r.Context(), r, "/bff/session?touch=false", "same-origin", r.CookiesNamed(s.cookie))
	if err != nil {
		return ""
	}
	var session struct {
		User struct {
			Subject string `json:"subject"`
		} `json:"user"`
	}
	_ = json.Unmarshal(a.body.Bytes(), &session) // what is no session is nobody
	return session.User.Subject
}

// maxHops is how often a sign-in goes to the provider: once, and again when it takes consent to get a refresh token.
const maxHops = 2

// signIn answers POST /demo/sign-in: it goes through a whole sign-in as a person would (login, the provider's pages,
// callback) and hands its cookie to the caller. It is for end-to-end tests of apps built on bff, which need a session
// and no browser to get it.
func (s *site) signIn(w http.ResponseWriter, r *http.Request, person string) {
	a, err := s.ask(r.Context(), r, "/bff/login/"+s.provider, "same-origin", r.CookiesNamed(s.cookie))
	for range maxHops {
		if err != nil || !strings.HasPrefix(a.header.Get("Location"), s.demo.Issuer+"/") {
			break
		}
		var back string
		if back, err = s.demo.Approve(a.header.Get("Location"), person); err != nil {
			break
		}
		var u *url.URL
		if u, err = url.Parse(back); err != nil {
			break
		}
		a, err = s.ask(r.Context(), r, u.RequestURI(), "cross-site", a.cookies())
	}
	if err == nil {
		for _, c := range a.cookies() {
			if c.Name == s.cookie && c.Value != "" {
				http.SetCookie(w, c)
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte(`{"error":"the sign-in did not work; is the provider switched off?"}` + "\n"))
}

// A answer is what bff answered inside the process.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// cookies are those that were set and not taken away.
func (a *answer) cookies() []*http.Cookie {
	var out []*http.Cookie
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.MaxAge >= 0 {
			out = append(out, c)
		}
	}
	return out
}
