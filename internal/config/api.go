package config

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"bff/internal/proxy"
)

// An API is one upstream HTTP API.
type API struct {
	proxy.Config
	Provider string
	Scopes   []string // that a connection must have granted
	spoken   []string // headers whose value stands in the file
}

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func (c *Config) readAPIs(v value) {
	v.named("write a name and below it `provider:`, `upstream:` and `allow:`", func(name string, v value) {
		a := API{Config: proxy.Config{Name: name, Timeout: 30 * time.Second}}
		a.read(v)
		c.APIs = append(c.APIs, a)
	})
}

func (a *API) read(v value) {
	there := v.object("write `provider:`, `upstream:` and `allow:` below it",
		field{"path", func(v value) { set(&a.Path)(v.mountPath(a.Name)) }, ""},
		field{"host", func(v value) { set(&a.Host)(v.mountHost()) }, ""},
		field{"provider", func(v value) { set(&a.Provider)(v.text("write the name of one of `providers`")) }, "write the name of one of `providers`"},
		field{"upstream", func(v value) { set(&a.Upstream)(v.base("https://www.googleapis.com/calendar/v3")) },
			"write where the API is, as in `upstream: https://www.googleapis.com/calendar/v3`"},
		field{"upstreams", func(v value) {
			a.Upstreams = map[string]string{}
			v.keyed("write a path below the mount and its upstream, as in `/upload: https://www.googleapis.com/upload/drive/v3`", func(key string, in value) {
				if u, ok := in.base("https://www.googleapis.com/upload/drive/v3"); ok {
					a.Upstreams[key] = u
				}
			})
		}, ""},
		field{"scopes", func(v value) { a.Scopes = v.scopes() }, ""},
		field{"allow", func(v value) {
			a.Allow = v.texts("write a list of what may be called, as in `- GET /users/me/calendarList`")
		}, ""},
		field{"encoded", func(v value) { a.Encoded = v.texts("write a list of wildcards of `allow`, as in `encoded: [id]`") }, ""},
		field{"rewrite", func(v value) {
			a.Rewrite = v.texts("write a list of JSON paths, as in `rewrite: ['$[\"@odata.nextLink\"]']`")
		}, ""},
		field{"header", func(v value) { set(&a.Header)(v.headerName()) }, ""},
		field{"scheme", func(v value) { set(&a.Scheme)(v.text("write the word before the token, as in `scheme: token`")) }, ""},
		field{"headers", func(v value) {
			a.SetHeaders = map[string]string{}
			v.keyed("write a header and its value, as in `Notion-Version: \"2022-06-28\"`", func(key string, in value) {
				if s, referred, ok := in.headerValue(); ok {
					a.SetHeaders[key] = s
					if !referred {
						a.spoken = append(a.spoken, key)
					}
				}
			})
		}, ""},
		field{"timeout", func(v value) { set(&a.Timeout)(v.duration(100*time.Millisecond, time.Hour)) }, ""},
		field{"idle", func(v value) { set(&a.Idle)(v.duration(time.Second, 24*time.Hour)) }, ""},
	)
	if there == nil {
		return
	}
	if p, ok := there["path"]; ok && a.Host != "" {
		p.r.wrong(p.key, "%s: `path` and `host` exclude each other; keep one", v.name())
	}
	if _, ok := there["path"]; !ok && a.Host == "" {
		a.Path = "/api/" + a.Name
	}
}

var cleanPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// mountPath reads the path of a mount.
func (v value) mountPath(name string) (string, bool) {
	want := "write `path: /api/" + name + "`"
	text, ok := v.text(want)
	switch {
	case !ok:
		return "", false
	case text == "/":
		v.wrong("%s would put the API over the frontend; %s", v.name(), want)
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

// mountHost reads the host of a host-rooted mount.
func (v value) mountHost() (string, bool) {
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

// base reads the base URL of an upstream. It may be plain http: upstreams of one's own live on inner networks.
func (v value) base(example string) (string, bool) {
	u, ok := v.absolute(example, true)
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

func (v value) headerName() (string, bool) {
	const want = "write the name of a header, as in `header: X-Shopify-Access-Token`"
	text, ok := v.text(want)
	if ok && !headerToken.MatchString(text) {
		v.wrong("%s is no header name; %s", v.name(), want)
		return "", false
	}
	return text, ok
}

// headerValue reads a header's value, and says whether it came from elsewhere.
func (v value) headerValue() (text string, referred, ok bool) {
	const want = "write the header's value, or `env:NAME` or `file:PATH` where it is a secret"
	if text, ok = v.hidden(want); !ok {
		return "", false, false
	}
	s, referred, ok := v.refer(text)
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

// keyed reads a mapping whose keys are the operator's and need not be names.
func (v value) keyed(want string, f func(key string, in value)) {
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

// scopes reads a list of scopes.
func (v value) scopes() []string {
	const want = "write a list of scopes, as in `scopes: [openid, email]`"
	out := []string{}
	v.list(want, func(_ int, in value) {
		s, ok := in.text(want)
		switch {
		case !ok:
		case strings.ContainsAny(s, " ,"):
			in.wrong("%s is several scopes in one; write each by itself: %s", in.name(), listed(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })))
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

// agreeOnMounts is what must hold between the apis, and what only the proxy knows.
func (c *Config) agreeOnMounts(r *reader) {
	for i := range c.APIs {
		a := &c.APIs[i]
		path := "apis." + a.Name
		for _, b := range c.APIs[:i] {
			switch {
			case a.Host != "" && a.Host == b.Host:
				r.wrong(r.where(path+".host"), "`%s.host` is also the host of `apis.%s`; every host-rooted api needs its own", path, b.Name)
			case a.Path != "" && b.Path != "" && overlap(a.Path, b.Path):
				r.wrong(r.where(path+".path", path), "`%s` is mounted at %s and `apis.%s` at %s, which overlap; give them separate paths", path, a.Path, b.Name, b.Path)
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
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// try has the proxy judge the api. What is wrong with origin, path and upstream is told already, so harmless ones stand in for them.
func (a *API) try(r *reader, path string) {
	trial := a.Config
	trial.Origin, trial.Upstream = cmp.Or(a.Origin, "https://origin.invalid"), cmp.Or(a.Upstream, "https://upstream.invalid")
	if trial.Path == "" && trial.Host == "" {
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

// plainPattern puts what net/http says of a pattern into an operator's words. Anything else stays as it is.
func plainPattern(text string) string {
	for said, meant := range map[string]string{
		"invalid method":          "a pattern has one method: write one item for each, as in `- GET /x` and `- POST /x`",
		"unclean path":            "no request has a path with `//`, `/./` or `/../` when the list is asked: write it without",
		"duplicate wildcard name": "two wildcards have one name: write one for each, as in `/{a}/{b}`",
		"bad wildcard":            "a wildcard is a whole segment with a name of letters and digits: write `{id}`, or `{rest...}` at the end",
		"empty wildcard":          "a wildcard has no name: write `{id}`, or `{rest...}` at the end",
		"wildcard not at end":     "a wildcard for all the rest is not at the end: write `{id}` for one segment",
		"{$} not at end":          "`{$}` marks the end and stands before it: remove what follows",
	} {
		if strings.HasPrefix(text, "parsing ") && strings.Contains(text, said) {
			return meant
		}
	}
	return text
}

var quotedKey = regexp.MustCompile(`\["(.*)"\]$`) // headers["Notion-Version"]
