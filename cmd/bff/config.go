package main

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/api"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// A config is what one file says, with the defaults in it.
type config struct {
	origin    *url.URL // scheme and host alone
	listen    string
	admin     string
	trusted   []netip.Prefix
	session   sessionConfig
	providers []oauth.ProviderConfig
	apis      []apiConfig
	clients   []api.Client
	frontend  frontendConfig
	limits    api.Limits
	log       logConfig
	shutdown  time.Duration

	places map[string]place // of every value of the file, by its path
}

type sessionConfig struct {
	store          secret.Text // its URL, which may hold a password
	keys           []vault.Key
	idle, lifetime time.Duration
	cookie         string // without "__Host-"
	prefix         string
	cache          bool
}

type frontendConfig struct {
	dir      string
	upstream *url.URL
	origins  []string
	theme    string
}

type logConfig struct {
	level slog.Level
	text  bool
}

// defaults is a config in which only what nobody can guess is missing.
func defaults() config {
	return config{
		listen: ":8080", admin: "127.0.0.1:9090", shutdown: 15 * time.Second,
		session: sessionConfig{store: secret.New("redis://127.0.0.1:6379/0"), idle: 30 * time.Minute, lifetime: 12 * time.Hour, cookie: "bff", prefix: "bff"},
		places:  map[string]place{},
	}
}

func (c *config) secure() bool { return c.origin.Scheme == "https" }

// cookie is the session cookie's whole name. The prefix makes browsers hold it to Secure, Path=/ and no Domain (RFC 6265bis section 4.1.3.2).
func (c *config) cookie() string {
	if c.secure() {
		return "__Host-" + c.session.cookie
	}
	return c.session.cookie
}

// loadConfig reads a file. When it returns a report, the report names every mistake and the config is of no use.
func loadConfig(name string, env func(string) string) (*config, string) {
	data, err := readBounded(name, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, name + ": does not exist; name another with `--config FILE`, write one (docs/configuration.md has a complete one), or try `bff dev`, which needs none\n"
	case errors.Is(err, errTooLarge):
		data = make([]byte, maxFile+1) // told by parse
	case err != nil:
		return nil, name + ": " + plainFault(err) + "\n"
	}
	return readConfig(name, data, env)
}

func readConfig(name string, data []byte, env func(string) string) (*config, string) {
	src, top := parse(name, data)
	if top == nil {
		return nil, src.report()
	}
	c := defaults()
	r := newReader(src, env, name, c.places)
	c.read(r.top(top))
	if report := src.report(); report != "" {
		return nil, report
	}
	return &c, ""
}

// read is the whole file, key by key.
func (c *config) read(v value) {
	v.object("write `key: value` lines, the first of them `origin: https://app.example.com`",
		field{"origin", func(v value) { c.origin, _ = v.origin("https://app.example.com") },
			"write how browsers reach bff, as in `origin: https://app.example.com`"},
		field{"listen", func(v value) { set(&c.listen)(v.listenAddress(":8080")) }, ""},
		field{"admin", func(v value) { set(&c.admin)(v.listenAddress("127.0.0.1:9090")) }, ""},
		field{"trusted_proxies", func(v value) { c.trusted = v.prefixes() }, ""},
		field{"session", c.readSession, "write `session:` with `keys: [env:BFF_KEY]` below it"},
		field{"providers", c.readProviders, "write `providers:` with at least one below it, or nobody can sign in"},
		field{"apis", c.readAPIs, ""},
		field{"clients", c.readClients, ""},
		field{"frontend", c.readFrontend, ""},
		field{"limits", c.readLimits, ""},
		field{"log", c.readLog, ""},
		field{"shutdown_timeout", func(v value) { set(&c.shutdown)(v.duration(0, time.Hour)) }, ""},
	)
	c.agree(v)
}

// set stores what a reader read, when it is good.
func set[T any](to *T) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			*to = v
		}
	}
}

var cookieName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")

func (c *config) readSession(v value) {
	s := &c.session
	within := func(to *time.Duration) func(value) {
		return func(v value) { set(to)(v.duration(time.Second, 366*24*time.Hour)) }
	}
	v.object("write `keys: [env:BFF_KEY]` below it",
		field{"store", func(v value) { set(&s.store)(v.store()) }, ""},
		field{"keys", c.readKeys, "make one with `bff keygen`, put it into the environment and write `keys: [env:BFF_KEY]`"},
		field{"idle", within(&s.idle), ""},
		field{"lifetime", within(&s.lifetime), ""},
		field{"cookie", func(v value) {
			name, ok := v.text("write `cookie: bff`")
			switch lower := strings.ToLower(name); {
			case !ok:
			case strings.HasPrefix(lower, "__host-"), strings.HasPrefix(lower, "__secure-"):
				v.wrong("%s has a prefix that bff adds itself; write `cookie: %s`", v.name(), cmp.Or(name[strings.IndexByte(name, '-')+1:], "bff"))
			case !cookieName.MatchString(name):
				v.wrong("%s is no cookie name (RFC 6265); use at most 64 letters, digits, - and _, as in `cookie: bff`", v.name())
			default:
				s.cookie = name
			}
		}, ""},
		field{"prefix", func(v value) {
			name, ok := v.text("write `prefix: bff`")
			if ok && !keyPrefixName.MatchString(name) {
				v.wrong("%s cannot begin the store's keys; use at most 64 letters, digits, -, _, . and :, as in `prefix: bff`", v.name())
			} else if ok {
				s.prefix = name
			}
		}, ""},
		field{"cache", func(v value) { set(&s.cache)(v.flag()) }, ""},
	)
	s.idle = min(s.idle, s.lifetime) // a lifetime shorter than the default idle needs no second line
}

var keyPrefixName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`) // no braces: they would move the hash tag

func (c *config) readKeys(v value) {
	var from []value
	v.list("write a list: `keys: [env:BFF_KEY]`", func(_ int, in value) {
		text, ok := in.secret("BFF_KEY", "/run/secrets/bff-key")
		if !ok {
			return
		}
		key, err := vault.ParseKey(text.Reveal())
		if err != nil {
			in.wrong("%s is %v; make one with `bff keygen`", in.name(), err)
			return
		}
		for i, k := range c.session.keys {
			if k.Equal(key) {
				in.wrong("%s is the same key as %s; remove one", in.name(), from[i].name())
				return
			}
		}
		c.session.keys, from = append(c.session.keys, key), append(from, in)
	})
	if l, ok := v.node.(*ast.SequenceNode); ok && len(l.Values) == 0 {
		v.wrong("%s is empty; make a key with `bff keygen` and write `keys: [env:BFF_KEY]`", v.name())
	}
}

func (c *config) readClients(v value) {
	v.named("write a name and below it `secret: env:BILLING_SECRET`", func(name string, v value) {
		client := api.Client{Name: name}
		v.object("write `secret: env:"+variableFor(name, "SECRET")+"` below it",
			field{"secret", func(v value) { set(&client.Secret)(v.secret(variableFor(name, "SECRET"), "/run/secrets/"+name)) },
				"write `secret: env:" + variableFor(name, "SECRET") + "`"},
			field{"exchange", func(v value) { client.Exchange = v.texts("write a list of providers, as in `exchange: [google]`") }, ""},
		)
		c.clients = append(c.clients, client)
	})
}

// variableFor is the name of a variable that a message proposes.
func variableFor(name, what string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_" + what
}

func (c *config) readFrontend(v value) {
	f := &c.frontend
	there := v.object("write `dir: ./dist` below it",
		field{"dir", func(v value) {
			dir, ok := v.text("write the folder of the built frontend, as in `dir: ./dist`")
			if !ok {
				return
			}
			f.dir = v.r.path(dir)
			info, err := os.Stat(f.dir)
			switch {
			case err != nil:
				v.wrong("%s: the folder %s; build the frontend, or write where it is", v.name(), plainFault(err))
			case !info.IsDir():
				v.wrong("%s is a file; write the folder that holds index.html", v.name())
			default:
				if _, err := os.Stat(filepath.Join(f.dir, "index.html")); err != nil {
					v.wrong("%s: the folder holds no index.html; build the frontend, or write where it is", v.name())
				}
			}
		}, ""},
		field{"upstream", func(v value) {
			u, ok := v.absolute("http://localhost:5173", true)
			if ok && (u.Path != "" && u.Path != "/" || u.RawQuery != "") {
				v.wrong("%s has a path; a dev server is reached at its root: write `%s://%s`", v.name(), u.Scheme, u.Host)
			} else if ok {
				f.upstream = u
			}
		}, ""},
		field{"origins", func(v value) {
			v.list("write a list: `origins: [https://other.example.com]`", func(_ int, in value) {
				if u, ok := in.origin("https://other.example.com"); ok {
					f.origins = append(f.origins, u.Scheme+"://"+u.Host)
				}
			})
		}, ""},
		field{"theme", f.readTheme, ""},
	)
	if up, ok := there["upstream"]; ok && there["dir"].r != nil {
		v.r.wrong(up.key, "`frontend` has both `dir` and `upstream`; keep `dir` for built files, or `upstream` for a dev server")
	}
}

func (c *config) readLimits(v value) {
	v.object("write `login_per_minute: 600` below it",
		field{"login_per_minute", func(v value) { set(&c.limits.LoginPerMinute)(v.number(1, 1_000_000)) }, ""},
		field{"session_concurrency", func(v value) { set(&c.limits.SessionConcurrency)(v.number(1, 1_000_000)) }, ""},
		field{"session_per_second", func(v value) { set(&c.limits.SessionPerSecond)(v.number(1, 1_000_000)) }, ""},
		field{"api_concurrency", func(v value) { set(&c.limits.APIConcurrency)(v.number(1, 1_000_000)) }, ""},
		field{"provider_concurrency", func(v value) { set(&c.limits.ProviderConcurrency)(v.number(1, 1_000_000)) }, ""},
		field{"provider_per_second", func(v value) { set(&c.limits.ProviderPerSecond)(v.number(1, 1_000_000)) }, ""},
	)
}

func (c *config) readLog(v value) {
	v.object("write `level: info` below it",
		field{"level", func(v value) {
			if s, ok := v.one("debug", "info", "warn", "error"); ok {
				_ = c.log.level.UnmarshalText([]byte(s)) // knows all four
			}
		}, ""},
		field{"format", func(v value) {
			s, _ := v.one("json", "text")
			c.log.text = s == "text"
		}, ""},
	)
}

// agree is what must hold between parts of the file.
func (c *config) agree(v value) {
	c.agreeOnProviders(v.r)
	c.agreeOnMounts(v.r)
	if oneListener(c.listen, c.admin) {
		v.r.wrong(v.r.where("admin", "listen"), "`admin` is the address of `listen`; browsers must not reach it: write another port")
	}
	for i, o := range c.frontend.origins {
		if c.origin != nil && o == c.origin.Scheme+"://"+c.origin.Host {
			v.r.wrong(v.r.where(indexed("frontend.origins", i)), "`%s` is `origin` itself, which needs no mention; remove it", indexed("frontend.origins", i))
		}
	}
}
