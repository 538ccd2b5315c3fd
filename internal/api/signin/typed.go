package signin

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/secret"
)

//go:embed typed.html
var typedText string

var typedTemplate = template.Must(template.New("typed").Parse(typedText))

// ConnectTyped links an account by what a person typed into a form, or repairs one. What was typed is shown never
// again.
func (f *Flow) ConnectTyped(c *route.Call) error {
	provider := c.R.PathValue("provider")
	if !f.cfg.Broker.Typed(provider) {
		return problem.UnknownProvider()
	}
	if err := f.limit(c); err != nil {
		return err
	}
	form, err := typedForm(c)
	if err != nil {
		return err
	}
	in := oauth.Typed{Provider: provider, APIKey: secret.New(form.Get("api_key")), Username: form.Get("username"),
		Password: secret.New(form.Get("password"))}
	if id := form.Get("connection"); id != "" {
		conn, ok := c.Session.Connection(id)
		if !ok || conn.Provider != provider {
			return problem.New(problem.NotConnected)
		}
		in.Subject = conn.Account.Subject
	}
	to := route.ReturnPath(form.Get("return_to"))
	conn, err := f.cfg.Broker.LinkTyped(c.Ctx(), in)
	if err == nil && in.Subject != "" && conn.Account.Subject != in.Subject {
		err = problem.New(problem.WrongAccount)
	}
	if err == nil {
		_, err = f.cfg.Vault.Link(c.Ctx(), c.Session, conn)
	}
	if err != nil {
		why, ok := f.outcome(err)
		if !ok {
			return nil
		}
		f.cfg.Metrics.Problem(why)
		f.logFailed(c.Ctx(), provider, err)
		to = route.WithError(to, why)
	}
	return c.Redirect(to, http.StatusSeeOther)
}

// typedPolicy lets the page do one thing: send its form here.
const typedPolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// typedPage has a person type the credential of an account.
func (f *Flow) typedPage(c *route.Call) error {
	name, q := c.R.PathValue("provider"), c.R.URL.Query()
	fields := struct{ Title, Auth, ReturnTo, Connection string }{ReturnTo: route.ReturnPath(q.Get("return_to"))}
	for _, p := range f.cfg.Broker.Providers() {
		if p.Name == name {
			fields.Title, fields.Auth = p.Title, p.Auth
		}
	}
	if id := q.Get("connection"); id != "" {
		conn, ok := c.Session.Connection(id)
		if !ok || conn.Provider != name {
			return problem.New(problem.NotConnected)
		}
		fields.Connection = conn.ID
	}
	var page bytes.Buffer
	if err := typedTemplate.Execute(&page, fields); err != nil {
		return err
	}
	c.W.Header().Set("Content-Security-Policy", typedPolicy)
	answer.Body(c.W, c.R, http.StatusOK, "text/html; charset=utf-8", page.Bytes())
	return nil
}

// typedForm reads the form, in which no field may come twice.
func typedForm(c *route.Call) (url.Values, error) {
	if err := c.R.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, problem.New(problem.BadRequest).Because("The form is malformed.")
	}
	for _, values := range c.R.PostForm {
		if len(values) > 1 {
			return nil, problem.New(problem.BadRequest).Because("A field is repeated.")
		}
	}
	return c.R.PostForm, nil
}
