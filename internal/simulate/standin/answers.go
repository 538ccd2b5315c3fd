package standin

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Answers are what a real provider answered, recorded or copied from its documentation. What is not there is made up
// from the provider's file.
type Answers struct {
	Source        string         `yaml:"source,omitempty"`        // where they are from, and when they were read
	Authorization string         `yaml:"authorization,omitempty"` // an example of the address that a browser is sent to
	Callback      string         `yaml:"callback,omitempty"`      // an example of the way back: its query, or the whole address
	Token         *Answer        `yaml:"token,omitempty"`
	Refresh       *Answer        `yaml:"refresh,omitempty"`
	Userinfo      *Answer        `yaml:"userinfo,omitempty"`
	Revocation    *Answer        `yaml:"revocation,omitempty"`
	IDToken       map[string]any `yaml:"id_token,omitempty"` // its claims
	// Tokens is the path of the object with the person's own tokens, where an answer has several.
	Tokens string `yaml:"tokens,omitempty"`
	// RefusedRefresh are answers to a refresh whose grant has ended; Refused are refusals of a code.
	RefusedRefresh []Refusal `yaml:"refused_refresh,omitempty"`
	Refused        []Answer  `yaml:"refused,omitempty"`
	// Account is whose answers these are, as a person reads them. What is left out is not compared.
	Account *Account `yaml:"account,omitempty"`
	// Scopes are those that were granted, by the names by which they are asked for.
	Scopes []string `yaml:"scopes,omitempty"`
}

// An Answer is one HTTP answer.
type Answer struct {
	Status  int               `yaml:"status,omitempty"` // 200 by default
	Headers map[string]string `yaml:"headers,omitempty"`
	Body    any               `yaml:"body,omitempty"` // fields are sent as JSON, a text as it is
}

// A Refusal is an answer to a refresh that ends a connection.
type Refusal struct {
	Answer `yaml:",inline"`
	Reason string `yaml:"reason,omitempty"` // "" for any
}

// An Account is what bff should make of the answers.
type Account struct {
	Subject string `yaml:"subject,omitempty"`
	Name    string `yaml:"name,omitempty"`
	Email   string `yaml:"email,omitempty"`
	Picture string `yaml:"picture,omitempty"`
	// Verified is "true" where the e-mail address is.
	Verified string `yaml:"email_verified,omitempty"`
}

// ParseAnswers reads a file of answers, YAML or JSON, strictly. Its error says where it is wrong.
func ParseAnswers(file []byte) (*Answers, error) {
	var a Answers
	if err := yaml.UnmarshalWithOptions(file, &a, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s", strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if _, err := url.Parse(a.Authorization); err != nil {
		return nil, fmt.Errorf("`authorization` is no address; paste an example of the provider's documentation")
	}
	if _, err := url.ParseQuery(a.callback()); err != nil {
		return nil, fmt.Errorf("`callback` is no query; write it as in `callback: code=abc&state=xyz`")
	}
	for name, answer := range map[string]*Answer{"token": a.Token, "refresh": a.Refresh, "userinfo": a.Userinfo} {
		if answer != nil && answer.Body == nil {
			return nil, fmt.Errorf("`%s` has no `body`; write the recorded answer below `body:`", name)
		}
	}
	return &a, nil
}

// callback is the query of the way back.
func (a *Answers) callback() string {
	_, query, ok := strings.Cut(a.Callback, "?")
	if !ok {
		query = a.Callback
	}
	query, _, _ = strings.Cut(query, "#")
	return query
}

// Played lists what is recorded, and Made what the stand-in makes up.
func (a *Answers) Played() (played, made []string) {
	if a == nil {
		a = &Answers{}
	}
	for _, part := range []struct {
		name  string
		there bool
	}{{"the authorization request", a.Authorization != ""}, {"the callback", a.Callback != ""}, {"the token answer", a.Token != nil},
		{"the answer to a refresh", a.Refresh != nil}, {"userinfo", a.Userinfo != nil || a.IDToken != nil},
		{"the revocation", a.Revocation != nil}, {"the refusal of a dead grant", len(a.RefusedRefresh) > 0},
		{"the refusal of a code", len(a.Refused) > 0}} {
		if part.there {
			played = append(played, part.name)
		} else {
			made = append(made, part.name)
		}
	}
	return played, made
}

// KeepsOld says whether the recorded answer to a refresh brings no new refresh token.
func (a *Answers) KeepsOld() bool {
	return a.Refresh != nil && !hasLeaf(a.Refresh.Body, "refresh_token")
}

// Renews says whether there is a refresh token in the recorded token answer.
func (a *Answers) Renews() bool { return a.Token == nil || hasLeaf(a.Token.Body, "refresh_token") }

// Life is how long the recorded access token lives.
func (a *Answers) Life() (time.Duration, bool) {
	for _, name := range []string{"expires_in"} {
		if s := text(leaf(a.Token.Body, name)); s != "" {
			n, err := strconv.ParseFloat(s, 64)
			return time.Duration(n) * time.Second, err == nil
		}
	}
	return 0, false
}

// leaf finds a value by its name, however deep.
func leaf(v any, name string) any {
	switch v := plain(v).(type) {
	case map[string]any:
		if v[name] != nil {
			return v[name]
		}
		for _, inner := range v {
			if found := leaf(inner, name); found != nil {
				return found
			}
		}
	case []any:
		for _, inner := range v {
			if found := leaf(inner, name); found != nil {
				return found
			}
		}
	}
	return nil
}
