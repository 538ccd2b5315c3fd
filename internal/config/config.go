package config

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

	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// A Config is what one file says, with the defaults in it.
type Config struct {
	Origin         *url.URL // scheme and host alone
	Listen         string
	Admin          string
	TrustedProxies []netip.Prefix
	Session        Session
	Providers      []providers.Config // in the file's order, which is the order in which they are offered
	APIs           []API
	Clients        []Client
	Frontend       Frontend
	Limits         Limits
	Log            Log
	Shutdown       time.Duration

	positions map[string]Position // of every value of the file, by its path
}

// A Session says how long sessions live and where they are kept.
type Session struct {
	Store          secret.Text // its URL, which may hold a password
	Keys           []vault.Key
	Idle, Lifetime time.Duration
	Cookie         string // without "__Host-"
	Prefix         string
	Cache          bool
}

// A Frontend is what is served outside /bff and the mounts: Dir or Upstream, or neither.
type Frontend struct {
	Dir      string
	Upstream *url.URL
	Origins  []string
	Theme    string
}

// A Client is a service that authenticates on the admin listener.
type Client struct {
	Name     string
	Secret   secret.Text
	Exchange []string // providers whose access tokens it may have
}

// Limits bound what one caller may use. Zero is the default of the package that enforces it.
type Limits struct {
	LoginPerMinute      int
	SessionConcurrency  int
	SessionPerSecond    int
	APIConcurrency      int
	ProviderConcurrency int
	ProviderPerSecond   int
}

// A Log says what is logged, and how.
type Log struct {
	Level slog.Level
	Text  bool
}

// Defaults returns a Config in which only what nobody can guess is missing.
func Defaults() *Config {
	return &Config{
		Listen: ":8080", Admin: "127.0.0.1:9090", Shutdown: 15 * time.Second,
		Session: Session{Store: secret.New("redis://127.0.0.1:6379/0"), Idle: 30 * time.Minute, Lifetime: 12 * time.Hour,
			Cookie: "bff", Prefix: "bff"},
		positions: map[string]Position{},
	}
}

// Secure reports whether browsers reach bff over https.
func (c *Config) Secure() bool { return c.Origin.Scheme == "https" }

// OriginText returns the origin as browsers send it.
func (c *Config) OriginText() string { return c.Origin.Scheme + "://" + c.Origin.Host }

// SessionCookie returns the session cookie's whole name. The prefix makes browsers hold it to Secure, Path=/ and no Domain
// (RFC 6265bis section 4.1.3.2).
func (c *Config) SessionCookie() string {
	if c.Secure() {
		return "__Host-" + c.Session.Cookie
	}
	return c.Session.Cookie
}

// Load reads a file. When it returns a report, the report names every mistake and the Config is nil.
func Load(name string, env func(string) string) (*Config, string) {
	data, err := readBounded(name, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, name + ": does not exist; name another with `--config FILE`, write one (docs/configuration.md has a complete one)," +
			" or try `bff dev`, which needs none\n"
	case errors.Is(err, errTooLarge):
		data = make([]byte, maxFile+1) // parse reports it
	case err != nil:
		return nil, name + ": " + FileError(err) + "\n"
	}
	return Read(name, data, env)
}

// Read is Load for the text of a file. name stands in the report, and relative paths start from its folder.
func Read(name string, data []byte, env func(string) string) (*Config, string) {
	src, top := parse(name, data)
	if top == nil {
		return nil, src.report()
	}
	c := Defaults()
	r := newReader(src, env, name, c.positions)
	c.read(r.top(top))
	if report := src.report(); report != "" {
		return nil, report
	}
	return c, ""
}

// read is the whole file, key by key.
func (c *Config) read(v value) {
	v.object("write `key: value` lines, the first of them `origin: https://app.example.com`",
		field{"origin", func(v value) { c.Origin, _ = v.origin("https://app.example.com") },
			"write how browsers reach bff, as in `origin: https://app.example.com`"},
		field{"listen", func(v value) { set(&c.Listen)(v.listenAddress(":8080")) }, ""},
		field{"admin", func(v value) { set(&c.Admin)(v.listenAddress("127.0.0.1:9090")) }, ""},
		field{"trusted_proxies", func(v value) { c.TrustedProxies = v.prefixes() }, ""},
		field{"session", c.readSession, "write `session:` with `keys: [env:BFF_KEY]` below it"},
		field{"providers", c.readProviders, "write `providers:` with at least one below it, or nobody can sign in"},
		field{"apis", c.readAPIs, ""},
		field{"clients", c.readClients, ""},
		field{"frontend", c.readFrontend, ""},
		field{"limits", c.readLimits, ""},
		field{"log", c.readLog, ""},
		field{"shutdown_timeout", func(v value) { set(&c.Shutdown)(v.duration(0, time.Hour)) }, ""},
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

func (c *Config) readSession(v value) {
	s := &c.Session
	within := func(to *time.Duration) func(value) {
		return func(v value) { set(to)(v.duration(time.Second, 366*24*time.Hour)) }
	}
	v.object("write `keys: [env:BFF_KEY]` below it",
		field{"store", func(v value) { set(&s.Store)(v.store()) }, ""},
		field{"keys", c.readKeys, "make one with `bff keygen`, put it into the environment and write `keys: [env:BFF_KEY]`"},
		field{"idle", within(&s.Idle), ""},
		field{"lifetime", within(&s.Lifetime), ""},
		field{"cookie", func(v value) {
			name, ok := v.text("write `cookie: bff`")
			switch lower := strings.ToLower(name); {
			case !ok:
			case strings.HasPrefix(lower, "__host-"), strings.HasPrefix(lower, "__secure-"):
				v.wrong("%s has a prefix that bff adds itself; write `cookie: %s`", v.name(), cmp.Or(name[strings.IndexByte(name, '-')+1:], "bff"))
			case !cookieName.MatchString(name):
				v.wrong("%s is no cookie name (RFC 6265); use at most 64 letters, digits, - and _, as in `cookie: bff`", v.name())
			default:
				s.Cookie = name
			}
		}, ""},
		field{"prefix", func(v value) {
			name, ok := v.text("write `prefix: bff`")
			if ok && !keyPrefixName.MatchString(name) {
				v.wrong("%s cannot begin the store's keys; use at most 64 letters, digits, -, _, . and :, as in `prefix: bff`", v.name())
			} else if ok {
				s.Prefix = name
			}
		}, ""},
		field{"cache", func(v value) { set(&s.Cache)(v.flag()) }, ""},
	)
	s.Idle = min(s.Idle, s.Lifetime) // a lifetime shorter than the default idle needs no second line
}

var keyPrefixName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`) // no braces: they would move the hash tag

func (c *Config) readKeys(v value) {
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
		for i, k := range c.Session.Keys {
			if k.Equal(key) {
				in.wrong("%s is the same key as %s; remove one", in.name(), from[i].name())
				return
			}
		}
		c.Session.Keys, from = append(c.Session.Keys, key), append(from, in)
	})
	if l, ok := v.node.(*ast.SequenceNode); ok && len(l.Values) == 0 {
		v.wrong("%s is empty; make a key with `bff keygen` and write `keys: [env:BFF_KEY]`", v.name())
	}
}

func (c *Config) readClients(v value) {
	v.named("write a name and below it `secret: env:BILLING_SECRET`", func(name string, v value) {
		client := Client{Name: name}
		v.object("write `secret: env:"+VariableFor(name, "SECRET")+"` below it",
			field{"secret", func(v value) { set(&client.Secret)(v.secret(VariableFor(name, "SECRET"), "/run/secrets/"+name)) },
				"write `secret: env:" + VariableFor(name, "SECRET") + "`"},
			field{"exchange", func(v value) { client.Exchange = v.texts("write a list of providers, as in `exchange: [google]`") }, ""},
		)
		c.Clients = append(c.Clients, client)
	})
}

// VariableFor is the name of a variable that a message proposes.
func VariableFor(name, what string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_" + what
}

func (c *Config) readFrontend(v value) {
	f := &c.Frontend
	there := v.object("write `dir: ./dist` below it",
		field{"dir", func(v value) {
			dir, ok := v.text("write the folder of the built frontend, as in `dir: ./dist`")
			if !ok {
				return
			}
			f.Dir = v.r.path(dir)
			info, err := os.Stat(f.Dir)
			switch {
			case err != nil:
				v.wrong("%s: the folder %s; build the frontend, or write where it is", v.name(), FileError(err))
			case !info.IsDir():
				v.wrong("%s is a file; write the folder that holds index.html", v.name())
			default:
				if _, err := os.Stat(filepath.Join(f.Dir, "index.html")); err != nil {
					v.wrong("%s: the folder holds no index.html; build the frontend, or write where it is", v.name())
				}
			}
		}, ""},
		field{"upstream", func(v value) {
			u, ok := v.absolute("http://localhost:5173", true)
			if ok && (u.Path != "" && u.Path != "/" || u.RawQuery != "") {
				v.wrong("%s has a path; a dev server is reached at its root: write `%s://%s`", v.name(), u.Scheme, u.Host)
			} else if ok {
				f.Upstream = u
			}
		}, ""},
		field{"origins", func(v value) {
			v.list("write a list: `origins: [https://other.example.com]`", func(_ int, in value) {
				if u, ok := in.origin("https://other.example.com"); ok {
					f.Origins = append(f.Origins, u.Scheme+"://"+u.Host)
				}
			})
		}, ""},
		field{"theme", f.readTheme, ""},
	)
	if up, ok := there["upstream"]; ok && there["dir"].r != nil {
		v.r.wrong(up.key, "`frontend` has both `dir` and `upstream`; keep `dir` for built files, or `upstream` for a dev server")
	}
}

func (c *Config) readLimits(v value) {
	v.object("write `login_per_minute: 600` below it",
		field{"login_per_minute", func(v value) { set(&c.Limits.LoginPerMinute)(v.number(1, 1_000_000)) }, ""},
		field{"session_concurrency", func(v value) { set(&c.Limits.SessionConcurrency)(v.number(1, 1_000_000)) }, ""},
		field{"session_per_second", func(v value) { set(&c.Limits.SessionPerSecond)(v.number(1, 1_000_000)) }, ""},
		field{"api_concurrency", func(v value) { set(&c.Limits.APIConcurrency)(v.number(1, 1_000_000)) }, ""},
		field{"provider_concurrency", func(v value) { set(&c.Limits.ProviderConcurrency)(v.number(1, 1_000_000)) }, ""},
		field{"provider_per_second", func(v value) { set(&c.Limits.ProviderPerSecond)(v.number(1, 1_000_000)) }, ""},
	)
}

func (c *Config) readLog(v value) {
	v.object("write `level: info` below it",
		field{"level", func(v value) {
			if s, ok := v.one("debug", "info", "warn", "error"); ok {
				_ = c.Log.Level.UnmarshalText([]byte(s)) // knows all four
			}
		}, ""},
		field{"format", func(v value) {
			s, _ := v.one("json", "text")
			c.Log.Text = s == "text"
		}, ""},
	)
}

// agree is what must hold between parts of the file.
func (c *Config) agree(v value) {
	c.agreeOnProviders(v.r)
	c.agreeOnMounts(v.r)
	if OneListener(c.Listen, c.Admin) {
		v.r.wrong(v.r.where("admin", "listen"), "`admin` is the address of `listen`; browsers must not reach it: write another port")
	}
	for i, o := range c.Frontend.Origins {
		if c.Origin != nil && o == c.Origin.Scheme+"://"+c.Origin.Host {
			v.r.wrong(v.r.where(indexed("frontend.origins", i)), "`%s` is `origin` itself, which needs no mention; remove it", indexed("frontend.origins", i))
		}
	}
}

// InMemory reports whether the store lives in this process.
func (s *Session) InMemory() bool { return s.Store.Reveal() == "memory:" }

func (f *Frontend) readTheme(v value) {
	file, ok := v.text("write a style sheet of your own, as in `theme: ./theme.css`")
	if !ok {
		return
	}
	f.Theme = v.r.path(file)
	info, err := os.Stat(f.Theme)
	switch {
	case err != nil:
		v.wrong("%s: the file %s; write where the style sheet is", v.name(), FileError(err))
	case !info.Mode().IsRegular():
		v.wrong("%s is no file; write the style sheet itself, as in `theme: ./theme.css`", v.name())
	}
}
