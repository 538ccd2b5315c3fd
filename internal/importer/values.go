package importer

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
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
		if !ok {
			e.lacks("the place `%s`: only what belongs to a connection can stand there", inner)
			return place
		}
		e.used[name] = true
		return "{" + variable(name) + "}"
	})
}

var notInVariable = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// variable is a name that a value can have here.
func variable(name string) string { return notInVariable.ReplaceAllString(name, "_") }

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

// lead notes the patterns of hosts to which the values of an address may lead.
func (e *entry) lead(address string) {
	m := hostOf.FindStringSubmatch(address)
	if m == nil || !strings.Contains(address, "{") {
		return
	}
	host := m[1]
	for name := range e.used {
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
		e.lacks("`hosts`: where {%s} may lead is not said; write patterns such as `*.acme.example`", variable(name))
	}
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
			e.lacks("`hosts`: %s may lead anywhere; write which hosts it means", host)
			return
		}
		host = "*." + behind
	}
	e.hosts[host] = true
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

// asked is one variable: what a person is asked, what it may be, and what it is where nothing is said.
func (e *entry) asked(name string, config map[string]any) yaml.MapSlice {
	var out yaml.MapSlice
	put := func(key string, value string) { out = append(out, yaml.MapItem{Key: key, Value: value}) }
	ask := oneLine(textOf(config["title"]))
	if ask == "" {
		ask = name
	}
	if config["automated"] == true {
		e.lacks("`keep_values.%s`: it comes from an answer, and which one is not said", variable(name))
	}
	put("ask", ask)
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

// upstream says in comments where the API is and what its calls carry.
func (e *entry) upstream() {
	proxy := mapping(e.fields["proxy"])
	if base := textOf(proxy["base_url"]); base != "" {
		e.about = append(e.about, "The API: `upstream: "+e.address(base)+"`")
	}
	headers := mapping(proxy["headers"])
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := textOf(headers[name])
		switch {
		case regexp.MustCompile(`\$\{(accessToken|apiKey)\}`).MatchString(value):
			e.about = append(e.about, "Calls carry the credential in a header of their own: `header: "+name+"`")
		case strings.Contains(value, "${") && !strings.Contains(value, "${connectionConfig."):
			e.lacks("the header %s of calls, made of %s: no key says that", name, value)
		default:
			e.about = append(e.about, fmt.Sprintf("Calls carry the header %s: `headers: {%s: %q}`", name, name, e.template(value)))
		}
	}
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
