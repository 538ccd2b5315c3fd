package signin

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
type typedWords struct {
	Heading, Key, User, Password, Sealed, Link, Back string
	KeyRefused, PasswordRefused                      string // by the provider
	NotMine                                          string // of another account than the one that is repaired
	Unusable, Unavailable, NotStored                 string
}

func typedWordsFor(lang, title string) typedWords {
	if lang == "de" {
		return typedWords{Heading: title + " verknüpfen", Key: "API-Schlüssel", User: "Benutzername", Password: "Passwort",
			Sealed: "Es wird verschlüsselt aufbewahrt und nie wieder angezeigt.", Link: "Verknüpfen", Back: "Abbrechen",
			KeyRefused:      title + " nimmt diesen Schlüssel nicht an. Bitte prüfen Sie, ob er vollständig ist und noch gilt.",
			PasswordRefused: title + " nimmt diesen Benutzernamen mit diesem Passwort nicht an.",
			NotMine:         "Das gehört zu einem anderen Konto als dem, das erneut verknüpft werden soll.",
			Unusable:        "Damit ließ sich kein Konto verknüpfen. Bitte geben Sie es noch einmal ein.",
			Unavailable:     title + " antwortet gerade nicht. Es wurde nichts gespeichert; bitte versuchen Sie es noch einmal.",
			NotStored:       "Es konnte gerade nicht gespeichert werden. Bitte versuchen Sie es noch einmal."}
	}
	return typedWords{Heading: "Link " + title, Key: "API key", User: "User name", Password: "Password",
		Sealed: "It is stored encrypted and never shown again.", Link: "Link", Back: "Cancel",
		KeyRefused:      title + " does not accept this key. Check that it is complete and still valid.",
		PasswordRefused: title + " does not accept this user name with this password.",
		NotMine:         "This belongs to another account than the one to be linked again.",
		Unusable:        "No account could be linked with this. Enter it again.",
		Unavailable:     title + " does not answer at the moment. Nothing was stored; try again.",
		NotStored:       "It could not be stored just now. Try again."}
}

// typedAgain reports whether a person can do something about it in the form.
func typedAgain(why problem.Code) bool {
	switch why {
	case problem.AccessDenied, problem.LoginFailed, problem.WrongAccount, problem.ProviderUnavailable,
		problem.StoreUnavailable:
		return true
	}
	return false
}

// say puts into the page why what was typed was not taken: beside the field where it is what was typed.
func (p *typedPage) say(why problem.Code) {
	w := &p.Typed
	p.Again = why != ""
	switch why {
	case problem.AccessDenied:
		if p.Error = w.PasswordRefused; p.Auth == "api_key" {
			p.Error = w.KeyRefused
		}
	case problem.WrongAccount:
		p.Error = w.NotMine
	case problem.LoginFailed:
		p.Error = w.Unusable
	case problem.ProviderUnavailable:
		p.Alert = w.Unavailable
	case problem.StoreUnavailable:
		p.Alert = w.NotStored
	}
}

// typedAsk is what a person is asked, and why it is asked again.
type typedAsk struct {
	old    *vault.Connection // to be repaired, or nil
	values map[string]string // of variables
	wrong  map[string]string // what is wrong of them
	sent   url.Values        // the query or the form
	why    problem.Code      // what was typed was not taken; "" for nothing
}

// typedPage is what the page shows. Nothing in it is a key or a password.
type typedPage struct {
	Lang, Auth, ReturnTo, Connection, User string
	Alert                                  string // of the whole form
	Error                                  string // of the credential
	Again                                  bool   // the credential alone is to be typed again
	Words                                  valuesWords
	Typed                                  typedWords
	Fields                                 []valueField
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
	return t.show(c, typedAsk{old: old, values: values, wrong: wrong, sent: q})
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

// show is the page, with what is wrong of what was sent. Variables that the connection has are not asked for again.
func (t *typedForm) show(c *route.Call, ask typedAsk) error {
	c.W.Header().Add("Vary", "Accept, Accept-Language")
	page := typedPage{ReturnTo: route.ReturnPath(ask.sent.Get("return_to")), User: ask.sent.Get("username")}
	page.Lang, page.Words = wordsFor(c.R)
	name := c.R.PathValue("provider")
	for _, p := range t.values.broker.Providers() {
		if p.Name == name {
			page.Typed, page.Auth = typedWordsFor(page.Lang, p.Title), p.Auth
		}
	}
	var bad bool
	page.Fields, bad = t.values.fields(name, ask.values, ask.wrong, page.Words, ask.sent.Has)
	if bad {
		page.Alert = page.Words.Summary
	}
	page.say(ask.why)
	if ask.old != nil {
		page.Connection = ask.old.ID
		kept := t.values.goodValues(ask.old)
		page.Fields = slices.DeleteFunc(page.Fields, func(v valueField) bool {
			return kept[strings.TrimPrefix(v.Name, valuePrefix)] != ""
		})
	}
	status := http.StatusOK
	switch {
	case ask.why != "":
		status = problem.New(ask.why).Status
		c.W.Header().Set("BFF-Error", string(ask.why))
	case bad || c.R.Method == http.MethodPost:
		if !takesPage(c.R) {
			return t.values.needsMore(name, "connect", c.R.URL.EscapedPath())
		}
		status = http.StatusBadRequest
		c.W.Header().Set("BFF-Error", string(problem.BadRequest))
	}
	return c.Page(status, typedTemplate, page, typedPolicy)
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
