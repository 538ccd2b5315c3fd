package signin

import (
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strings"

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

// values have a person say what accounts of a provider are distinguished by.
type values struct {
	broker  *oauth.Broker
	offered *offered
}

// completed is what a person chose with defaults, or what of it is missing or wrong, by variable.
func (v *values) completed(provider string, given map[string]string) (values, wrong map[string]string, err error) {
	values, wrong = v.broker.Values(provider, given)
	for _, why := range wrong {
		if why == oauth.WrongUnknown {
			return nil, nil, problem.New(problem.BadRequest).Because(
				"A variable is none that a person chooses for this provider.")
		}
	}
	return values, wrong, nil
}

// settle completes what a person chose. asked is true when the answer is a page that asks for what is missing or
// wrong.
func (v *values) settle(c *route.Call, in *oauth.Begin) (asked bool, err error) {
	values, wrong, err := v.completed(in.Provider, in.Values)
	if err != nil {
		return false, err
	}
	if len(wrong) > 0 {
		return true, v.ask(c, in, wrong)
	}
	in.Values = values
	return false, nil
}

// goodValues are those that a connection's person chose and that its provider still takes.
func (v *values) goodValues(conn *vault.Connection) map[string]string {
	own := v.broker.OwnValues(conn)
	_, wrong := v.broker.Values(conn.Provider, own)
	maps.DeleteFunc(own, func(name, _ string) bool { return wrong[name] == oauth.WrongValue })
	return own
}

// repaired are the values with which a connection is repaired: those that it has, with what was given for others.
func (v *values) repaired(given map[string]string, conn *vault.Connection) (map[string]string, error) {
	all := v.goodValues(conn)
	for name, value := range given {
		if kept, ok := all[name]; !ok {
			all[name] = value
		} else if !strings.EqualFold(kept, value) {
			return nil, problem.New(problem.BadRequest).Because(
				"The connection to be repaired is of another place than the variables name. Link a new account instead.")
		}
	}
	return all, nil
}

//go:embed values.html
var valuesText string

//go:embed fields.html
var fieldsText string

var valuesPage = template.Must(template.Must(template.New("values").Parse(valuesText)).Parse(fieldsText))

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
func (v *values) ask(c *route.Call, in *oauth.Begin, wrong map[string]string) error {
	c.W.Header().Add("Vary", "Accept, Accept-Language")
	lang, words := wordsFor(c.R)
	page := struct {
		Lang, Provider, Path string
		Bad                  bool
		Words                valuesWords
		Fields               []valueField
		Hidden               []hiddenField
	}{Lang: lang, Words: words, Path: c.R.URL.Path, Provider: v.offered.title(in.Provider)}
	page.Fields, page.Bad = v.fields(in.Provider, in.Values, wrong, words, c.R.URL.Query().Has)
	if !takesPage(c.R) {
		return v.needsMore(in.Provider, kindOf(c.R), c.R.URL.RequestURI())
	}
	for _, name := range [...]string{"return_to", "login_hint", "prompt", "scopes", "connection", "acr_values",
		"max_age"} {
		if value := c.R.URL.Query().Get(name); value != "" {
			page.Hidden = append(page.Hidden, hiddenField{name, value})
		}
	}
	status := http.StatusOK
	if page.Bad {
		status = http.StatusBadRequest
		c.W.Header().Set("BFF-Error", string(problem.BadRequest))
	}
	return c.Page(status, valuesPage, page, valuesPolicy)
}

// fields are those of a page for a provider's variables, with what is wrong of what was sent. bad says that something
// is.
func (v *values) fields(provider string, values, wrong map[string]string, words valuesWords,
	sent func(name string) bool) (all []valueField, bad bool) {
	for _, one := range v.broker.Variables(provider) {
		field := valueField{Name: valuePrefix + one.Name, Ask: one.Ask, Value: values[one.Name]}
		switch {
		case wrong[one.Name] == oauth.WrongValue && field.Value != "":
			field.Error, bad = words.Wrong, true
		case wrong[one.Name] == oauth.WrongMissing && sent(field.Name):
			field.Error, bad = words.Missing, true
		case field.Value == "":
			field.Value = one.Default
		}
		all = append(all, field)
	}
	return all, bad
}

// needsMore is what a script gets instead of a page with fields: its fix is that page.
func (v *values) needsMore(provider, kind, page string) error {
	p := problem.New(problem.BadRequest).Because("The provider needs to know more before an account can be linked. " +
		"Add it as `var.<name>`, or send the person to the page that asks for it.")
	p.Provider, p.Fix = provider, &problem.Fix{Kind: kind, URL: page}
	return p
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
