package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bff/internal/vault"
)

// An adminRoute is a row of the admin listener: for services, probes and front proxies, never for browsers.
type adminRoute struct {
	methods []string // nil: every method, the address and all below it
	path    string
	caller  caller
	do      func(*ask)
}

// caller says who may ask. The zero caller is nobody.
type caller int

const (
	prober  caller = iota + 1 // whoever reaches the listener, but no web page
	service                   // one of Config.Clients, with its secret in a form (RFC 6749 section 2.3.1)
	proxied                   // the front proxy, with a browser's headers
)

// An ask is one request to the admin listener.
type ask struct {
	w      http.ResponseWriter
	r      *http.Request
	form   url.Values // of a service
	client Client     // of a service
}

func (s *Server) adminRoutes() []adminRoute {
	return []adminRoute{
		{[]string{"GET"}, "/healthz", prober, func(a *ask) { a.text(http.StatusOK, "ok") }},
		{[]string{"GET"}, "/readyz", prober, s.ready},
		{[]string{"GET"}, "/metrics", prober, func(a *ask) { s.metrics.scrape.ServeHTTP(a.w, a.r) }},
		{[]string{"POST"}, "/introspect", service, s.introspect},
		{[]string{"POST"}, "/token", service, s.exchange},
		{nil, "/verify", proxied, s.verify},
	}
}

// adminHandler is the admin listener.
func (s *Server) adminHandler() http.Handler {
	rows := s.adminRoutes()
	for _, row := range rows {
		if row.caller == 0 || row.do == nil {
			panic("api: an admin route without a policy: " + row.path)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		for _, row := range rows {
			if r.URL.Path == row.path || row.methods == nil && strings.HasPrefix(r.URL.Path, row.path+"/") {
				s.serveAdmin(w, r, row)
				return
			}
		}
		writeProblem(w, r, newProblem(codeNotFound))
	})
}

func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request, row adminRoute) {
	watch := &statusWriter{ResponseWriter: w}
	defer func() { s.metrics.request(row.path, watch.status) }()
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if row.methods != nil && !slices.Contains(row.methods, method) {
		p := newProblem(codeMethodNotAllowed)
		p.allow = strings.Join(row.methods, ", ")
		writeProblem(watch, r, p)
		return
	}
	// A page that made a name of its own point here (DNS rebinding) would read metrics as "same-origin". A person who typed the address is "none".
	if site := r.Header["Sec-Fetch-Site"]; row.caller != proxied && len(site) > 0 && (len(site) > 1 || site[0] != "none") {
		writeProblem(watch, r, newProblem(codeCSRFRejected).because("This listener is not for browsers."))
		return
	}
	r.Body = http.MaxBytesReader(watch, r.Body, bodyLimit)
	a := &ask{w: watch, r: r}
	if row.caller == service {
		if e := s.identify(a); e != nil {
			a.refuse(e)
			return
		}
	}
	row.do(a)
}

// identify reads a service's form and finds out which service it is.
func (s *Server) identify(a *ask) *tokenError {
	form, e := readForm(a.r)
	if e != nil {
		return e
	}
	a.form = form
	a.client, e = s.authenticate(a.r, form)
	return e
}

// ready says whether the instance can serve: the store answers, and nobody asked it to stop.
func (s *Server) ready(a *ask) {
	select {
	case <-s.draining:
		a.text(http.StatusServiceUnavailable, "draining")
		return
	default:
	}
	ctx, cancel := context.WithTimeout(a.r.Context(), time.Second)
	defer cancel()
	if err := s.cfg.Vault.Ping(ctx); err != nil {
		a.text(http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	a.text(http.StatusOK, "ok")
}

func (a *ask) text(status int, line string) {
	a.write(status, "text/plain; charset=utf-8", []byte(line+"\n"))
}

func (a *ask) json(status int, v any) {
	body, _ := json.Marshal(v) // plain fields: it cannot fail
	a.write(status, "application/json", body)
}

func (a *ask) write(status int, kind string, body []byte) {
	h := a.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	a.w.WriteHeader(status)
	if a.r.Method != http.MethodHead {
		_, _ = a.w.Write(body)
	}
}

// A tokenError is an error answer of RFC 6749 section 5.2. Its texts are constants.
type tokenError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	BFFError    code   `json:"bff_error,omitempty"` // the same in the words of the browsers' listener, where there is one
	retry       time.Duration
	challenge   bool
}

func invalid(description string) *tokenError {
	return &tokenError{status: http.StatusBadRequest, Code: "invalid_request", Description: description}
}

func (a *ask) refuse(e *tokenError) {
	if e.retry > 0 {
		a.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.retry.Seconds())))))
	}
	if e.challenge {
		a.w.Header().Set("WWW-Authenticate", `Basic realm="bff", charset="UTF-8"`)
	}
	a.json(e.status, e)
}

// storeError is what a service is told about an error of the vault: never that a session is not there when nobody knows.
func (s *Server) storeError(err error) *tokenError {
	if errors.Is(err, vault.ErrUnavailable) || errors.Is(err, context.Canceled) {
		return &tokenError{status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "the session store does not answer",
			BFFError: codeStoreUnavailable, retry: time.Second}
	}
	s.cfg.Log.Error("unexpected error", "error", err)
	return &tokenError{status: http.StatusInternalServerError, Code: "server_error", BFFError: codeInternal}
}

// readForm reads a form strictly: its content type, nothing in the address, no parameter twice (RFC 6749 section 3.2).
func readForm(r *http.Request) (url.Values, *tokenError) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, invalid("the content type must be application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, invalid("parameters belong into the body: addresses end up in logs")
	}
	body, err := io.ReadAll(r.Body) // bounded by the caller
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &tokenError{status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "the body is too large", BFFError: codeBodyTooLarge}
		}
		return nil, invalid("the body broke off")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid("the form is malformed")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, invalid("a parameter is repeated")
		}
		if values[0] == "" { // without a value: as if it were not there
			delete(form, name)
		}
	}
	return form, nil
}
