package config

import (
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/dial"
	"bff/internal/oauth/address"
	"bff/internal/oauth/providers"
)

// valuesDocs documents what differs between the accounts of one provider.
func valuesDocs() map[string]providerDoc {
	none := func(about, example string) providerDoc {
		return providerDoc{about: about, absent: "none", example: example}
	}
	return map[string]providerDoc{
		"variables": none("Values that stand as `{name}` in addresses, headers and parameters: each `{value, default, "+
			"pattern, ask}`. `value` is "+
			"yours; `ask` is what a person is asked before linking an account; `pattern` is of the whole value, by "+
			"default letters, "+
			"digits and `-`. [One provider, many hosts](providers-hosts.md).",
			`{shop: {ask: "Your shop's name"}}`),
		"hosts": none("Where values may lead: `host[:port]`, with `*.` only in front of a domain that somebody "+
			"registered. Needed where a "+
			"value is part of a host.", `["*.myshopify.com"]`),
		"keep_values": none("Values kept with an account, and where they are: `$.…` in the token answer, `callback.…` "+
			"a parameter of the way "+
			"back, `userinfo.…` in the userinfo answer. A list is indexed, as in `$.sites.0.url`. The person sees them.",
			"{api_base: $.instance_url}"),
		"keep_request": none("One `GET` with the access token after an account was linked, for values that no other "+
			"answer has: `{url, values}`, "+
			"where `values` are names and paths of the JSON answer.",
			"{url: https://api.example.com/sites, values: {site: $.0.id}}"),
		"account_values": none("Names of values that make two accounts of one person two, beside those that are part "+
			"of a host.", "[realm]"),
	}
}

// readTemplate reads a text that has places for values; ok is false when it has none, or is no text.
func readTemplate(v value) (text string, ok bool) {
	s, ok := v.node.(*ast.StringNode)
	if !ok {
		return "", false
	}
	text = s.Value
	if len(address.Names(text)) == 0 {
		return "", false
	}
	v.show()
	return text, true
}

// setTemplate reads an address with places for values. What is wrong with it is said once all values are known.
func setTemplate(v value, to reflect.Value) bool {
	text, ok := readTemplate(v)
	if ok {
		to.SetString(text)
	}
	return ok
}

// checkValues is what must hold of a provider's values, and of the addresses that they are part of. What
// the file does not have of it is of what it is laid over. A provider file may leave to the configuration what a
// variable is.
func (p *Provider) checkValues(v value, inFile bool) {
	p.checkVariables(v, inFile)
	for i, host := range p.Hosts {
		if err := address.CheckPattern(host); err != nil {
			path := indexed(v.child("hosts"), i)
			v.r.wrong(v.r.where(path, v.child("hosts"), v.path), "`%s` %v", path, err)
		}
	}
	p.checkKept(v)
	p.checkNames(v)
	fields := taggedFields(reflect.ValueOf(&p.Config).Elem(), "")
	for _, f := range fields {
		if f.name == "issuer" || f.name == "callback_issuer" || f.name == "assertion_audience" || strings.HasSuffix(f.name,
			"_url") {
			p.checkAddress(v, f.name, p.text(f.name))
		}
	}
	for i, issuer := range p.Issuers {
		p.checkAddress(v, indexed("issuers", i), issuer)
	}
	if p.KeepRequest.URL != "" || len(p.KeepRequest.Values) > 0 {
		p.checkRequest(v)
	}
	if _, err := p.Filled(p.Fixed()); err != nil && !v.r.reported(v.r.where(v.child("hosts"), v.path)) {
		v.r.wrong(v.r.where(v.child("variables"), v.path), "%s has a variable that does not fit: %v", v.name(), err)
	}
}

// text is the value of a field of providers.Config that is a text, by its key.
func (p *Provider) text(key string) string {
	found := ""
	var walk func(s reflect.Value)
	walk = func(s reflect.Value) {
		for i := range s.NumField() {
			name, options, _ := strings.Cut(s.Type().Field(i).Tag.Get("yaml"), ",")
			switch {
			case options == "inline":
				walk(s.Field(i))
			case name == key && s.Field(i).Kind() == reflect.String:
				found = s.Field(i).String()
			}
		}
	}
	walk(reflect.ValueOf(&p.Config).Elem())
	return found
}

func (p *Provider) checkVariables(v value, inFile bool) {
	kept := p.Kept()
	for _, name := range slices.Sorted(maps.Keys(p.Variables)) {
		path, one := v.child("variables."+name), p.Variables[name]
		at := func(keys ...string) Position {
			var paths []string
			for _, key := range keys {
				paths = append(paths, path+"."+key)
			}
			return v.r.where(append(paths, path, v.child("variables"), v.path)...)
		}
		switch _, err := regexp.Compile(one.Pattern); {
		case !address.IsName(name):
			v.r.wrong(at(), "%s has a variable whose name cannot stand in braces; use letters, digits and _, a letter first",
				v.name())
		case address.Reserved(name):
			v.r.wrong(at(), "`%s` has a name that stands for something else in braces; write another", path)
		case err != nil:
			v.r.wrong(at("pattern"), "`%s.pattern` is no regular expression of Go (RE2); write one such as `[a-z0-9-]+`", path)
		case one.Value != "" && one.Ask != "":
			v.r.wrong(at("ask"), "`%s` has both `value` and `ask`; keep `value` if it is yours to say, or `ask` if it is "+
				"a person's", path)
		case !inFile && one.Value == "" && one.Default == "" && one.Ask == "" && !slices.Contains(kept, name):
			v.r.wrong(at(), "`%s` has no value; write `value:`, or `ask:` with what a person is asked", path)
		case one.Value != "" && !one.Matches(one.Value):
			v.r.wrong(at("value"), "`%s.value` does not match its `pattern`; write another, or a wider pattern", path)
		case one.Default != "" && !one.Matches(one.Default):
			v.r.wrong(at("default"), "`%s.default` does not match its `pattern`; write another, or a wider pattern", path)
		}
	}
}

// sourcePath is a path of a kept value: keys and indexes.
var sourcePath = regexp.MustCompile(`^([A-Za-z0-9_@-]+|\[[0-9]+\])(\.[A-Za-z0-9_@-]+|\[[0-9]+\])*$`)

func (p *Provider) checkKept(v value) {
	for _, name := range slices.Sorted(maps.Keys(p.KeepValues)) {
		path, from := v.child("keep_values."+name), p.KeepValues[name]
		at := v.r.where(path, v.child("keep_values"), v.path)
		rest, source := from, ""
		for _, prefix := range []string{providers.FromToken, providers.FromCallback, providers.FromUserinfo} {
			if after, ok := strings.CutPrefix(from, prefix); ok {
				rest, source = after, prefix
			}
		}
		switch {
		case !address.IsName(name) || address.Reserved(name):
			v.r.wrong(at, "%s keeps a value under a name that cannot stand in braces; use letters, digits and _, a "+
				"letter first", v.name())
		case source == "":
			v.r.wrong(at, "`%s` does not say where the value is; write `$.name` for the token answer, `callback.name` or "+
				"`userinfo.name`", path)
		case !sourcePath.MatchString(rest):
			v.r.wrong(at, "`%s` is no path; write one such as `%ssites.0.url`", path, source)
		case source == providers.FromToken && slices.Contains([]string{"access_token", "refresh_token", "id_token"}, rest),
			source == providers.FromCallback && slices.Contains([]string{"code", "state"}, rest):
			v.r.wrong(at, "`%s` is a secret, and kept values are shown to the person; remove it", path)
		}
	}
	for i, name := range p.AccountValues {
		if !p.Known(name) {
			path := indexed(v.child("account_values"), i)
			v.r.wrong(v.r.where(path, v.child("account_values"), v.path), "`%s` names no variable and no kept value; %s",
				path, p.there())
		}
	}
}

// there says which values there are.
func (p *Provider) there() string {
	all := slices.Concat(slices.Sorted(maps.Keys(p.Variables)), p.Kept())
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return "add it below `variables` or `keep_values`"
	}
	return "there are " + listed(all)
}

// checkAddress is what must hold of an address with places for values.
func (p *Provider) checkAddress(v value, key, template string) {
	names := address.Names(template)
	if len(names) == 0 {
		return
	}
	path := v.child(key)
	at := v.r.where(path, v.path)
	p.checkTemplate(v, path, template, at)
	if rest, plain := strings.CutPrefix(template, "http://"); plain {
		host, _, _ := strings.Cut(rest, "/")
		if host, _, _ = strings.Cut(host, ":"); !dial.Loopback(address.Text(host, samples(names))) {
			v.r.wrong(at, "`%s` is plain http, which is for loopback only; write `https://%s`", path, rest)
		}
	}
}

// samples are stand-ins for values.
func samples(names []string) map[string]string {
	all := map[string]string{}
	for _, name := range names {
		all[name] = "a"
	}
	return all
}

// checkTemplate says what is wrong with a template of an address, wherever it stands.
func (p *Provider) checkTemplate(v value, path, template string, at Position) {
	for _, name := range address.Names(template) {
		if !p.Known(name) {
			v.r.wrong(at, "`%s` has `{%s}`, which is no variable and no kept value of `providers.%s`; %s", path, name, p.Name,
				p.there())
			return
		}
	}
	if err := address.CheckTemplate(template); err != nil {
		v.r.wrong(at, "`%s` %v", path, err)
		return
	}
	if names := address.HostNames(template); len(names) > 0 && len(p.Hosts) == 0 && !p.decides(names) {
		v.r.wrong(at, "`%s` has `{%s}` in its host, and `providers.%s` does not say where it may lead; write `hosts: "+
			"[\"*.example.com\"]` there",
			path, names[0], p.Name)
	}
}

// decides reports whether values are the operator's alone, which say by themselves where they lead.
func (p *Provider) decides(names []string) bool {
	unset := p.Unset()
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(unset, name) })
}

func (p *Provider) checkRequest(v value) {
	path := v.child("keep_request")
	at := v.r.where(path+".url", path, v.path)
	switch {
	case p.KeepRequest.URL == "":
		v.r.wrong(at, "`%s` has no `url`; write where the values are, as in `url: https://api.example.com/sites`", path)
	case len(p.KeepRequest.Values) == 0:
		v.r.wrong(at, "`%s` has no `values`; write names and paths of the answer, as in `values: {site: $.0.id}`", path)
	default:
		p.checkTemplate(v, path+".url", p.KeepRequest.URL, at)
	}
	if u := p.KeepRequest.URL; u != "" && len(address.Names(u)) == 0 {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "https" && !(parsed.Scheme == "http" &&
			dial.Loopback(parsed.Hostname())) {
			v.r.wrong(at, "`%s.url` is no https address; write one such as `https://api.example.com/sites`", path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.KeepRequest.Values)) {
		where := path + ".values." + name
		rest := strings.TrimPrefix(strings.TrimPrefix(p.KeepRequest.Values[name], "$"), ".")
		if !address.IsName(name) || address.Reserved(name) || !sourcePath.MatchString(rest) {
			v.r.wrong(v.r.where(where, path, v.path),
				"`%s` keeps something under no name, or from no path; write `site: $.0.id`", path)
		}
	}
}

// checkNames is what may be called otherwise in the authorization request, and what may be asked for there.
func (p *Provider) checkNames(v value) {
	for _, name := range slices.Sorted(maps.Keys(p.Authorization.Names)) {
		if path := v.child("auth_names." + name); name != "redirect_uri" && name != "response_type" {
			v.r.wrong(v.r.where(path, v.child("auth_names"), v.path), "`%s` cannot be called otherwise; write `redirect_uri` or "+
				"`response_type`, or one of the keys `client_id_param`, `scope_param` and `code_param`", path)
		}
	}
	if t := p.Authorization.ResponseType; slices.Contains(strings.Fields(t), "token") {
		v.r.wrong(v.r.where(v.child("response_type"), v.path), "%s asks for an access token in the redirect back, where a browser "+
			"sees it; write `response_type: code`", v.name())
	}
}
