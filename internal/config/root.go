package config

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/vault"
)

// fields are the keys of the file, in the order of the documentation.
func (c *Config) fields() []field {
	all := []field{
		field{name: "origin", example: "https://app.example.com",
			about: "How browsers reach bff, exactly as they send it in `Origin`: scheme, host, and port unless it is the scheme's " +
				"own. It decides the redirect URIs (`<origin>/bff/callback/<provider>`) and, when it is `https`, the cookie's " +
				"`Secure` and its `__Host-`.",
			missing: "write how browsers reach bff, as in `origin: https://app.example.com`",
		}.by(urlSchema(), func(v value) { c.Origin, _ = readOrigin(v, "https://app.example.com") }),
		field{name: "listen", def: `":8080"`, example: `"127.0.0.1:8080"`,
			about: "Address for browsers, `host:port`. Port 0 takes a free one; the log line `listening` says which. `--listen` " +
				"overrides it.",
		}.by(textSchema(), func(v value) { set(&c.Listen)(readListenAddress(v, ":8080")) }),
		field{name: "admin", def: `"127.0.0.1:9090"`, example: `"10.0.0.5:9090"`,
			about: "Address for health, metrics and introspection. Browsers must not reach it. `--admin` overrides it.",
		}.by(textSchema(), func(v value) { set(&c.Admin)(readListenAddress(v, "127.0.0.1:9090")) }),
		field{name: "trusted_proxies", def: "[]", example: "[10.0.0.0/8]",
			about: "CIDRs of the proxies in front of bff, from which alone `X-Forwarded-For`, `-Host` and `-Uri`, and " +
				"`traceparent`, are believed.",
		}.by(listSchema(textSchema()), func(v value) { c.TrustedProxies = readPrefixes(v) }),
		field{name: "name", absent: "\"this application\"", example: "Acme Planner",
			about: "What the account page and messages call the application.",
		}.by(schema{"type": "string", "maxLength": 80}, func(v value) { set(&c.Name)(readTitle(v, "name: Acme Planner")) }),
		field{name: "logo", absent: "none", example: "./logo.svg",
			about: "A picture of the application for the account page: a file of at most 256 KiB, SVG, PNG, JPEG or WebP.",
		}.by(textSchema(), func(v value) { set(&c.Logo)(readPicture(v)) }),
	}
	all = append(all, c.sections()...)
	return append(all, c.running()...)
}

// sections are the keys with further keys below them.
func (c *Config) sections() []field {
	s := &c.Session
	return []field{
		field{name: "session", about: "How long sessions live and where they are kept.",
			missing: "write `session:` with `keys: [env:BFF_KEY]` below it",
		}.object("write `keys: [env:BFF_KEY]` below it", s.fields(), func(value, map[string]value) {
			s.Idle = min(s.Idle, s.Lifetime) // a lifetime shorter than the default idle needs no second line
		}),
		field{name: "providers", about: "The authorization servers at which people sign in, by a name of yours.",
			missing: "write `providers:` with at least one below it, or nobody can sign in",
			entry:   func() []field { return new(Provider).fields("google", "providers") },
		}.by(nil, c.readProviders),
		field{name: "provider_dir", absent: "none", example: "./providers",
			about: "A folder of provider files: `acme.yaml` in it is a provider `acme` that is used like a built-in one.",
		}.by(textSchema(), func(v value) { set(&c.ProviderDir)(readFolder(v, "provider files", "./providers")) }),
		field{name: "apis", absent: "none", about: "The upstream HTTP APIs and backends that bff calls, by a name of yours.",
			entry: func() []field { return (&API{}).fields() },
		}.by(nil, c.readAPIs),
		field{name: "clients", absent: "none",
			about: "Services of yours that may ask on the admin listener, by a name of yours.",
			entry: func() []field { return (&Client{Name: "billing"}).fields() },
		}.by(nil, c.readClients),
		field{name: "users", about: "Who may sign in, and which rights they have."}.
			object("write `allow: [\"domain:example.com\"]` below it", c.Users.fields(), nil),
		field{name: "events", absent: "none", about: "Programs of yours that receive what happened, as Standard Webhooks.",
			entry: func() []field { return (&Event{}).fields() },
		}.by(schema{"type": "array"}, c.readEvents),
		field{name: "frontend", absent: "none: everything outside `/bff` and the apis is 404",
			about: "What is served outside `/bff` and the apis."}.
			object("write `dir: ./dist` below it", c.Frontend.fields(), noBoth),
		field{
			name:   "fronts",
			absent: "none",
			about:  "Further origins that bff answers for, each with cookies of its own and the same users.",
			entry:  func() []field { return (&Front{}).fields() },
		}.by(
			schema{"type": "array"},
			c.readFronts,
		),
		field{
			name: "sso",
			def:  "true",
			about: "Whether a person who is signed in on one front is signed in on the next without " +
				"seeing the provider.",
		}.flag(
			&c.SSO,
		),
	}
}

// running are the keys of how the process runs.
func (c *Config) running() []field {
	return []field{
		field{name: "tls", absent: "none: `listen` speaks plain http", about: "TLS of `listen`: certificate files, or ACME."}.
			object("write `cert:` and `key:` below it, or `acme:`", c.TLS.fields(), c.TLS.agree),
		field{name: "telemetry", absent: "none", about: "Where OpenTelemetry traces go."}.
			object("write `endpoint: http://127.0.0.1:4318` below it", c.Telemetry.fields(), nil),
		field{name: "limits", about: "What one caller may use of one instance."}.
			object("write `login_per_minute: 600` below it", c.Limits.fields(), nil),
		field{name: "proxy", absent: "none", about: "How upstreams are called."}.
			object("write `client: standard` below it", c.Proxy.fields(), nil),
		field{name: "log", about: "What is logged, and how."}.
			object("write `level: info` below it", c.Log.fields(), nil),
		field{name: "explain", def: "24h", example: `"0"`,
			about: "How long it is kept for `bff explain` what happened, sealed in the store; `0` for never."}.
			duration(&c.Explain, 0, 30*24*time.Hour),
		field{name: "shutdown_timeout", def: "15s",
			about: "How long calls in flight may take to finish after SIGTERM or SIGINT. A second signal ends bff at once."}.
			duration(&c.Shutdown, 0, time.Hour),
	}
}

func (s *Session) fields() []field {
	return []field{
		field{name: "store", def: "redis://127.0.0.1:6379/0", example: "env:REDIS_URL",
			about: "`redis://`, `rediss://` (TLS), `unix:///path`, `redis+sentinel://h1:26379,h2:26379/master/0`, " +
				"`redis+cluster://h1:6379,h2:6379` or `memory:`, which forgets everything when the process ends. A URL with a " +
				"password is a secret: `env:REDIS_URL` or `file:…`.",
		}.by(textSchema(), func(v value) { set(&s.Store)(readStore(v)) }),
		field{name: "keys", example: "[env:BFF_KEY, env:OLD_KEY]",
			about:   "Keys as `bff keygen` prints them. The first seals, all open: [how to rotate](keys.md).",
			missing: "make one with `bff keygen`, put it into the environment and write `keys: [env:BFF_KEY]`",
		}.by(listSchema(secretSchema()), s.readKeys),
		field{name: "idle", def: "30m", about: "A session that is not used for this long ends."}.
			duration(&s.Idle, time.Second, year),
		field{
			name:  "lifetime",
			def:   "12h",
			about: "A session ends after this, used or not. An `idle` that is longer counts as this.",
		}.
			duration(
				&s.Lifetime,
				time.Second,
				year,
			),
		field{name: "cookie", def: "bff", about: "The cookie's name; `__Host-` is put in front when `origin` is `https`."}.
			by(textSchema(), func(v value) { set(&s.Cookie)(readCookieName(v)) }),
		field{name: "prefix", def: "bff", about: "Of every key in the store. Two products on one store have two."}.
			by(textSchema(), func(v value) { set(&s.Prefix)(readKeyPrefix(v)) }),
		field{name: "cache", def: "true",
			about: "Whether most calls are answered without asking the store, at most 100 ms behind it; a logout takes that much " +
				"longer, and still has no window. All instances alike. With `memory:` the store is asked all the same.",
		}.flag(&s.Cache),
	}
}

func (l *Limits) fields() []field {
	one := func(name, def, absent, about string, to *int) field {
		return field{name: name, def: def, absent: absent, about: about, example: "100"}.number(to, 1, 1_000_000)
	}
	return []field{
		one("login_per_minute", "600", "", "Sign-ins and links begun per client address and minute.", &l.LoginPerMinute),
		one("session_concurrency", "4096", "", "Proxied calls in flight of one session.", &l.SessionConcurrency),
		one("session_per_second", "", "no limit", "Proxied calls of one session per second.", &l.SessionPerSecond),
		one(
			"api_concurrency",
			"",
			"no limit",
			"Proxied calls in flight through one api. A session uses at most its share, so that "+
				"whoever comes next is served.",
			&l.APIConcurrency,
		),
		one("provider_concurrency", "", "no limit", "The same over all apis of one provider.", &l.ProviderConcurrency),
		one(
			"provider_per_second",
			"",
			"no limit",
			"Proxied calls to one provider per second, at most a quarter of them of one "+
				"session: what the provider's quota for your client allows.",
			&l.ProviderPerSecond,
		),
	}
}

func (p *Proxy) fields() []field {
	return []field{
		field{name: "client", def: "own", example: "standard",
			about: "`own` takes less work a call where the upstream speaks HTTP/1.1 and the request has no body; all other " +
				"calls are Go's client's. `standard` leaves every call to it."}.
			by(schema{"type": "string", "enum": []string{"own", "standard"}}, func(v value) {
				s, _ := v.one("own", "standard")
				p.Standard = s == "standard"
			}),
	}
}

func (l *Log) fields() []field {
	return []field{
		field{name: "level", def: "info", example: "debug", about: "The least severe lines that are written."}.
			by(schema{"type": "string", "enum": []string{"debug", "info", "warn", "error"}}, func(v value) {
				if s, ok := v.one("debug", "info", "warn", "error"); ok {
					_ = l.Level.UnmarshalText([]byte(s)) // knows all four
				}
			}),
		field{name: "format", def: "json", example: "text", about: "JSON lines, or lines of `key=value`."}.
			by(schema{"type": "string", "enum": []string{"json", "text"}}, func(v value) {
				s, _ := v.one("json", "text")
				l.Text = s == "text"
			}),
		field{name: "access", def: "false", about: "Whether every request is one line."}.flag(&l.Access),
		field{name: "audit", absent: "none", example: "file:/var/log/bff/audit.jsonl",
			about: "Where the audit log goes: `stderr`, or `file:PATH`, which is appended to.",
		}.by(schema{"type": "string", "pattern": "^(stderr|file:.+)$"}, func(v value) { set(&l.Audit)(readAuditLog(v)) }),
	}
}

func readAuditLog(v value) (string, bool) {
	const want = "write `audit: stderr` or `audit: file:/var/log/bff/audit.jsonl`"
	text, ok := v.hidden(want)
	if !ok {
		return "", false
	}
	v.show()
	path, isFile := strings.CutPrefix(text, "file:")
	switch {
	case text == "stderr":
		return text, true
	case !isFile || path == "" || strings.HasPrefix(path, "//"):
		v.wrong("%s is none of its values; %s", v.name(), want)
		return "", false
	}
	path = v.r.path(path)
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		v.wrong("%s: the folder of the file does not exist; create it, or write another path", v.name())
		return "", false
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		v.wrong("%s is a folder; write the path of a file in it", v.name())
		return "", false
	}
	return "file:" + path, true
}

// readTitle reads a short text that people see.
func readTitle(v value, example string) (string, bool) {
	text, ok := v.text("write `" + example + "`")
	switch {
	case !ok:
		return "", false
	case len([]rune(text)) > 80:
		v.wrong("%s is longer than 80 characters; write a shorter one", v.name())
	case strings.IndexFunc(text, unicode.IsControl) >= 0:
		v.wrong("%s has more than one line; write one", v.name())
	default:
		return text, true
	}
	return "", false
}

const maxPicture = 256 << 10

// readPicture reads the path of an image.
func readPicture(v value) (string, bool) {
	file, ok := v.text("write where the picture is, as in `logo: ./logo.svg`")
	if !ok {
		return "", false
	}
	path := v.r.path(file)
	kinds := []string{".svg", ".png", ".jpg", ".jpeg", ".webp"}
	info, err := os.Stat(path)
	switch {
	case !slices.Contains(kinds, strings.ToLower(filepath.Ext(path))):
		v.wrong("%s has a name that is no picture's; write a file that ends in %s", v.name(), listed(kinds))
	case err != nil:
		v.wrong("%s: the file %s; write where the picture is", v.name(), FileError(err))
	case !info.Mode().IsRegular():
		v.wrong("%s is no file; write the picture itself, as in `logo: ./logo.svg`", v.name())
	case info.Size() > maxPicture:
		v.wrong("%s is larger than %d KiB; write a smaller picture", v.name(), maxPicture>>10)
	default:
		return path, true
	}
	return "", false
}

// readFolder reads the path of a folder that exists.
func readFolder(v value, of, example string) (string, bool) {
	text, ok := v.text("write the folder of the " + of + ", as in `" + v.leaf() + ": " + example + "`")
	if !ok {
		return "", false
	}
	path := v.r.path(text)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		v.wrong("%s: the folder %s; write where the %s are", v.name(), FileError(err), of)
	case !info.IsDir():
		v.wrong("%s is a file; write the folder of the %s", v.name(), of)
	default:
		return path, true
	}
	return "", false
}

var (
	cookieName    = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
	keyPrefixName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`) // no braces: they would move the hash tag
)

func readCookieName(v value) (string, bool) {
	name, ok := v.text("write `cookie: bff`")
	switch lower := strings.ToLower(name); {
	case !ok:
	case strings.HasPrefix(lower, "__host-"), strings.HasPrefix(lower, "__secure-"):
		v.wrong("%s has a prefix that bff adds itself; write `cookie: %s`", v.name(),
			cmp.Or(name[strings.IndexByte(name, '-')+1:], "bff"))
	case !cookieName.MatchString(name):
		v.wrong("%s is no cookie name (RFC 6265); use at most 64 letters, digits, - and _, as in `cookie: bff`", v.name())
	default:
		return name, true
	}
	return "", false
}

func readKeyPrefix(v value) (string, bool) {
	name, ok := v.text("write `prefix: bff`")
	if ok && !keyPrefixName.MatchString(name) {
		v.wrong(
			"%s cannot begin the store's keys; use at most 64 letters, digits, -, _, . and :, as in `prefix: bff`",
			v.name(),
		)
		return "", false
	}
	return name, ok
}

func (s *Session) readKeys(v value) {
	var from []value
	v.list("write a list: `keys: [env:BFF_KEY]`", func(_ int, in value) {
		text, ok := readSecret(in, "BFF_KEY", "/run/secrets/bff-key")
		if !ok {
			return
		}
		key, err := vault.ParseKey(text.Reveal())
		if err != nil {
			in.wrong("%s is %v; make one with `bff keygen`", in.name(), err)
			return
		}
		for i, k := range s.Keys {
			if k.Equal(key) {
				in.wrong("%s is the same key as %s; remove one", in.name(), from[i].name())
				return
			}
		}
		s.Keys, from = append(s.Keys, key), append(from, in)
	})
	if l, ok := v.node.(*ast.SequenceNode); ok && len(l.Values) == 0 {
		v.wrong("%s is empty; make a key with `bff keygen` and write `keys: [env:BFF_KEY]`", v.name())
	}
}
