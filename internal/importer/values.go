package importer

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"golang.org/x/net/publicsuffix"
)

// expression is a place for a value in that catalogue's texts.
var expression = regexp.MustCompile(`\$\{([^}]*)\}`)

// template turns the places of a text into places of ours. Of alternatives, the first counts.
func (e *entry) template(text string) string {
	first, rest, found := strings.Cut(text, "||")
	if found && expression.MatchString(first) {
		e.fallback(strings.TrimSpace(first), strings.TrimSpace(rest))
	}
	return expression.ReplaceAllStringFunc(strings.TrimSpace(first), func(place string) string {
		inner := expression.FindStringSubmatch(place)[1]
		name, ok := strings.CutPrefix(inner, "connectionConfig.")
		if _, named := mapping(e.fields["connection_config"])[inner]; !ok && !named {
			e.lacks("the place `%s`: only what belongs to a connection can stand there", inner)
			return place
		}
		e.used[name] = true
		return "{" + variable(name) + "}"
	})
}

var notInVariable = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// variable is a name that a value can have here.
func variable(name string) string {
	name = notInVariable.ReplaceAllString(name, "_")
	if strings.HasPrefix(name, "client_") || slices.Contains([]string{"state", "code", "token", "subject", "tid"}, name) {
		return "own_" + name // in braces the bare name means something else
	}
	return name
}

// fallback reads from an alternative without places what its values are where nothing is given.
func (e *entry) fallback(with, without string) bool {
	if expression.MatchString(without) {
		return false
	}
	var names []string
	pattern := ""
	at := 0
	for _, m := range expression.FindAllStringSubmatchIndex(with, -1) {
		pattern += regexp.QuoteMeta(with[at:m[0]]) + "(.+?)"
		names = append(names, strings.TrimPrefix(with[m[2]:m[3]], "connectionConfig."))
		at = m[1]
	}
	found := regexp.MustCompile(`^` + pattern + regexp.QuoteMeta(with[at:]) + `$`).FindStringSubmatch(without)
	if found == nil {
		return false
	}
	for i, name := range names {
		e.given[name] = found[i+1]
	}
	return true
}

// address turns an address, and notes where its values may lead. Where the fallback has another form than the address
// with values, it is what is written.
func (e *entry) address(text string) string {
	with, without, found := strings.Cut(text, "||")
	with, without = strings.TrimSpace(with), strings.TrimSpace(without)
	if found && !expression.MatchString(without) && !e.fallback(with, without) {
		e.lacks("other addresses than %s: write them where an account needs one", without)
		text = without
	}
	turned := e.template(text)
	e.lead(turned)
	return turned
}

var hostOf = regexp.MustCompile(`^https?://([^/?#]+)`)

// base is an address that begins with a value that is one.
var base = regexp.MustCompile(`^\{([A-Za-z0-9_]+)\}`)

// lead notes the patterns of hosts to which the values of an address may lead.
func (e *entry) lead(address string) {
	if m := base.FindStringSubmatch(address); m != nil {
		e.guess(m[1])
		return
	}
	m := hostOf.FindStringSubmatch(address)
	if m == nil || !strings.Contains(m[1], "{") {
		return
	}
	host := m[1]
	for _, name := range slices.Sorted(maps.Keys(e.used)) {
		config := mapping(mapping(e.fields["connection_config"])[name])
		place := "{" + variable(name) + "}"
		if words := list(config["enum"]); strings.Contains(host, place) && len(words) > 0 {
			for _, word := range words {
				e.host(strings.ReplaceAll(host, place, word))
			}
			return
		}
		if host == place {
			e.hostFrom(name, config)
			return
		}
	}
	e.host(host)
}

// hostFrom finds where a value that is a whole host may lead: what comes behind it, the fallback, an example.
func (e *entry) hostFrom(name string, config map[string]any) {
	suffix, example := textOf(config["suffix"]), textOf(config["example"])
	example = strings.TrimPrefix(strings.TrimPrefix(example, "https://"), "http://")
	example, _, _ = strings.Cut(example, "/")
	switch {
	case strings.Count(suffix, ".") >= 2:
		e.host("{x}" + suffix)
	case e.given[name] != "":
		e.host(e.given[name])
		if _, parent, ok := strings.Cut(e.given[name], "."); ok && strings.Contains(parent, ".") {
			e.host("{x}." + parent)
		}
	case strings.Count(example, ".") >= 2:
		_, parent, _ := strings.Cut(example, ".")
		e.host("{x}." + parent)
	case strings.Contains(example, "."):
		e.host(example)
	default:
		e.guess(variable(name))
	}
}

// guess has the domain of the token endpoint stand for where a value may lead that the entry says nothing of.
func (e *entry) guess(name string) {
	token, _, _ := strings.Cut(e.text("token_url"), "||")
	m := hostOf.FindStringSubmatch(strings.TrimSpace(token))
	if m != nil && strings.Contains(m[1], "${") && len(e.hosts) > 0 {
		e.left("`hosts`: {%s} may lead where the token endpoint may be; add where else it does", name)
		return
	}
	if m == nil || strings.Contains(m[1], "${") {
		e.lacks("`hosts`: where {%s} may lead is not said; write patterns such as `*.acme.example`", name)
		return
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(m[1])
	if err != nil {
		e.lacks("`hosts`: where {%s} may lead is not said; write patterns such as `*.acme.example`", name)
		return
	}
	e.hosts["*."+domain] = true
	e.left("`hosts`: {%s} may lead to the domain of the token endpoint; add where else it does", name)
}

// host notes one pattern: of a host with places, what stands behind the last of them.
func (e *entry) host(host string) {
	host = strings.ToLower(strings.Trim(host, "."))
	if i := strings.LastIndex(host, "}"); i >= 0 {
		behind := strings.TrimLeft(host[i+1:], ".")
		if cut := strings.IndexByte(host[i+1:], '.'); cut > 0 { // the place is a part of a label
			behind = host[i+2+cut:]
		}
		if !strings.Contains(behind, ".") {
			e.example(host)
			return
		}
		host = "*." + behind
	}
	e.hosts[host] = true
}

// example notes the one host that an example of the last value makes: where else it may lead, nothing says.
func (e *entry) example(host string) {
	for _, name := range slices.Sorted(maps.Keys(e.used)) {
		text := textOf(mapping(mapping(e.fields["connection_config"])[name])["example"])
		host = strings.ReplaceAll(host, strings.ToLower("{"+variable(name)+"}"), strings.ToLower(text))
	}
	if strings.Contains(host, "{") || strings.HasSuffix(host, ".") || strings.ContainsAny(host, "/:@ ") {
		e.lacks("`hosts`: %s may lead anywhere; write which hosts it means", host)
		return
	}
	e.hosts[host] = true
	e.left("`hosts`: only what an example leads to, %s; add the others", host)
}

// values are the variables, the kept values and the hosts of the file.
func (e *entry) values() {
	kept := map[string]string{}
	for _, path := range list(e.fields["token_response_metadata"]) {
		if !strings.Contains(path, "token") {
			kept[variable(path)] = "$." + path
		}
	}
	for _, name := range list(e.fields["redirect_uri_metadata"]) {
		kept[variable(name)] = "callback." + name
	}
	config := mapping(e.fields["connection_config"])
	var variables yaml.MapSlice
	for _, name := range slices.Sorted(maps.Keys(e.used)) {
		if kept[variable(name)] == "" {
			variables = append(variables, yaml.MapItem{Key: variable(name), Value: e.asked(name, mapping(config[name]))})
		}
	}
	if len(variables) > 0 {
		e.put("variables", variables)
	}
	if len(e.hosts) > 0 {
		e.put("hosts", slices.Sorted(maps.Keys(e.hosts)))
	}
	if len(kept) > 0 {
		e.put("keep_values", sorted(kept))
	}
}

// asked is one variable: what a person is asked, what it may be, and what it is where nothing is said. What comes from
// neither a person nor an answer is the operator's.
func (e *entry) asked(name string, config map[string]any) yaml.MapSlice {
	var out yaml.MapSlice
	put := func(key string, value string) { out = append(out, yaml.MapItem{Key: key, Value: value}) }
	ask := oneLine(textOf(config["title"]))
	if ask == "" {
		ask = name
	}
	automated := config["automated"] == true
	if automated && e.given[name] == "" {
		if e.fields["post_connection_script"] != nil && !e.asksFirst(name) {
			e.lacks("`keep_request` with {%s}: its script asks for it after a connection, and where is not said", variable(name))
		}
		e.left("`variables.%s.value`, which is the application's", variable(name))
	}
	if !automated {
		put("ask", ask)
	}
	pattern := strings.TrimSuffix(strings.TrimPrefix(textOf(config["pattern"]), "^"), "$")
	if words := list(config["enum"]); len(words) > 0 {
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = regexp.QuoteMeta(w)
		}
		pattern = strings.Join(quoted, "|")
	}
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil || pattern == "" {
		pattern = `[A-Za-z0-9][A-Za-z0-9._-]*`
		re = regexp.MustCompile(`^(?:` + pattern + `)$`)
	}
	put("pattern", pattern)
	given := e.given[name]
	if v := textOf(config["default_value"]); v != "" {
		given = v
	}
	if given != "" && re.MatchString(given) {
		put("default", given)
	}
	return out
}

// asksFirst reports whether a value is needed before an account is linked, so that no later answer can say it.
func (e *entry) asksFirst(name string) bool {
	needed := textOf(e.fields["authorization_url"]) + textOf(e.fields["token_url"]) +
		fmt.Sprint(mapping(e.fields["authorization_params"]), mapping(e.fields["token_params"]))
	return strings.Contains(needed, "${connectionConfig."+name+"}")
}

// secretOf reports whether a text has a value in it that the entry calls secret.
func (e *entry) secretOf(text string) bool {
	for _, m := range expression.FindAllStringSubmatch(text, -1) {
		name := strings.TrimPrefix(m[1], "connectionConfig.")
		if mapping(mapping(e.fields["connection_config"])[name])["secret"] == true {
			return true
		}
	}
	return false
}
