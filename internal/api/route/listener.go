package route

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
	"bff/internal/audit"
	"bff/internal/proxy"
	"bff/internal/telemetry"
	"bff/internal/trace"
	"bff/internal/vault"
)

// bodyLimit bounds what a row reads, in bytes, unless it is Carried.
const bodyLimit = 64 << 10

// A Listener is the handler of one of bff's two listeners. It is safe for concurrent use.
type Listener struct {
	cfg   Config
	sites map[*Front]*site
	stray *site // of hosts that are no front's; on the admin listener, of all
}

// A site is the table as one front has it.
type site struct {
	*Listener
	front *Front // of its calls; nil on the admin listener
	stray bool   // the host is no front's
	table *http.ServeMux
	inner http.Handler
}

// New makes a listener of a table. A row without a policy is an error.
func New(cfg Config) (*Listener, error) {
	if cfg.Audit == nil {
		cfg.Audit = audit.Discard{}
	}
	l := &Listener{cfg: cfg, sites: map[*Front]*site{}}
	paths := map[string]methods{}
	for i := range cfg.Rows {
		row := &cfg.Rows[i]
		if err := row.check(); err != nil {
			return nil, err
		}
		if paths[row.Path] == nil {
			paths[row.Path] = methods{}
		}
		paths[row.Path][row.Method] = row
	}
	if cfg.Fronts == nil {
		l.stray = l.newSite(nil, paths)
		return l, nil
	}
	l.stray = l.newSite(cfg.Fronts.First(), nil)
	l.stray.stray = true
	for _, f := range cfg.Fronts.all {
		s := l.newSite(f, paths)
		inner, err := f.cors(s.inner)
		if err != nil {
			return nil, err
		}
		s.inner, l.sites[f] = inner, s
	}
	return l, nil
}

func (l *Listener) newSite(f *Front, paths map[string]methods) *site {
	s := &site{Listener: l, front: f, table: http.NewServeMux()}
	for path, m := range paths {
		s.table.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.dispatch(w, r, m) })
	}
	s.inner = http.HandlerFunc(s.route)
	return s
}

// site is where a request belongs: its Host chooses the front.
func (l *Listener) site(r *http.Request) *site {
	if l.cfg.Fronts != nil {
		if f := l.cfg.Fronts.At(r.Host); f != nil {
			return l.sites[f]
		}
	}
	return l.stray
}

// ServeHTTP gives the request its id, and turns a panic into a 500. What was thrown may hold anything, so its type
// and the stack are all that is logged.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, span := l.named(w, r)
	if span != nil {
		w = span.Watch(w)
		defer span.End() // after a panic has become an answer
	}
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		if thrown == http.ErrAbortHandler {
			panic(thrown) // the proxy's way to break off an answer that cannot be finished
		}
		l.cfg.Log.ErrorContext(r.Context(), "panic", "type", fmt.Sprintf("%T", thrown),
			slog.String("stack", string(debug.Stack())))
		problem.Write(w, r, problem.New(problem.Internal))
	}()
	l.site(r).inner.ServeHTTP(w, r)
}

// named gives the request its id, which every answer and every log line of it has. A trace context, of whatever
// tracer, counts only from a trusted proxy. What it returns beside the request is its span, nil where it is not recorded.
func (l *Listener) named(w http.ResponseWriter, r *http.Request) (*http.Request, *telemetry.Served) {
	t := trace.Request{ID: trace.NewID()}
	if l.cfg.Peers.Trusts(r) {
		t.Parent, t.State = oneOf(r.Header["Traceparent"]), strings.Join(r.Header["Tracestate"], ",")
	} else {
		trace.Forget(r.Header)
	}
	ctx, span := l.cfg.Traces.Begin(r, t)
	w.Header()[trace.Header] = trace.Field(ctx)
	return r.WithContext(ctx), span
}

// route finds the row of a request: a mount, a row of the table, or the rest.
func (s *site) route(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		// net/http forgets a Content-Length that came along: what follows may be a smuggled request.
		w.Header().Set("Connection", "close")
	}
	check := proxy.CheckLine
	mount := s.mount(r)
	if mount != nil && mount.Line != nil {
		check = mount.Line
	}
	err := check(r)
	if err == nil {
		err = checkLength(r)
	}
	if err != nil {
		s.cfg.Metrics.Request("refused", http.StatusBadRequest)
		refuse(w, r, problem.Of(err))
		return
	}
	if mount != nil {
		s.serve(w, r, mount)
		return
	}
	if s.stray {
		s.misdirected(w, r)
		return
	}
	if _, pattern := s.table.Handler(r); pattern != "" {
		s.table.ServeHTTP(w, r) // it sets the path's values
		return
	}
	if rest := s.cfg.Rest[s.front]; rest != nil && !underBFF(r) {
		s.serve(w, r, rest)
		return
	}
	refuse(w, r, problem.New(problem.NotFound))
}

// mount is the mount that a request is for, or nil.
func (s *site) mount(r *http.Request) *Row {
	switch {
	case s.cfg.Mounts == nil:
		return nil
	case s.stray:
		return s.cfg.Mounts(r, nil)
	}
	return s.cfg.Mounts(r, s.front)
}

// misdirected answers at a host that is no front's. A person who is at another name of this machine is led to the
// first front, as where there is no other.
func (s *site) misdirected(w http.ResponseWriter, r *http.Request) {
	if redirect, _ := s.front.home(r); redirect {
		bounded(w, r).answering(w.Header())
		answer.Redirect(w, s.front.Origin+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return
	}
	s.cfg.Metrics.Request("refused", http.StatusMisdirectedRequest)
	refuse(w, r, problem.New(problem.Misdirected))
}

// refuse answers a request that no row serves.
func refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	bounded(w, r).answering(w.Header())
	problem.Write(w, r, p)
}

// underBFF says whether the address is of bff's own room, where the frontend has nothing.
func underBFF(r *http.Request) bool {
	return r.URL.Path == "/bff" || strings.HasPrefix(r.URL.Path, "/bff/")
}

// dispatch picks a path's row by method.
func (s *site) dispatch(w http.ResponseWriter, r *http.Request, m methods) {
	row := m.row(r.Method)
	if row != nil {
		s.serve(w, r, row)
		return
	}
	p := problem.New(problem.MethodNotAllowed)
	var allow []string
	for method := range m {
		if allow = append(allow, method); method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	p.Allow = strings.Join(allow, ", ")
	refuse(w, r, p)
}

// serve takes one request through the row's policies to its handler, and writes what the handler returned instead of
// an answer.
func (s *site) serve(w http.ResponseWriter, r *http.Request, row *Row) {
	began := time.Now()
	of := &struct { // in one piece of memory
		Call
		statusWriter
	}{statusWriter: statusWriter{ResponseWriter: w}}
	c, watch := &of.Call, &of.statusWriter
	c.W, c.R, c.Row, c.Front, c.audit = watch, r, row, s.front, s.cfg.Audit
	switch {
	case row.Keep != Carried:
		if watch.body = bounded(w, r); watch.body != nil {
			r.Body = http.MaxBytesReader(watch, watch.body, bodyLimit)
		}
		row.Keep.set(w.Header())
	case row.Who == Nobody: // a frontend, the keys: a mount gives bodies up by itself
		watch.body = lasting(w, r)
	}
	s.answer(c, s.run(c))
	if row.After != nil {
		row.After(c, watch.status)
	} else if row != s.cfg.Rest[s.front] {
		s.cfg.Metrics.Request(row.Path, watch.status)
	}
	s.cfg.observed(c, watch.status, began)
}

// run is the pipeline: front, session or client, who, from where, handler.
func (l *Listener) run(c *Call) error {
	if redirect, err := c.atHome(); redirect || err != nil {
		return err
	}
	switch c.Row.Who {
	case Anybody, Somebody:
		if err := l.session(c); err != nil {
			return err
		}
	}
	if c.reloadDue() {
		return c.Reload()
	}
	if !c.admitted() {
		return l.refused(c)
	}
	switch c.Row.Who {
	case ClientForm, ClientBasic:
		if err := l.cfg.Client(c); err != nil {
			return err
		}
	}
	if c.Row.Keep != Carried {
		c.acting()
	}
	return c.Row.Do(c)
}

// atHome leads a person who is at another name of this machine to the origin, and refuses a foreign name.
func (c *Call) atHome() (redirected bool, err error) {
	switch c.Row.From {
	case Navigation, OwnNavigation, Page:
	default:
		return false, nil
	}
	redirect, foreign := c.Front.home(c.R)
	if foreign {
		return false, problem.New(problem.BadRequest).
			Because("The application is not at this address. It is at the configured origin.")
	}
	if redirect {
		return true, c.Redirect(c.Front.Origin+c.R.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
	return false, nil
}

// session reads the session of a call.
func (l *Listener) session(c *Call) error {
	if severalCookies(c.R, c.Front.Cookie) {
		return problem.New(problem.BadRequest).Because("There is more than one session cookie.")
	}
	session, err := l.cfg.Vault.Sessions.LoadAt(c.R, c.Front.Vault())
	switch {
	case err == nil:
		c.Session = session
		c.arrived()
	case !errors.Is(err, vault.ErrNotFound):
		return err
	case c.reloadDue():
	case c.Row.Who == Somebody && c.Row.SignIn && LooksAtPages(c.R):
		if CameBackFailed(c.R.URL.RequestURI()) {
			return c.NotSignedIn(l.cfg.Providers).Because(SignInFailed)
		}
		return toSignIn{SignInURL(l.cfg.Providers, c.R.URL.RequestURI())}
	case c.Row.Who == Somebody:
		return c.NotSignedIn(l.cfg.Providers)
	}
	return nil
}

func (l *Listener) refused(c *Call) error {
	p := problem.New(problem.CSRFRejected)
	if c.Row.From == NoPage {
		p.Because("This listener is not for browsers.")
	}
	return p
}

// severalCookies says whether r has more than one cookie of that name. They are parsed only where the name occurs
// more than once.
func severalCookies(r *http.Request, name string) bool {
	n := 0
	for _, line := range r.Header["Cookie"] {
		n += strings.Count(line, name)
	}
	return n > 1 && len(r.CookiesNamed(name)) > 1
}

// A Responder is an error that has an answer of its own, in another protocol's form.
type Responder interface {
	error
	Respond(*Call) error
}

// answer writes what a handler returned instead of an answer.
func (l *Listener) answer(c *Call, err error) {
	if err == nil {
		return
	}
	if own := (Responder)(nil); errors.As(err, &own) {
		_ = own.Respond(c)
		return
	}
	p := problem.Of(err)
	if p == nil { // whoever has only stopped sending must not take net/http's own empty 200 for an answer
		_ = http.NewResponseController(c.W).SetWriteDeadline(time.Unix(1, 0))
		return
	}
	if p.Code == problem.Internal && !problem.Is(err, problem.Internal) {
		l.cfg.Log.ErrorContext(c.Ctx(), "unexpected error", "error", err)
	}
	l.cfg.Metrics.Problem(p.Code)
	c.recordProblem(p)
	if watch, ok := c.W.(*statusWriter); ok && watch.body == nil {
		watch.body = bounded(c.W, c.R) // a mount's call that was refused
	}
	problem.Write(c.W, c.R, p)
}
