package signin

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

//go:embed typed.html
var typedText string

var typedTemplate = template.Must(template.Must(template.New("typed").Parse(typedText)).Parse(fieldsText))

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
	old, values, err := f.typedValues(c, form)
	if err != nil {
		return err
	}
	var wrong map[string]string
	if in.Values, wrong, err = f.completed(provider, values); err != nil {
		return err
	} else if len(wrong) > 0 {
		return f.showTyped(c, old, values, wrong, form)
	}
	if old != nil {
		in.Subject = old.Account.Subject
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

// typedWords are the texts of the page beside those of [valuesWords].
type typedWords struct{ Heading, Key, User, Password, Sealed, Link string }

func typedWordsFor(lang, title string) typedWords {
	if lang == "de" {
		return typedWords{Heading: title + " verknüpfen", Key: "API-Schlüssel", User: "Benutzername", Password: "Passwort",
			Sealed: "Es wird verschlüsselt aufbewahrt und nie wieder angezeigt.", Link: "Verknüpfen"}
	}
	return typedWords{Heading: "Link " + title, Key: "API key", User: "User name", Password: "Password",
		Sealed: "It is stored encrypted and never shown again.", Link: "Link"}
}

// typedPage has a person type the credential of an account.
func (f *Flow) typedPage(c *route.Call) error {
	q := c.R.URL.Query()
	old, values, err := f.typedValues(c, q)
	if err != nil {
		return err
	}
	_, wrong, err := f.completed(c.R.PathValue("provider"), values)
	if err != nil {
		return err
	}
	return f.showTyped(c, old, values, wrong, q)
}

// typedValues reads which connection is repaired, nil for none, and the variables: those that it has, and those that
// were given.
func (f *Flow) typedValues(c *route.Call, q url.Values) (old *vault.Connection, values map[string]string, err error) {
	if values, err = chosen(q); err != nil || q.Get("connection") == "" {
		return nil, values, err
	}
	old, ok := c.Session.Connection(q.Get("connection"))
	if !ok || old.Provider != c.R.PathValue("provider") {
		return nil, nil, problem.New(problem.NotConnected)
	}
	values, err = f.repaired(values, old)
	return old, values, err
}

// showTyped is the page, with what is wrong of the variables that were sent in q. Variables that the connection has
// are not asked for again.
func (f *Flow) showTyped(c *route.Call, old *vault.Connection, values, wrong map[string]string, q url.Values) error {
	c.W.Header().Add("Vary", "Accept, Accept-Language")
	page := struct {
		Lang, Auth, ReturnTo, Connection string
		Bad                              bool
		Words                            valuesWords
		Typed                            typedWords
		Fields                           []valueField
	}{ReturnTo: route.ReturnPath(q.Get("return_to"))}
	page.Lang, page.Words = wordsFor(c.R)
	name := c.R.PathValue("provider")
	for _, p := range f.cfg.Broker.Providers() {
		if p.Name == name {
			page.Typed, page.Auth = typedWordsFor(page.Lang, p.Title), p.Auth
		}
	}
	page.Fields, page.Bad = f.fields(name, values, wrong, page.Words, q.Has)
	if old != nil {
		page.Connection = old.ID
		kept := f.goodValues(old)
		page.Fields = slices.DeleteFunc(page.Fields, func(v valueField) bool {
			return kept[strings.TrimPrefix(v.Name, valuePrefix)] != ""
		})
	}
	status := http.StatusOK
	if page.Bad || c.R.Method == http.MethodPost {
		if !takesPage(c.R) {
			return f.needsMore(name, "connect", c.R.URL.EscapedPath())
		}
		status = http.StatusBadRequest
		c.W.Header().Set("BFF-Error", string(problem.BadRequest))
	}
	var out bytes.Buffer
	if err := typedTemplate.Execute(&out, page); err != nil {
		return err
	}
	c.W.Header().Set("Content-Security-Policy", typedPolicy)
	answer.Body(c.W, c.R, status, "text/html; charset=utf-8", out.Bytes())
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
