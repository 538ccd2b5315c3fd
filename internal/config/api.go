package config

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"bff/internal/proxy"
	"bff/internal/users"
)

// An API is one upstream HTTP API, called with a provider's token, or one backend, called with an assertion.
type API struct {
	proxy.Config
	Provider  string   // "" for a backend
	Identity  string   // the audience of the assertion; "" for a provider's API
	Scopes    []string // that a connection must have granted
	Require   []string // rights, all of them
	Anonymous string   // of a backend: "refuse", "redirect" or "pass"
	Pause     string   // "off", "route" or "api": what a 429 of the upstream pauses
	Where     *PerCall // where each call says where it goes, and what it brings along; nil where all go to one place

	literal []string // headers whose value stands in the file
}

func (c *Config) readAPIs(v value) {
	v.named("write a name and below it `provider:`, `upstream:` and `allow:`", func(name string, v value) {
		a := API{Config: proxy.Config{Name: name}}
		a.readFrom(v)
		c.APIs = append(c.APIs, a)
	})
}

func (a *API) readFrom(v value) {
	below := a.fields()
	applyDefaults(below)
	there := v.object("write `provider:`, `upstream:` and `allow:` below it", below...)
	if there == nil {
		return
	}
	has := func(name string) bool { return there[name].r != nil }
	switch {
	case has("path") && has("host"):
		v.r.wrong(there["path"].key, "%s: `path` and `host` exclude each other; keep one", v.name())
	case a.Path == "" && !has("path") && !has("host"):
		a.Path = "/api/" + a.Name
	}
	switch {
	case has("provider") && has("identity"):
		v.r.wrong(there["identity"].key, "%s has both `provider` and `identity`; keep `provider` for an API that is called with a "+
			"provider's token, or `identity` for a backend of your own", v.name())
	case !has("provider") && !has("identity"):
		v.r.wrong(v.key, "%s has no `provider`; write the name of one of `providers`, or `identity: %s` for a backend of your own",
			v.name(), a.Name)
	}
	if a.Path == "/" && !has("identity") {
		p := there["path"]
		p.wrong("%s would put the API over the frontend; write `path: /api/%s`", p.name(), a.Name)
	}
	a.disagree(v, there, has)
}

// disagree refuses what fits one kind of api and stands at the other, and two ways to carry a token.
func (a *API) disagree(v value, there map[string]value, has func(string) bool) {
	for _, name := range []string{"scopes", "header", "scheme", "query"} {
		if has("identity") && has(name) {
			v.r.wrong(there[name].key, "`%s.%s` is for a provider's API; a backend gets an assertion: remove it", v.path, name)
		}
	}
	for _, name := range []string{"header", "scheme"} {
		if has("query") && has(name) {
			v.r.wrong(there[name].key, "`%s.%s` is for a token in a header, and `query` puts it into the address; remove one of them",
				v.path, name)
		}
	}
	if has("anonymous") && has("provider") {
		v.r.wrong(there["anonymous"].key, "`%s.anonymous` is for backends, which have `identity`; remove it", v.path)
	}
	if a.Anonymous == "pass" && len(a.Require) > 0 {
		v.r.wrong(there["anonymous"].key, "%s lets calls of nobody pass and has `require`; write `anonymous: refuse` or "+
			"`anonymous: redirect`", v.name())
	}
}

func (a *API) fields() []field {
	return slices.Concat(a.whereFields(), a.whoFields(), a.allowFields(), a.headerFields(), a.timeFields())
}

func (a *API) whereFields() []field {
	const bases = "write a path below the mount and its upstream, as in `/upload: https://www.googleapis.com/upload/drive/v3`"
	return []field{
		field{name: "path", absent: "`/api/<name>`", example: "/api/calendar",
			about: "Where it is mounted; the upstream is asked for what follows it. Not below `/bff`, and no two on " +
				"overlapping paths; `/` is for a backend alone, which then is the whole site.",
		}.by(textSchema(), func(v value) { set(&a.Path)(readMountPath(v, a.Name)) }),
		field{name: "host", absent: "none", example: "drive.app.example.com",
			about: "Instead of `path`: a host of its own, for clients that drop path prefixes.",
		}.by(textSchema(), func(v value) { set(&a.Host)(readMountHost(v)) }),
		field{name: "upstream", example: "https://www.googleapis.com/calendar/v3",
			about: "Absolute base URL. `http` is taken, for upstreams on inner networks. `{name}` is a value of the account, as in " +
				"`https://{shop}.myshopify.com/admin`, and leads to the provider's `hosts` alone.",
			missing: "write where the API is, as in `upstream: https://www.googleapis.com/calendar/v3`",
		}.by(templateSchema(), func(v value) { set(&a.Upstream)(readBase(v, "https://www.googleapis.com/calendar/v3")) }),
		field{name: "upstreams", absent: "none", example: "{/upload: https://www.googleapis.com/upload/drive/v3}",
			about: "Further bases, by the path below the mount.",
		}.by(mapSchema(templateSchema()), func(v value) {
			a.Upstreams = map[string]string{}
			eachKey(v, bases, func(key string, in value) {
				if u, ok := readBase(in, "https://www.googleapis.com/upload/drive/v3"); ok {
					a.Upstreams[key] = u
				}
			})
		}),
	}
}

func (a *API) whoFields() []field {
	return []field{
		field{name: "provider", absent: "required, or `identity`", example: "google",
			about: "Whose access token a call carries."}.text(&a.Provider, "write the name of one of `providers`"),
		field{name: "identity", absent: "none", example: "app",
			about: "Instead of `provider`, for a backend of your own: the audience of the assertion that a call carries.",
		}.by(textSchema(), func(v value) { set(&a.Identity)(readAudience(v)) }),
		field{name: "scopes", def: "[]", example: "[https://www.googleapis.com/auth/calendar.readonly]",
			about: "What a connection must have been granted before a call goes through. One that lacks some is answered " +
				"`missing_scopes`, with the way to add them.",
		}.by(listSchema(textSchema()), func(v value) { a.Scopes = readScopes(v) }),
		field{name: "require", absent: "none", example: "[staff]", about: "Rights that the user must have, all of them."}.
			by(listSchema(textSchema()), func(v value) { a.Require = readRights(v) }),
		field{name: "anonymous", def: "refuse", example: "redirect",
			about: "What a backend's call without a session gets: `refuse` is 401, `redirect` sends a navigation to sign in, `pass` " +
				"calls without an assertion.",
		}.word(&a.Anonymous, "refuse", "redirect", "pass"),
	}
}

func (a *API) allowFields() []field {
	return []field{
		field{name: "allow", absent: "nothing", example: "[GET /users/me/calendarList, \"GET /calendars/{id}/events\"]",
			about: "What may be called: patterns of Go's `net/http.ServeMux`, `METHOD /path`, below the mount. `{id}` is one segment, " +
				"`{rest...}` all that is left, and `GET` allows `HEAD` too. Nothing is allowed unless listed.",
		}.texts(&a.Allow, "write a list of what may be called, as in `- GET /users/me/calendarList`"),
		field{name: "encoded", absent: "none", example: "[id]", about: "Names of wildcards whose segment may hold any escape (`%2F`, `%3F`, `%5C`, `%25`) but those of a dot segment."}.
			texts(&a.Encoded, "write a list of wildcards of `allow`, as in `encoded: [id]`"),
		field{name: "verbs", absent: "none", example: "[range]",
			about: "Names of wildcards whose segment may end in a custom verb (`values/A1:B2:append`) for methods other than `GET` and `HEAD`. A backend reads its paths itself, and needs none.",
		}.texts(&a.Verbs, "write a list of wildcards of `allow`, as in `verbs: [range]`"),
		field{name: "rewrite", absent: "none", example: `['$["@odata.nextLink"]', "$.items[*].link"]`,
			about: "JSON fields that hold absolute URLs of the upstream, to be turned into URLs of the mount.",
		}.texts(&a.Rewrite, "write a list of JSON paths, as in `rewrite: ['$[\"@odata.nextLink\"]']`"),
	}
}

func (a *API) headerFields() []field {
	return []field{
		field{name: "header", absent: "`Authorization`", example: "X-Shopify-Access-Token", about: "The header that carries the token."}.
			by(textSchema(), func(v value) { set(&a.Header)(readHeaderName(v)) }),
		field{name: "scheme", absent: "`Bearer`; none with another `header`", example: "token", about: "The word before the token."}.
			text(&a.Scheme, "write the word before the token, as in `scheme: token`"),
		field{name: "query", absent: "none", example: "api_key",
			about: "The parameter of the address that carries the token, for an API that takes it nowhere else."}.by(textSchema(), func(v value) {
			const want = "write the name of a parameter, as in `query: api_key`"
			if name, ok := v.text(want); ok && !parameterName.MatchString(name) {
				v.wrong("%s is no name of a parameter; %s", v.name(), want)
			} else if ok {
				a.Query = name
			}
		}),
		field{name: "headers", absent: "none", example: `{Notion-Version: "2022-06-28"}`,
			about: "Fixed headers for the upstream. A value may be `env:NAME` or `file:PATH`, or have `{name}` of the account's values in it.",
		}.by(mapSchema(textSchema()), func(v value) {
			a.SetHeaders = map[string]string{}
			eachKey(v, "write a header and its value, as in `Notion-Version: \"2022-06-28\"`", func(key string, in value) {
				if s, referred, ok := readHeaderValue(in); ok {
					a.SetHeaders[key] = s
					if !referred {
						a.literal = append(a.literal, key)
					}
				}
			})
		}),
		field{name: "request_headers", absent: "the usual, and whatever speaks of neither user, origin nor route", example: "[Notion-Version]",
			about: "Headers of the browser that reach the upstream: then these alone, besides the usual.",
		}.by(listSchema(textSchema()), func(v value) { a.RequestHeaders = readHeaderNames(v, "Notion-Version") }),
		field{name: "response_headers", absent: "the usual, and whatever gives no instruction to the browser", example: "[X-Total-Count]",
			about: "Headers of the upstream that reach the browser: then these alone, besides the usual.",
		}.by(listSchema(textSchema()), func(v value) { a.ResponseHeaders = readHeaderNames(v, "X-Total-Count") }),
	}
}

func (a *API) timeFields() []field {
	return []field{
		field{name: "timeout", def: "30s", about: "To the answer's header. There is no limit on what then streams."}.
			duration(&a.Timeout, 100*time.Millisecond, time.Hour),
		field{name: "idle", absent: "`10m`", example: "1h", about: "A call on which no byte moves for this long ends."}.
			duration(&a.Idle, time.Second, 24*time.Hour),
		field{name: "pause", def: "off", example: "route",
			about: "What an upstream's 429 pauses for the session that met it until its `Retry-After`: nothing, calls that " +
				"the same pattern of `allow` (of several the first) lets through, or the whole api.",
		}.word(&a.Pause, "off", "route", "api"),
		a.retryField(),
	}
}

var audienceName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9])?$`)

// readAudience reads the audience of assertions.
func readAudience(v value) (string, bool) {
	const want = "write a name for the backend, as in `identity: app`"
	text, ok := v.text(want)
	if ok && !audienceName.MatchString(text) {
		v.wrong("%s is no audience; %s", v.name(), want)
		return "", false
	}
	return text, ok
}

// readRights reads a list of rights.
func readRights(v value) (all []string) {
	for i, right := range v.texts("write a list of rights, as in `require: [staff]`") {
		if err := users.CheckRight(right); right != "" && err != nil {
			path := indexed(v.path, i)
			v.r.wrong(v.r.where(path), "`%s` is a right that cannot be: %v", path, err)
		}
		all = append(all, right)
	}
	return all
}

// readHeaderNames reads a list of names of headers; an empty list is not nil.
func readHeaderNames(v value, example string) []string {
	all := []string{}
	want := "write a list of headers, as in `" + v.leaf() + ": [" + example + "]`"
	v.list(want, func(_ int, in value) {
		name, ok := in.text(want)
		if ok && !headerToken.MatchString(name) {
			in.wrong("%s is no header name; %s", in.name(), want)
		}
		all = append(all, name)
	})
	return all
}

var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
var cleanPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// readMountPath reads the path of a mount.
func readMountPath(v value, name string) (string, bool) {
	want := "write `path: /api/" + name + "`"
	text, ok := v.text(want)
	switch {
	case !ok:
		return "", false
	case text == "/":
		return text, true
	case text == "/bff" || strings.HasPrefix(text, "/bff/"):
		v.wrong("%s is below /bff, which is bff's own; %s", v.name(), want)
	case strings.HasSuffix(text, "/") && cleanPath.MatchString(strings.TrimSuffix(text, "/")):
		v.wrong("%s ends in a slash; write `path: %s`", v.name(), strings.TrimSuffix(text, "/"))
	case !strings.HasPrefix(text, "/"):
		v.wrong("%s does not begin with a slash; %s", v.name(), want)
	case !cleanPath.MatchString(text):
		v.wrong("%s has more than letters, digits, - _ . and ~ between single slashes; %s", v.name(), want)
	default:
		return text, true
	}
	return "", false
}

// readMountHost reads the host of a host-rooted mount.
func readMountHost(v value) (string, bool) {
	const want = "write a host name such as `drive.app.example.com`"
	text, ok := v.text(want)
	if !ok {
		return "", false
	}
	host, port, found := strings.Cut(text, ":")
	if !validHost(host) || found && (port == "" || !validPort(port)) {
		v.wrong("%s is not a host; %s", v.name(), want)
		return "", false
	}
	return text, true
}

// readBase reads the base URL of an upstream. It may be plain http: upstreams of one's own live on inner networks.
func readBase(v value, example string) (string, bool) {
	if text, ok := readTemplate(v); ok {
		return readTemplatedBase(v, text)
	}
	u, ok := readURL(v, example, true)
	if !ok {
		return "", false
	}
	if u.RawQuery != "" || u.ForceQuery {
		v.wrong("%s has a query; remove it from the ? on", v.name())
		return "", false
	}
	return strings.TrimSuffix(u.String(), "/"), true
}

var (
	headerToken = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
	headerText  = regexp.MustCompile(`^[\t\x20-\x7e]{1,1000}$`)
	scopeToken  = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,512}$`) // RFC 6749 section 3.3
)

func readHeaderName(v value) (string, bool) {
	const want = "write the name of a header, as in `header: X-Shopify-Access-Token`"
	text, ok := v.text(want)
	if ok && !headerToken.MatchString(text) {
		v.wrong("%s is no header name; %s", v.name(), want)
		return "", false
	}
	return text, ok
}

// readHeaderValue reads a header's value, and says whether it came from elsewhere.
func readHeaderValue(v value) (text string, referred, ok bool) {
	const want = "write the header's value, or `env:NAME` or `file:PATH` where it is a secret"
	if text, ok = v.hidden(want); !ok {
		return "", false, false
	}
	s, referred, ok := refer(v, text)
	switch {
	case referred && !ok:
		return "", false, false
	case referred:
		text = s.Reveal()
	}
	if !headerText.MatchString(text) {
		v.wrong("%s cannot stand in a header; %s", v.name(), want)
		return "", false, false
	}
	return text, referred, true
}

// eachKey reads a mapping whose keys are the operator's and need not be names.
func eachKey(v value, want string, f func(key string, in value)) {
	m, ok := asMapping(v.node)
	if !ok {
		v.unlike(want)
		return
	}
	v.pairs(m, func(key string, at Position, in value) {
		if key == "" || len(key) > 200 || strings.IndexFunc(key, unicode.IsControl) >= 0 {
			v.r.wrong(at, "%s has a name that is none; %s", v.name(), want)
			return
		}
		v.r.harmless[at] = true
		f(key, in)
	})
}

// readScopes reads a list of scopes.
func readScopes(v value) []string {
	const want = "write a list of scopes, as in `scopes: [openid, email]`"
	out := []string{}
	v.list(want, func(_ int, in value) {
		s, ok := in.text(want)
		switch {
		case !ok:
		case strings.ContainsAny(s, " ,"):
			each := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
			in.wrong("%s is several scopes in one; write each by itself: %s", in.name(), listed(each))
		case !scopeToken.MatchString(s):
			in.wrong("%s is no scope (RFC 6749 section 3.3); %s", in.name(), want)
		case slices.Contains(out, s):
			in.wrong("%s is in the list twice; keep one", in.name())
		default:
			out = append(out, s)
		}
	})
	return out
}

// onMounts is what must hold between the apis, and what only the proxy knows.
func (c agreement) onMounts() {
	r := c.r
	for i := range c.APIs {
		a := &c.APIs[i]
		path := "apis." + a.Name
		for _, b := range c.APIs[:i] {
			switch {
			case a.Host != "" && a.Host == b.Host:
				r.wrong(r.where(path+".host"),
					"`%s.host` is also the host of `apis.%s`; every host-rooted api needs its own", path, b.Name)
			case a.Path != "" && b.Path != "" && overlap(a.Path, b.Path):
				r.wrong(r.where(path+".path", path),
					"`%s` is mounted at %s and `apis.%s` at %s, which overlap; give them separate paths",
					path, a.Path, b.Name, b.Path)
			}
		}
		if a.Host != "" && c.Origin != nil && a.Host == c.Origin.Host {
			r.wrong(r.where(path+".host"), "`%s.host` is the host of `origin`, where the frontend is; write `path: /api/%s` instead", path, a.Name)
		}
		if c.Origin != nil {
			a.Origin = c.Origin.Scheme + "://" + c.Origin.Host
		}
		a.try(r, path)
	}
}

func overlap(a, b string) bool {
	return a == b || a != "/" && b != "/" && (strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/"))
}

// try has the proxy judge the api. What is wrong with origin, path and upstream is
// reported already, so harmless ones stand in for them.
func (a *API) try(r *reader, path string) {
	trial := a.Config
	trial.Backend = a.Identity != ""
	trial.Origin, trial.Upstream = cmp.Or(a.Origin, "https://origin.invalid"), cmp.Or(a.Upstream, "https://upstream.invalid")
	if trial.Path == "/" || trial.Path == "" && trial.Host == "" {
		trial.Path = "/api/" + a.Name
	}
	_, err := proxy.New(trial)
	if err == nil {
		return
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		var e *proxy.ConfigError
		if !errors.As(err, &e) {
			r.wrong(r.where(path), "`%s`: %v", path, err)
			continue
		}
		field := path + "." + quotedKey.ReplaceAllString(e.Field, ".$1")
		at := r.where(field, path)
		if !r.reported(at) {
			r.wrong(at, "`%s`: %s", field, plainPattern(e.Err.Error()))
		}
	}
}

var quotedKey = regexp.MustCompile(`\["(.*)"\]$`) // headers["Notion-Version"]
