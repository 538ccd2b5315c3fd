package route

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
	"bff/internal/audit"
	"bff/internal/vault"
)

// A Call is one request on its way through the pipeline.
type Call struct {
	W       http.ResponseWriter
	R       *http.Request
	Row     *Row
	Front   *Front         // the origin it came to; nil on the admin listener
	Session *vault.Session // nil: none, or not looked at
	Client  *Client        // of ClientForm and ClientBasic rows
	Pattern string         // of a mount's allow-list: the one that let the call through
	Form    url.Values     // of ClientForm rows, without parameters that have no value
	audit   audit.Recorder // see Record
}

// As has what the call does from here on recorded as done by a.
func (c *Call) As(a audit.Actor) { c.R = c.R.WithContext(audit.As(c.R.Context(), a)) }

// acting says who is behind the call: the client, else the person who is signed in.
func (c *Call) acting() {
	switch {
	case c.Client != nil:
		c.As(audit.Actor{Kind: audit.ByClient, Name: c.Client.Name})
	case c.Session != nil:
		c.As(audit.Actor{Kind: audit.ByUser, Name: c.Session.User.ID})
	}
}

// Ctx is the request's context.
func (c *Call) Ctx() context.Context { return c.R.Context() }

// JSON answers with v.
func (c *Call) JSON(status int, v any) error {
	if err := answer.JSON(c.W, c.R, status, v); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return nil
}

// Document answers with JSON that is encoded already.
func (c *Call) Document(doc []byte) error {
	answer.Body(c.W, c.R, http.StatusOK, "application/json", doc)
	return nil
}

// Page answers with a page of bff's own, under a content security policy. With an error nothing is written.
func (c *Call) Page(status int, page *template.Template, of any, policy string) error {
	var out bytes.Buffer
	if err := page.Execute(&out, of); err != nil {
		return err
	}
	c.W.Header().Set("Content-Security-Policy", policy)
	answer.Body(c.W, c.R, status, "text/html; charset=utf-8", out.Bytes())
	return nil
}

// Text answers with one line.
func (c *Call) Text(status int, line string) error {
	answer.Text(c.W, c.R, status, line)
	return nil
}

// Empty answers with a status and no body.
func (c *Call) Empty(status int) error {
	c.W.WriteHeader(status)
	return nil
}

// Redirect answers with a Location that bff built.
func (c *Call) Redirect(to string, status int) error {
	answer.Redirect(c.W, to, status)
	return nil
}

// NotSignedIn is the answer to a call that needs a session, with a fix where it is clear with whom to sign in.
func (c *Call) NotSignedIn(providers []string) *problem.Problem {
	p := problem.New(problem.NotSignedIn)
	switch named := c.R.PathValue("provider"); {
	case c.Row != nil && c.Row.Fix != "":
		p.Provider, p.Fix = c.Row.Fix, problem.FixLogin(c.Row.Fix)
	case named != "" && slices.Contains(providers, named):
		p.Provider, p.Fix = named, problem.FixLogin(named)
	case len(providers) == 1:
		p.Fix = problem.FixLogin(providers[0])
	}
	return p
}

// Status is that of the answer, 0 before it and for a connection that is no longer one of HTTP.
func (c *Call) Status() int {
	if w, ok := c.W.(*statusWriter); ok {
		return w.status
	}
	return 0
}

// statusWriter keeps the status for metrics.
type statusWriter struct {
	http.ResponseWriter
	status int
	body   *body // nil: there is none, or it is Carried
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		w.body.answering(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
