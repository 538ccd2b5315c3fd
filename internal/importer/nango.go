package importer

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// An Entry is one entry of a catalogue.
type Entry struct {
	Name    string   // of the provider, as the file is called
	File    []byte   // the provider file; nil where nothing can be written
	Missing []string // what the file lacks, or why there is none, a sentence part each
	Yours   []string // what the operator adds: choices that no entry has
}

// Nango reads a providers.yaml in the form of Nango's catalogue. The entries come in the order of their names.
func Nango(file []byte) ([]Entry, error) {
	var raw map[string]map[string]any
	if err := yaml.Unmarshal(file, &raw); err != nil {
		return nil, fmt.Errorf("it is no mapping of entries: %v", firstLine(err))
	}
	all := make([]Entry, 0, len(raw))
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		e := entry{name: name, fields: resolve(raw, name, 0)}
		one := e.convert()
		one.Name = free(one.Name, taken)
		all = append(all, one)
	}
	return all, nil
}

// free is a name that no other entry has: two long ones may begin alike.
func free(name string, taken map[string]bool) string {
	for n := 2; taken[name]; n++ {
		end := fmt.Sprintf("-%d", n)
		name = name[:min(len(name), maxName-len(end))] + end
	}
	taken[name] = true
	return name
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// resolve lays an entry over the one that it is an alias of.
func resolve(raw map[string]map[string]any, name string, depth int) map[string]any {
	fields := raw[name]
	base, _ := fields["alias"].(string)
	if base == "" || depth > 8 {
		return fields
	}
	merged := maps.Clone(resolve(raw, base, depth+1))
	if merged == nil {
		merged = map[string]any{}
	}
	for k, v := range fields {
		if k != "alias" {
			merged[k] = v
		}
	}
	return merged
}

// An entry is being turned into a provider file.
type entry struct {
	name    string
	fields  map[string]any
	out     yaml.MapSlice
	about   []string // comments
	missing []string
	yours   []string
	used    map[string]bool   // variables that stand somewhere
	hosts   map[string]bool   // patterns of hosts
	given   map[string]string // defaults, by variable
}

func (e *entry) lacks(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(e.missing, text) {
		e.missing = append(e.missing, text)
	}
}

// left notes what the operator adds.
func (e *entry) left(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(e.yours, text) {
		e.yours = append(e.yours, text)
	}
}

func (e *entry) put(key string, value any) {
	e.out = append(e.out, yaml.MapItem{Key: key, Value: value})
}

func (e *entry) text(key string) string { return textOf(e.fields[key]) }

// textOf is a scalar as text; "" for anything else.
func textOf(v any) string {
	switch v.(type) {
	case nil, map[string]any, []any:
		return ""
	}
	return fmt.Sprint(v)
}

// mapping is a field that is a mapping; nil where it is none.
func mapping(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// list is a field that is a list of texts.
func list(v any) (all []string) {
	items, _ := v.([]any)
	for _, item := range items {
		if s := textOf(item); s != "" {
			all = append(all, s)
		}
	}
	return all
}

func (e *entry) convert() Entry {
	e.used, e.hosts, e.given = map[string]bool{}, map[string]bool{}, map[string]string{}
	name := nameFor(e.name)
	title := e.text("display_name")
	if title == "" {
		title = e.name
	}
	e.put("title", title)
	switch mode := e.text("auth_mode"); mode {
	case "OAUTH2":
		e.oauth()
	case "OAUTH2_CC":
		e.put("auth", "client_credentials")
		e.tokenEndpoint()
	case "API_KEY":
		e.put("auth", "api_key")
		e.tried()
	case "BASIC":
		e.put("auth", "basic")
		e.tried()
	default:
		return Entry{Name: name, Missing: []string{"auth_mode " + mode + " has no key here"}}
	}
	e.upstream()
	e.values()
	e.scripts()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s. Converted from another catalogue's entry %q; its facts were not checked.\n", oneLine(title), e.name)
	for _, line := range e.about {
		fmt.Fprintf(&b, "# %s\n", oneLine(line))
	}
	for _, line := range e.missing {
		fmt.Fprintf(&b, "# Missing: %s\n", oneLine(line))
	}
	for _, line := range e.yours {
		fmt.Fprintf(&b, "# Yours to add: %s\n", oneLine(line))
	}
	data, err := yaml.Marshal(e.out)
	if err != nil {
		return Entry{Name: name, Missing: []string{"it cannot be written as YAML"}}
	}
	b.Write(data)
	return Entry{Name: name, File: b.Bytes(), Missing: e.missing, Yours: e.yours}
}

// oneLine keeps a text within one line of a comment.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

var notInName = regexp.MustCompile(`[^a-z0-9_-]+`)

// maxName is how long the name of a provider may be.
const maxName = 32

// nameFor is a name that a provider can have.
func nameFor(s string) string {
	s = notInName.ReplaceAllString(strings.ToLower(s), "-")
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.Trim(s, "-_")
}

// oauth is the authorization code flow.
func (e *entry) oauth() {
	if e.fields["authorization_url"] == nil {
		e.lacks("`authorization_url`: the entry has none")
	} else {
		e.put("authorization_url", e.address(e.text("authorization_url")))
	}
	if f := e.text("authorization_url_fragment"); f != "" {
		e.lacks("an authorization endpoint behind `#` (%s): no key says that", f)
	}
	e.tokenEndpoint()
	if e.fields["disable_pkce"] == true {
		e.put("pkce", "off")
	}
	e.authorizationParams()
	e.renamed()
	if path := e.text("alternate_access_token_response_path"); path != "" {
		e.put("token_path", path)
	}
	if code := e.text("authorization_code_param_in_callback"); code != "" {
		e.put("code_param", code)
	}
	e.left("`userinfo_url` and `subject`: that catalogue does not say whose account it is")
}

// tokenEndpoint is the token endpoint, and how a client authenticates there.
func (e *entry) tokenEndpoint() {
	if url := e.text("token_url"); url != "" {
		e.put("token_url", e.address(url))
	} else {
		e.lacks("`token_url`: the entry has none, or several")
	}
	if url := e.text("refresh_url"); url != "" {
		e.put("refresh_url", e.address(url))
	}
	auth := "client_secret_post"
	if e.text("token_request_auth_method") == "basic" || e.text("authorization_method") == "header" {
		auth = "client_secret_basic"
	}
	e.put("client_auth", auth)
	if e.text("body_format") == "json" {
		e.put("token_body", "json")
	}
	if scopes := list(e.fields["default_scopes"]); len(scopes) > 0 {
		e.put("scopes", scopes)
	}
	if s := e.text("scope_separator"); s != "" && s != " " && s != "+" { // "+" is a space, once encoded
		e.put("scope_separator", s)
	}
	e.grant("token_params", "token_params", "authorization_code", "client_credentials")
	e.grant("refresh_params", "refresh_params", "refresh_token")
	if e.fields["refresh_params"] == nil {
		e.grant("refresh_token_params", "refresh_params", "refresh_token")
	}
}

// grant is further parameters of token requests. Their grant type is the standard's, or something is missing.
func (e *entry) grant(from, key string, grants ...string) {
	params := e.params(mapping(e.fields[from]))
	if g := params["grant_type"]; g != "" && !slices.Contains(grants, g) {
		e.lacks("the grant type %q of `%s`: no key says that", g, key)
	}
	delete(params, "grant_type")
	if len(params) > 0 {
		e.put(key, sorted(params))
	}
}

// params are parameters with their expressions turned into places for values.
func (e *entry) params(from map[string]any) map[string]string {
	out := map[string]string{}
	for k, v := range from {
		if text := textOf(v); text != "" {
			out[k] = e.template(text)
		}
	}
	return out
}

func sorted(m map[string]string) (out yaml.MapSlice) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, yaml.MapItem{Key: k, Value: m[k]})
	}
	return out
}

// authorizationParams are further parameters of the authorization request.
func (e *entry) authorizationParams() {
	raw := maps.Clone(mapping(e.fields["authorization_params"]))
	for _, name := range []string{"nonce", "client_id", "redirect_uri", "state"} {
		delete(raw, name) // bff writes them itself
	}
	for name := range raw {
		if e.secretOf(textOf(raw[name])) {
			e.lacks("the parameter %q of the authorization request: it is a secret, which no address may hold", name)
			delete(raw, name)
		}
	}
	params := e.params(raw)
	if t := params["response_type"]; t != "" && t != "code" {
		e.put("response_type", t)
	}
	delete(params, "response_type")
	if params["response_mode"] == "query" {
		delete(params, "response_mode")
	}
	if scope := params["scope"]; scope != "" && list(e.fields["default_scopes"]) == nil {
		e.put("scopes", strings.Fields(scope))
	}
	delete(params, "scope")
	if len(params) > 0 {
		e.put("auth_params", sorted(params))
	}
}

// renamed are parameters of the authorization request that are called otherwise.
func (e *entry) renamed() {
	names := map[string]string{}
	for from, to := range e.params(mapping(e.fields["authorization_url_replacements"])) {
		switch from, to = strings.TrimSuffix(from, "="), strings.TrimSuffix(to, "="); from {
		case "client_id":
			e.put("client_id_param", to)
		case "scope":
			e.put("scope_param", to)
		case "redirect_uri", "response_type":
			names[from] = to
		default:
			e.lacks("`%s` called %q in the authorization request: no key says that", from, to)
		}
	}
	if len(names) > 0 {
		e.put("auth_names", sorted(names))
	}
}

// scripts are what that catalogue does by code. What calls need of it is said where it is needed.
func (e *entry) scripts() {
	if s := e.text("post_connection_script"); s != "" {
		e.left("its script %q keeps more of an account: write `keep_request` if an api of yours needs it", s)
	}
	if s := e.text("pre_connection_deletion_script"); s != "" {
		e.left("`revocation_url`: its script %q ends a grant", s)
	}
}
