package signin

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// valuePrefix is in front of a variable's name in an address and in a form.
const valuePrefix = "var."

// Of the variables of one request.
const (
	maxChosen     = 16
	maxChosenText = 200 // bytes of one
)

// chosen reads the variables of a query or a form. What is empty is not chosen.
func chosen(q url.Values) (map[string]string, error) {
	var all map[string]string
	for name, values := range q {
		name, is := strings.CutPrefix(name, valuePrefix)
		if !is {
			continue
		}
		value := strings.TrimSpace(values[0])
		switch {
		case len(values) > 1:
			return nil, problem.New(problem.BadRequest).Because("A parameter is repeated.")
		case len(name) > maxChosenText || len(all) >= maxChosen:
			return nil, problem.New(problem.BadRequest).Because("There are too many variables, or one has too long a name.")
		case value == "":
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all, nil
}

// settle completes what a person chose. asked is true when the answer is a page that asks for what is missing or
// wrong.
func (f *Flow) settle(c *route.Call, in *oauth.Begin) (asked bool, err error) {
	values, wrong := f.cfg.Broker.Values(in.Provider, in.Values)
	for _, why := range wrong {
		if why == oauth.WrongUnknown {
			return false, problem.New(problem.BadRequest).Because("A variable is none that a person chooses for this provider.")
		}
	}
	if len(wrong) > 0 {
		return true, f.ask(c, in, wrong)
	}
	in.Values = values
	return false, nil
}

// repairs has the linking of an account be that of a connection: its values are those that it has.
func (f *Flow) repairs(in *oauth.Begin, conn *vault.Connection) error {
	own := f.cfg.Broker.OwnValues(conn)
	for name, value := range in.Values {
		if kept, ok := own[name]; ok && !strings.EqualFold(kept, value) {
			return problem.New(problem.BadRequest).Because(
				"The connection to be repaired is of another place than the variables name. Link a new account instead.")
		}
	}
	for name, value := range own {
		if in.Values == nil {
			in.Values = map[string]string{}
		}
		in.Values[name] = value
	}
	return nil
}

//go:embed values.html
var valuesText string

var valuesPage = template.Must(template.New("values").Parse(valuesText))

// valuesPolicy says nothing of where forms lead: a browser holds every redirect of the provider's own sign-in to it.
// What the page has of a request is escaped, and there is no script.
const valuesPolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"

// valuesWords are the texts of the page.
type valuesWords struct{ Title, Intro, Missing, Wrong, Summary, Go, Back string }

func wordsFor(r *http.Request) (lang string, w valuesWords) {
	if prefersGerman(r.Header.Get("Accept-Language")) {
		return "de", valuesWords{Title: "Weiter zu", Intro: "Dafür wird noch etwas gebraucht.",
			Missing: "Bitte füllen Sie dieses Feld aus.", Wrong: "Das passt nicht. Bitte prüfen Sie die Schreibweise.",
			Summary: "Bitte prüfen Sie Ihre Eingabe.", Go: "Weiter", Back: "Zurück zur Anwendung"}
	}
	return "en", valuesWords{Title: "Continue to", Intro: "One more thing is needed for that.",
		Missing: "Fill in this field.", Wrong: "This does not fit. Check how it is written.", Summary: "Check what you entered.",
		Go: "Continue", Back: "Back to the application"}
}

// prefersGerman reports whether German stands before English in Accept-Language.
func prefersGerman(accept string) bool {
	for one := range strings.SplitSeq(strings.ToLower(accept), ",") {
		switch tag := strings.TrimSpace(one); {
		case strings.HasPrefix(tag, "de"):
			return true
		case strings.HasPrefix(tag, "en"):
			return false
		}
	}
	return false
}

// A valueField is one variable on the page.
type valueField struct{ Name, Ask, Value, Error string }

// hiddenField is a parameter of the request that the form sends again.
type hiddenField struct{ Name, Value string }

// ask has a person say what an account needs: on a page, or, where a script asks, by a problem whose fix is that
// page.
func (f *Flow) ask(c *route.Call, in *oauth.Begin, wrong map[string]string) error {
	c.W.Header().Add("Vary", "Accept, Accept-Language")
	bad := false
	lang, words := wordsFor(c.R)
	page := struct {
		Lang, Provider, Path string
		Bad                  bool
		Words                valuesWords
		Fields               []valueField
		Hidden               []hiddenField
	}{Lang: lang, Words: words, Path: c.R.URL.Path, Provider: f.title(in.Provider)}
	for _, v := range f.cfg.Broker.Variables(in.Provider) {
		field := valueField{Name: valuePrefix + v.Name, Ask: v.Ask, Value: in.Values[v.Name]}
		switch {
		case wrong[v.Name] == oauth.WrongValue && in.Values[v.Name] != "":
			field.Error, bad = words.Wrong, true
		case wrong[v.Name] == oauth.WrongMissing && c.R.URL.Query().Has(field.Name):
			field.Error, bad = words.Missing, true
		case field.Value == "":
			field.Value = v.Default
		}
		page.Fields = append(page.Fields, field)
	}
	if !takesPage(c.R) {
		p := problem.New(problem.BadRequest).Because("The provider needs to know more before an account can be linked. " +
			"Add it as `var.<name>`, or send the person to the page that asks for it.")
		p.Provider, p.Fix = in.Provider, &problem.Fix{Kind: kindOf(c.R), URL: c.R.URL.RequestURI()}
		return p
	}
	for _, name := range [...]string{"return_to", "login_hint", "prompt", "scopes", "connection", "acr_values",
		"max_age"} {
		if value := c.R.URL.Query().Get(name); value != "" {
			page.Hidden = append(page.Hidden, hiddenField{name, value})
		}
	}
	status := http.StatusOK
	if page.Bad = bad; bad {
		status = http.StatusBadRequest
		c.W.Header().Set("BFF-Error", string(problem.BadRequest))
	}
	var out bytes.Buffer
	if err := valuesPage.Execute(&out, page); err != nil {
		return err
	}
	c.W.Header().Set("Content-Security-Policy", valuesPolicy)
	answer.Body(c.W, c.R, status, "text/html; charset=utf-8", out.Bytes())
	return nil
}

// takesPage reports whether an answer may be a page. A client that says nothing of what it takes, takes one.
func takesPage(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}

func kindOf(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/bff/login/") {
		return "login"
	}
	return "connect"
}

// title is what a provider is called on a page.
func (f *Flow) title(provider string) string {
	for _, p := range f.cfg.Broker.Providers() {
		if p.Name == provider {
			return p.Title
		}
	}
	return provider
}
