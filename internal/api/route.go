package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"bff/internal/proxy"
	"bff/internal/vault"
)

// A route is a row of the table. Its zero policies are no policies: buildTable refuses them.
type route struct {
	method string
	path   string // a net/http.ServeMux path; everything of it is below /bff
	who    who
	from   from
	do     func(*call) error
}

// who says what a route wants to know of the session.
type who int

const (
	nobody   who = iota + 1 // the session is not looked at
	anybody                 // it is looked at; there may be none
	somebody                // without one: 401
)

// from says from where a request may come; crosssite.go decides.
type from int

const (
	anywhere      from = iota + 1 // reads nothing of a session and changes nothing by itself, or carries its own proof
	reading                       // reads: other origins may send it, but cannot read the answer
	changing                      // changes something, or calls an api
	navigation                    // a person goes there, from any site
	ownNavigation                 // a person goes there, from this origin
)

// routes is the whole surface for browsers, but for the mounts and the frontend.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/bff/session", anybody, reading, s.getSession},
		{"GET", "/bff/login/{provider}", anybody, navigation, s.login},
		{"GET", "/bff/connect/{provider}", somebody, ownNavigation, s.connect},
		{"GET", "/bff/callback/{provider}", nobody, anywhere, s.callback},
		{"POST", "/bff/callback/{provider}", nobody, anywhere, s.callback},
		{"POST", "/bff/logout", anybody, changing, s.logout},
		{"GET", "/bff/connections", somebody, reading, s.listConnections},
		{"DELETE", "/bff/connections/{id}", somebody, changing, s.unlink},
		{"GET", "/bff/sessions", somebody, reading, s.listSessions},
		{"DELETE", "/bff/sessions", somebody, changing, s.endOtherSessions},
		{"DELETE", "/bff/sessions/{id}", somebody, changing, s.endSession},
		{"GET", "/bff/preferences", somebody, reading, s.getPreferences},
		{"PATCH", "/bff/preferences", somebody, changing, s.patchPreferences},
		{"GET", "/bff/events", somebody, reading, s.events},
		{"GET", "/bff/client.js", nobody, anywhere, s.clientScript},
		{"GET", "/bff/account", nobody, anywhere, s.accountPage},
		{"GET", "/bff/account/{file}", nobody, anywhere, s.accountPage},
		{"POST", "/bff/backchannel-logout/{provider}", nobody, anywhere, s.backchannelLogout},
		{"POST", "/bff/security-events/{provider}", nobody, anywhere, s.securityEvents},
	}
}

// bodyLimit bounds what a route of the table reads, in bytes. The proxy has limits of its own.
const bodyLimit = 64 << 10

// A call is one request on its way through the pipeline.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	session *vault.Session // nil: none, or not looked at
}

func (c *call) ctx() context.Context { return c.r.Context() }

// buildTable makes the table a ServeMux of paths; a path knows its methods. Paths it sees are clean, so ServeMux never redirects.
func (s *Server) buildTable() {
	paths := map[string]map[string]route{}
	for _, row := range s.routes() {
		if row.who == 0 || row.from == 0 || row.do == nil {
			panic("api: a route without a policy: " + row.path)
		}
		if paths[row.path] == nil {
			paths[row.path] = map[string]route{}
		}
		paths[row.path][row.method] = row
	}
	s.table = http.NewServeMux()
	for path, methods := range paths {
		s.table.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.serveRoute(w, r, methods) })
	}
	missing := func(w http.ResponseWriter, r *http.Request) { writeProblem(w, r, newProblem(codeNotFound)) }
	s.table.HandleFunc("/bff", missing)
	s.table.HandleFunc("/bff/", missing)
}

// serve is the listener's one entry.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close") // net/http forgets a Content-Length that came along: what follows may be a smuggled request
	}
	if err := proxy.CheckLine(r); err != nil {
		s.metrics.request("refused", http.StatusBadRequest)
		writeProblem(w, r, s.problemOf(err))
		return
	}
	if m := s.mountOf(r); m != nil {
		s.serveMount(w, r, m)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/bff/login/"):
		if s.atHome(w, r) {
			s.table.ServeHTTP(w, r)
		}
	case r.URL.Path == "/bff" || strings.HasPrefix(r.URL.Path, "/bff/"):
		s.table.ServeHTTP(w, r)
	case s.cfg.Frontend != nil:
		if s.atHome(w, r) {
			s.cfg.Frontend.ServeHTTP(w, r)
		}
	default:
		writeProblem(w, r, newProblem(codeNotFound))
	}
}

func (s *Server) serveRoute(w http.ResponseWriter, r *http.Request, methods map[string]route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	row, ok := methods[method]
	if !ok {
		p := newProblem(codeMethodNotAllowed)
		var allow []string
		for m := range methods {
			if allow = append(allow, m); m == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
		slices.Sort(allow)
		p.allow = strings.Join(allow, ", ")
		writeProblem(w, r, p)
		return
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // a callback's address holds a code
	h.Set("X-Frame-Options", "DENY")
	if row.who != nobody {
		h.Set("Cache-Control", "no-store")
		addVary(h, "Cookie") // beside the Origin of CORS
	}
	watch := &statusWriter{ResponseWriter: w}
	c := &call{w: watch, r: r}
	s.answer(c, s.run(c, row.who, row.from, row.do))
	s.metrics.request(row.path, watch.status)
	s.cfg.Log.Debug("request", "method", row.method, "route", row.path, "status", watch.status)
}

// run is the pipeline: cookies, session, who, from where, handler.
func (s *Server) run(c *call, who who, from from, do func(*call) error) error {
	if who != nobody {
		if severalCookies(c.r, s.cfg.Cookie) {
			return newProblem(codeBadRequest).because("There is more than one session cookie.")
		}
		session, err := s.cfg.Vault.Load(c.r)
		switch {
		case err == nil:
			c.session = session
		case !errors.Is(err, vault.ErrNotFound):
			return err
		case who == somebody:
			return s.notSignedIn(c)
		}
	}
	if !s.admits(c.r, from) {
		return newProblem(codeCSRFRejected)
	}
	return do(c)
}

// severalCookies says whether r has more than one cookie of that name. They are parsed only where the name occurs more than once.
func severalCookies(r *http.Request, name string) bool {
	n := 0
	for _, line := range r.Header["Cookie"] {
		n += strings.Count(line, name)
	}
	return n > 1 && len(r.CookiesNamed(name)) > 1
}

// notSignedIn has a fix where it is clear with whom to sign in.
func (s *Server) notSignedIn(c *call) error {
	p := newProblem(codeNotSignedIn)
	if provider := c.r.PathValue("provider"); s.providers[provider].Name != "" {
		p.Provider, p.Fix = provider, fixLogin(provider)
	} else if list := s.cfg.Broker.Providers(); len(list) == 1 {
		p.Fix = fixLogin(list[0].Name)
	}
	return p
}

// answer writes what a handler returned instead of an answer.
func (s *Server) answer(c *call, err error) {
	if err == nil {
		return
	}
	p := s.problemOf(err)
	if p == nil { // whoever has only stopped sending must not take net/http's own empty 200 for an answer
		_ = http.NewResponseController(c.w).SetWriteDeadline(time.Unix(1, 0))
		return
	}
	s.metrics.problem(p.Code)
	writeProblem(c.w, c.r, p)
}

// json answers with v.
func (c *call) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body)
	}
	return nil
}

func (c *call) noContent() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// shared is what every request of the browsers' listener passes first.
func (s *Server) shared(next http.Handler) (http.Handler, error) {
	cors, err := s.cors(next)
	if err != nil {
		return nil, err
	}
	return s.recovered(cors), nil
}

// recovered turns a panic into a 500. What was thrown may hold anything, so its type and the stack are all that is logged.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			thrown := recover()
			if thrown == nil {
				return
			}
			if thrown == http.ErrAbortHandler {
				panic(thrown) // the proxy's way to break off an answer that cannot be finished
			}
			s.cfg.Log.Error("panic", "type", fmt.Sprintf("%T", thrown), slog.String("stack", string(debug.Stack())))
			writeProblem(w, r, newProblem(codeInternal))
		}()
		next.ServeHTTP(w, r)
	})
}

// statusWriter remembers the status for metrics.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
