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
	"bff/internal/vault"
)

//go:embed typed.html
var typedText string

var typedTemplate = template.Must(template.Must(template.New("typed").Parse(typedText)).Parse(fieldsText))

// typedForm is where a person types the credential of an account.
type typedForm struct{ values *values }

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

// page has a person type the credential of an account.
func (t *typedForm) page(c *route.Call) error {
	q := c.R.URL.Query()
	old, values, err := t.read(c, q)
	if err != nil {
		return err
	}
	_, wrong, err := t.values.completed(c.R.PathValue("provider"), values)
	if err != nil {
		return err
	}
	return t.show(c, old, values, wrong, q)
}

// read reads which connection is repaired, nil for none, and the variables: those that it has, and those that
// were given.
func (t *typedForm) read(c *route.Call, q url.Values) (old *vault.Connection, values map[string]string, err error) {
	if values, err = chosen(q); err != nil || q.Get("connection") == "" {
		return nil, values, err
	}
	old, ok := c.Session.Connection(q.Get("connection"))
	if !ok || old.Provider != c.R.PathValue("provider") {
		return nil, nil, problem.New(problem.NotConnected)
	}
	values, err = t.values.repaired(values, old)
	return old, values, err
}

// show is the page, with what is wrong of the variables that were sent in q. Variables that the connection has
// are not asked for again.
func (t *typedForm) show(c *route.Call, old *vault.Connection, values, wrong map[string]string, q url.Values) error {
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
	for _, p := range t.values.broker.Providers() {
		if p.Name == name {
			page.Typed, page.Auth = typedWordsFor(page.Lang, p.Title), p.Auth
		}
	}
	page.Fields, page.Bad = t.values.fields(name, values, wrong, page.Words, q.Has)
	if old != nil {
		page.Connection = old.ID
		kept := t.values.goodValues(old)
		page.Fields = slices.DeleteFunc(page.Fields, func(v valueField) bool {
			return kept[strings.TrimPrefix(v.Name, valuePrefix)] != ""
		})
	}
	status := http.StatusOK
	if page.Bad || c.R.Method == http.MethodPost {
		if !takesPage(c.R) {
			return t.values.needsMore(name, "connect", c.R.URL.EscapedPath())
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

// formOf reads the form, in which no field may come twice.
func formOf(c *route.Call) (url.Values, error) {
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
