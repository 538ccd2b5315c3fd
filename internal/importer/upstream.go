package importer

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// upstream says in comments where the API is and what its calls carry.
func (e *entry) upstream() {
	proxy := mapping(e.fields["proxy"])
	if base := textOf(proxy["base_url"]); base != "" {
		e.about = append(e.about, "The API: `upstream: "+e.address(base)+"`")
	}
	headers := mapping(proxy["headers"])
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		e.header(name, textOf(headers[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(mapping(proxy["query"]))) {
		e.left("calls carry the query parameter %s", name)
	}
}

var (
	credential = regexp.MustCompile(`^(\S*)\s*\$\{(accessToken|apiKey)\}$`)
	ofClient   = regexp.MustCompile(`^(\$\{(clientId|clientSecret)\}[: ]?)+$`)
)

// header is one header of calls.
func (e *entry) header(name, value string) {
	if m := credential.FindStringSubmatch(value); m != nil {
		e.carried(name, m[1])
		return
	}
	secret, fixed := "env:"+strings.ToUpper(notInVariable.ReplaceAllString(name, "_")), ""
	if with, without, found := strings.Cut(value, "||"); found && e.operators(with) {
		fixed = strings.TrimSpace(without)
	}
	switch places := strings.Contains(value, "${"); {
	case ofClient.MatchString(value):
		e.say("Calls carry the header %s, made of the client: `headers: {%s: %s}`", name, name, secret)
	case value == "${random}":
		e.say("Callers send the header %s themselves, a new one each time", name)
	case strings.EqualFold(name, "user-agent") && (fixed != "" || !places):
		e.say("Calls say who you are: `headers: {User-Agent: acme-planner (ops@example.com)}`")
	case fixed != "":
		e.say("Calls carry the header %s: `headers: {%s: %q}`", name, name, fixed)
	case e.operators(value) && e.fields["post_connection_script"] == nil:
		e.say("Calls carry the header %s, which is the application's: `headers: {%s: %s}`", name, name, secret)
	case e.secretOf(value):
		e.lacks("the header %s of calls: it is a second secret of the person, and one is kept", name)
	case beyond(value):
		e.lacks("the header %s of calls, made of %s: no key says that", name, value)
	default:
		e.say("Calls carry the header %s: `headers: {%s: %q}`", name, name, e.template(value))
	}
}

// say adds a comment to the file.
func (e *entry) say(format string, args ...any) {
	e.about = append(e.about, fmt.Sprintf(format, args...))
}

// beyond reports whether a text has places that no value of an account can fill.
func beyond(value string) bool {
	return strings.Contains(value, "credentials.") ||
		strings.Contains(value, "${") && !strings.Contains(value, "${connectionConfig.")
}

// carried says in which header calls carry the credential, and behind which word.
func (e *entry) carried(name, word string) {
	switch own := !strings.EqualFold(name, "authorization"); {
	case own && word == "":
		e.say("Calls carry the credential in a header of their own: `header: %s`", name)
	case own:
		e.say("Calls carry the credential in a header of their own: `header: %s`, `scheme: %s`", name, word)
	case word != "" && word != "Bearer":
		e.say("Calls carry the credential behind a word of their own: `scheme: %s`", word)
	}
}

// operators reports whether a text is one value that neither a person nor an answer gives.
func (e *entry) operators(text string) bool {
	m := regexp.MustCompile(`^\$\{connectionConfig\.([^}]*)\}$`).FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return false
	}
	return mapping(mapping(e.fields["connection_config"])[m[1]])["automated"] == true &&
		!slices.Contains(list(e.fields["token_response_metadata"]), m[1]) &&
		!slices.Contains(list(e.fields["redirect_uri_metadata"]), m[1])
}

// tried is the request that tries a key or a password, where the entry names one.
func (e *entry) tried() {
	proxy := mapping(e.fields["proxy"])
	check := mapping(proxy["verification"])
	endpoints, base := list(check["endpoints"]), textOf(proxy["base_url"])
	if len(endpoints) == 0 {
		if one := textOf(check["endpoint"]); one != "" {
			endpoints = []string{one}
		}
	}
	if len(endpoints) == 0 || base == "" {
		e.lacks("`userinfo_url`: nothing tries what was typed before it is kept")
		return
	}
	e.put("userinfo_url", e.address(strings.TrimSuffix(base, "/")+"/"+strings.TrimPrefix(endpoints[0], "/")))
	if m := textOf(check["method"]); m == "POST" {
		e.put("userinfo_method", m)
	}
	headers := mapping(proxy["headers"])
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		scheme, key, _ := strings.Cut(textOf(headers[name]), "${apiKey}")
		switch {
		case key != "" || !strings.Contains(textOf(headers[name]), "${apiKey}"):
		case !strings.EqualFold(name, "authorization"):
			e.put("userinfo_token_header", name)
		case strings.TrimSpace(scheme) != "Bearer" && strings.TrimSpace(scheme) != "":
			e.put("userinfo_token_scheme", strings.TrimSpace(scheme))
		}
	}
}
