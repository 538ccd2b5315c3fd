package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/config"
)

// secretValue stands in every file of these tests where a person might paste a secret.
const secretValue = "hunter2-Secret_Value"

// Each file has the mistakes that are named, and no other; no report repeats a secret.
func TestEachFileHasTheMistakesThatAreNamed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "blank": "\n", "lines": "a\nb\n", "key": "bffk1_short", "good": "a-secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "site"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "site", "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	google := func(rest string) string {
		return top + session + "providers:\n  google: {client_id: x, client_secret: env:GOOGLE_CLIENT_SECRET" + rest + "}\n"
	}
	one := func(rest string) string {
		return minimal + "apis:\n  notes:\n    provider: google\n    upstream: https://notes.example\n" + rest
	}
	for _, c := range []struct{ name, yaml, want string }{
		{"an origin with a path", strings.Replace(minimal, ".com", ".com/app", 1),
			"1:9: `origin` has a path; an origin is scheme and host alone: write `https://app.example.com`"},
		{"an origin with a slash", strings.Replace(minimal, ".com", ".com/", 1),
			"1:9: `origin` has a path; an origin is scheme and host alone: write `https://app.example.com`"},
		{"an origin with its default port", strings.Replace(minimal, ".com", ".com:443", 1),
			"1:9: `origin` is not as browsers write it; write `https://app.example.com`"},
		{"an origin in capitals", strings.Replace(minimal, "app", "App", 1), "1:9: `origin` is not as browsers write it; write `https://app.example.com`"},
		{"an origin without a scheme", strings.Replace(minimal, "https://", "", 1), "1:9: `origin` is not an absolute URL; write `https://app.example.com`"},
		{"plain http beyond loopback", strings.Replace(minimal, "https", "http", 1),
			"1:9: `origin` is plain http, which is for loopback only; write `https://app.example.com`"},
		{"an origin of another scheme", strings.Replace(minimal, "https", "ftp", 1),
			"1:9: `origin` begins with ftp:, and bff speaks http and https; write an absolute URL such as `https://app.example.com`"},
		{"a user in the origin", strings.Replace(minimal, "app.", secretValue+"@app.", 1),
			"1:9: `origin` holds a user name or password; remove what stands before the @"},
		{"no origin", session + providers, "`origin`; write how browsers reach bff"},
		{"a port too high", "listen: ':65536'\n" + minimal, "1:9: `listen` has no port from 0 to 65535"},
		{"a service name for a port", "listen: ':http'\n" + minimal, "1:9: `listen` has no port from 0 to 65535"},
		{"a port alone", "listen: 8080\n" + minimal, "1:9: `listen` is not host:port; write `listen: \":8080\"`"},
		{"one address for both listeners", "listen: ':9090'\nadmin: ':9090'\n" + minimal,
			"2:8: `admin` is the address of `listen`; browsers must not reach it: write another port"},

		{"one port for both listeners", "listen: '0.0.0.0:9090'\n" + minimal,
			"1:9: `admin` is the address of `listen`; browsers must not reach it: write another port"},
		{"an origin that is an expansion", strings.Replace(minimal, "https://app.example.com", "${ORIGIN}", 1),
			"1:9: `origin` is not expanded, here or anywhere in the file; write the value itself"},
		{"an origin from elsewhere", strings.Replace(minimal, "https://app.example.com", "env:ORIGIN", 1),
			"1:9: `origin` is not read from elsewhere, as secrets are; write the value itself"},
		{"an address from elsewhere", "listen: env:LISTEN\n" + minimal, "1:9: `listen` is not read from elsewhere, as secrets are; write the value itself"},
		{"a key in capitals", "Listen: ':80'\n" + minimal, "1:1: the file has a key in capitals; write `listen`"},
		{"no space after a colon", top + "session:\n  keys:[env:BFF_KEY]\n" + providers, "3:3: `session` is a single value; is the space after a colon missing?"},
		{"a no-break space", top + session + "providers:\n  google:\u00a0{client_id: x\n",
			"5:10: there is a no-break space or an invisible character, as text copied from a page has; type a space instead"},

		{"no keys", top + "session: {idle: 1h}\n" + providers, "2:1: `session` has no `keys`; make one with `bff keygen`"},
		{"an empty list of keys", top + "session: {keys: []}\n" + providers, "2:17: `session.keys` is empty; make a key with `bff keygen`"},
		{"a key that is no list", top + "session: {keys: env:BFF_KEY}\n" + providers, "2:17: `session.keys` is a single value; write a list"},
		{"a literal key", top + "session: {keys: [" + aKey + "]}\n" + providers,
			"2:18: `session.keys[0]` is a literal secret; write `env:BFF_KEY` or `file:/run/secrets/bff-key`"},
		{"a key that is none", top + "session: {keys: [env:GOOGLE_CLIENT_SECRET]}\n" + providers,
			"2:18: `session.keys[0]` is not a key: want \"bffk1_\" and 43 characters"},
		{"a key cut short", top + "session: {keys: [file:key]}\n" + providers, "2:18: `session.keys[0]` is not a key"},
		{"the same key twice", top + "session: {keys: [env:BFF_KEY, env:OLD_KEY, env:BFF_KEY]}\n" + providers,
			"2:44: `session.keys[2]` is the same key as `session.keys[0]`; remove one"},
		{"a variable that is not set", top + "session: {keys: [env:NOT_SET]}\n" + providers,
			"2:18: `session.keys[0]`: `NOT_SET` is not set, or empty; set it, or name another"},
		{"a variable that is empty", top + "session: {keys: [env:EMPTY]}\n" + providers, "2:18: `session.keys[0]`: `EMPTY` is not set, or empty"},
		{"no variable", top + "session: {keys: ['env:']}\n" + providers, "2:18: `session.keys[0]` names no variable"},
		{"a secret where a variable's name goes", top + "session: {keys: ['env:" + secretValue + "']}\n" + providers,
			"2:18: `session.keys[0]` names no variable; after `env:` goes a name of letters, digits and _"},
		{"an expansion", top + "session: {keys: ['${BFF_KEY}']}\n" + providers,
			"2:18: `session.keys[0]` is not expanded, here or anywhere in the file; write `env:BFF_KEY`"},
		{"a file that does not exist", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:nothing", 1),
			"`providers.google.client_secret`: the file does not exist"},
		{"a file that is empty", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:empty", 1),
			"`providers.google.client_secret`: the file is empty; put the secret into it"},
		{"a file of white space", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:blank", 1),
			"`providers.google.client_secret`: the file is empty; put the secret into it"},
		{"a file of two lines", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:lines", 1),
			"has more than one line where it comes from; put the secret alone there"},
		{"a folder", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:.", 1), "`providers.google.client_secret`: the file is a folder"},
		{"no file", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:", 1), "`providers.google.client_secret` names no file"},
		{"a file by URL", strings.Replace(google(""), "env:GOOGLE_CLIENT_SECRET", "file:///run/x", 1), "`providers.google.client_secret` names no file"},

		{"a password in the store's URL", top + "session: {keys: [env:BFF_KEY], store: 'redis://u:" + secretValue + "@h:1/0'}\n" + providers,
			"`session.store` holds a password; put the whole URL into a variable or file"},
		{"a sentinel password in the store's URL",
			top + "session: {keys: [env:BFF_KEY], store: 'redis+sentinel://h:1/m?sentinel_password=" + secretValue + "'}\n" + providers,
			"`session.store` holds a password"},
		{"a password in the query of the store's URL", top + "session: {keys: [env:BFF_KEY], store: 'redis://h:1?password=" + secretValue + "'}\n" + providers,
			"`session.store` holds a password"},
		{"a store that is none", top + "session: {keys: [env:BFF_KEY], store: 'postgres://h/db'}\n" + providers,
			"`session.store` is not a store: write redis://host:6379/0"},
		{"a store that is none, referred to", top + "session: {keys: [env:BFF_KEY], store: env:GOOGLE_CLIENT_SECRET}\n" + providers,
			"`session.store` is not a store"},
		{"a number for a duration", top + "session: {keys: [env:BFF_KEY], idle: 30}\n" + providers, "`session.idle` has no unit; write `30s`, `30m` or `30h`"},
		{"days", top + "session: {keys: [env:BFF_KEY], lifetime: 7d}\n" + providers, "`session.lifetime` is in days, which differ in length; write `168h`"},
		{"a negative duration", top + "session: {keys: [env:BFF_KEY], idle: -30m}\n" + providers, "`session.idle` is too short; write at least `1s`"},
		{"an endless duration", top + "session: {keys: [env:BFF_KEY], lifetime: 99999h}\n" + providers, "`session.lifetime` is too long; write at most `8784h`"},
		{"words for a duration", top + "session: {keys: [env:BFF_KEY], idle: half an hour}\n" + providers, "`session.idle` is not a duration"},
		{"a prefix of cookies", top + "session: {keys: [env:BFF_KEY], cookie: __Host-app}\n" + providers,
			"`session.cookie` has a prefix that bff adds itself; write `cookie: app`"},
		{"a cookie's name with a space", top + "session: {keys: [env:BFF_KEY], cookie: my app}\n" + providers, "`session.cookie` is no cookie name"},
		{"braces in the prefix", top + "session: {keys: [env:BFF_KEY], prefix: 'a{b}'}\n" + providers, "`session.prefix` cannot begin the store's keys"},

		{"no providers", top + session, "`providers`; write `providers:` with at least one below it"},
		{"an empty mapping of providers", top + session + "providers: {}\n", "`providers` is empty; nobody could sign in"},
		{"a list of providers", top + session + "providers: [google]\n", "`providers` is a list; write the name of a provider"},
		{"a provider without a client", top + session + "providers:\n  google:\n",
			"`providers.google` has no value; write `client_id:` and `client_secret:` below it"},
		{"a built-in provider whose issuer is each organisation's own", top + session + "providers: {casdoor: {client_id: x, client_secret: " +
			"env:GOOGLE_CLIENT_SECRET}}\n",
			"`providers.casdoor` has no `issuer`: each organisation has its own"},
		{"a built-in provider whose domain is each organisation's own", top + session + "providers: {okta: {client_id: x, client_secret: " +
			"env:GOOGLE_CLIENT_SECRET}}\n",
			"`providers.okta.variables.domain` has no value; write `value:`, or `ask:` with what a person is asked"},
		{"a domain that is asked for and leads anywhere", top + session + "providers: {keycloak: {client_id: x, client_secret: " +
			"env:GOOGLE_CLIENT_SECRET, variables: {host: {ask: Which?}, realm: {value: main}}}}\n",
			"`providers.keycloak.issuer` has `{host}` in its host, and `providers.keycloak` does not say where it may lead"},
		{"a provider without a secret", top + session + "providers: {google: {client_id: x}}\n",
			"`providers.google` has no `client_secret`; write `client_secret: env:GOOGLE_CLIENT_SECRET`"},
		{"a literal client secret", top + session + "providers: {google: {client_id: x, client_secret: " + secretValue + "}}\n",
			"`providers.google.client_secret` is a literal secret; write `client_secret: env:GOOGLE_CLIENT_SECRET` or `client_secret: file:/run/secrets/google`"},
		{"a provider that is not built in", top + session + "providers: {acme: {client_id: x, client_secret: env:ACME_CLIENT_SECRET}}\n",
			"`providers.acme` is not built in; give it an `issuer`"},
		{"a misspelled built-in provider", top + session + "providers: {goggle: {client_id: x, client_secret: env:ACME_CLIENT_SECRET}}\n",
			"`providers.goggle` is not built in; did you mean `google`?"},
		{"half of a provider's endpoints",
			top + session + "providers: {acme: {token_url: https://a.example/t, client_id: x, client_secret: env:ACME_CLIENT_SECRET}}\n",
			"has one of `authorization_url` and `token_url`; write both, or its `issuer`"},
		{"an issuer over http", top + session + "providers: {acme: {issuer: http://id.example, client_id: x, client_secret: env:ACME_CLIENT_SECRET}}\n",
			"`providers.acme.issuer` is plain http, which is for loopback only; write `https://id.example`"},
		{"an endpoint over http", google(", token_url: http://id.example/t"), "`providers.google.token_url` is plain http"},
		{"another scheme", google(", token_url: 'ftp://a.example/t'"), "`providers.google.token_url` begins with ftp:, and bff speaks http and https"},
		{"a relative endpoint", google(", token_url: /t"), "`providers.google.token_url` is not an absolute URL"},
		{"a fragment in an endpoint", google(", token_url: 'https://a.example/#t'"), "`providers.google.token_url` has a fragment"},
		{"keep of another word", google(", keep: users"), "`providers.google.keep` is none of its values; did you mean `user`?"},
		{"client authentication of another word", google(", client_auth: basic"),
			"`providers.google.client_auth` is none of its values; did you mean `client_secret_basic`?"},
		{"PKCE of another word", google(", pkce: none"), "`providers.google.pkce` is none of its values; write one of `off`, `plain`"},
		{"scopes in one text", google(", scopes: openid email"), "`providers.google.scopes` is a single value; write a list of scopes"},
		{"several scopes in one item", google(", scopes: [openid email]"),
			"`providers.google.scopes[0]` is several scopes in one; write each by itself: `openid`, `email`"},
		{"a scope twice", google(", scopes: [openid, openid]"), "`providers.google.scopes[1]` is in the list twice; keep one"},
		{"scopes without openid", google(", scopes: [email]"), "`providers.google.scopes` lacks `openid`"},
		{"a key for no method", top + session + "providers: {acme: {issuer: https://id.example, client_id: x, client_auth: private_key_jwt}}\n",
			"`providers.acme` has no `client_key`, which `private_key_jwt` needs"},
		{"a provider's name in capitals", top + session + "providers: {Google: {client_id: x}}\n", "`providers` has a name that cannot stand in a URL"},
		{"an unknown key of a provider", google(", clientid: y"), "`providers.google.clientid` is not a key; did you mean `client_id`?"},
		{"a secret under an unknown key", google(", secret: " + secretValue), "`providers.google.secret` is not a key; did you mean `client_secret`?"},
		{"a secret for a key", google(", " + secretValue), "`providers.google` has a key that is none"},
		{"a secret twice", google(", client_secret: " + secretValue), "`providers.google.client_secret` is here a second time, after line 5; keep one"},

		{"an api without its provider", minimal + "apis: {notes: {upstream: https://n.example, allow: [GET /n]}}\n",
			"`apis.notes` has no `provider`; write the name of one of `providers`"},
		{"an api without its upstream", minimal + "apis: {notes: {provider: google, allow: [GET /n]}}\n", "`apis.notes` has no `upstream`"},
		{"an api of an unknown provider", strings.Replace(one("    allow: [GET /n]\n"), "provider: google", "provider: goggle", 1),
			"`apis.notes.provider` names no provider of this file; did you mean `google`?"},
		{"a lower-case method", one("    allow: [get /n]\n"), "`apis.notes.allow[0]`: methods are upper case: write \"GET /n\""},
		{"a pattern that ServeMux refuses", one("    allow: ['GET /n', 'GET /{a}/{a}']\n"), "12:23: `apis.notes.allow[1]`: "},
		{"a pattern with a query", one("    allow: ['GET /n?x=1']\n"), "`apis.notes.allow[0]`: a query takes no part in the allow-list"},
		{"a pattern with a host", one("    allow: ['GET notes.example/n']\n"), "`apis.notes.allow[0]`: "},
		{"TRACE", one("    allow: ['TRACE /n']\n"), "`apis.notes.allow[0]`: TRACE is never carried"},
		{"a pattern twice", one("    allow: ['GET /n', 'GET /n']\n"), "`apis.notes.allow[1]` is in the list twice; keep one"},
		{"a wildcard that no pattern has", one("    allow: ['GET /n/{id}']\n    encoded: [project]\n"),
			"`apis.notes.encoded[0]`: no pattern has a wildcard of that name"},
		{"a rewrite that is no path", one("    allow: [GET /n]\n    rewrite: [next]\n"), "`apis.notes.rewrite[0]`: "},
		{"a mount below /bff", one("    allow: [GET /n]\n    path: /bff/notes\n"), "`apis.notes.path` is below /bff, which is bff's own; write `path: /api/notes`"},
		{"a mount over everything", one("    allow: [GET /n]\n    path: /\n"), "`apis.notes.path` would put the API over the frontend"},
		{"a mount with a slash at its end", one("    allow: [GET /n]\n    path: /api/notes/\n"), "`apis.notes.path` ends in a slash; write `path: /api/notes`"},
		{"a mount with a dot segment", one("    allow: [GET /n]\n    path: /api/../bff\n"), "`apis.notes.path` has more than letters"},
		{"a mount with an escape", one("    allow: [GET /n]\n    path: /api/%62ff\n"), "`apis.notes.path` has more than letters"},
		{"a relative mount", one("    allow: [GET /n]\n    path: notes\n"), "`apis.notes.path` does not begin with a slash"},
		{"path and host", one("    allow: [GET /n]\n    path: /api/n\n    host: n.example.com\n"), "`path` and `host` exclude each other; keep one"},
		{"the frontend's host", one("    allow: [GET /n]\n    host: app.example.com\n"), "`apis.notes.host` is the host of `origin`"},
		{"two methods in one pattern", one("    allow: ['GET,POST /n']\n"), "`apis.notes.allow[0]`: a pattern has one method: write one item for each"},
		{"dots in a pattern", one("    allow: [GET /a/../n]\n"), "`apis.notes.allow[0]`: no request has a path with `//`, `/./` or `/../`"},
		{"a wildcard in a segment", one("    allow: ['GET /n-{id}']\n"), "`apis.notes.allow[0]`: a wildcard is a whole segment"},
		{"a wildcard without a name", one("    allow: ['GET /{}']\n"), "`apis.notes.allow[0]`: a wildcard has no name"},
		{"one wildcard twice", one("    allow: ['GET /{a}/{a}']\n"), "`apis.notes.allow[0]`: two wildcards have one name"},
		{"a rest that is none", one("    allow: ['GET /{rest...}/n']\n"), "`apis.notes.allow[0]`: a wildcard for all the rest is not at the end"},
		{"an end that is none", one("    allow: ['GET /{$}/n']\n"), "`apis.notes.allow[0]`: `{$}` marks the end and stands before it"},
		{"a host that is none", one("    allow: [GET /n]\n    host: n.example.com/x\n"), "`apis.notes.host` is not a host"},
		{"two apis on one path", one("    allow: [GET /n]\n  more: {path: /api/notes, provider: google, upstream: https://m.example, allow: [GET /m]}\n"),
			"`apis.more` is mounted at /api/notes and `apis.notes` at /api/notes, which overlap"},
		{"an api below another", one("    allow: [GET /n]\n  more: {path: /api/notes/more, provider: google, upstream: https://m.example, allow: [GET /m]}\n"),
			"`apis.more` is mounted at /api/notes/more and `apis.notes` at /api/notes, which overlap"},
		{"an api above another", one("    allow: [GET /n]\n  more: {path: /api, provider: google, upstream: https://m.example, allow: [GET /m]}\n"),
			"`apis.more` is mounted at /api and `apis.notes` at /api/notes, which overlap"},
		{"a password in an upstream", strings.Replace(one("    allow: [GET /n]\n"), "https://notes", "https://u:"+secretValue+"@notes", 1),
			"`apis.notes.upstream` holds a user name or password"},
		{"a query in an upstream", strings.Replace(one("    allow: [GET /n]\n"), "notes.example", "notes.example?key="+secretValue, 1),
			"`apis.notes.upstream` has a query; remove it from the ? on"},
		{"a header that carries the session", one("    allow: [GET /n]\n    headers: {Cookie: a}\n"),
			"`apis.notes.headers.Cookie`: this field belongs to the connection"},
		{"a header with a line break", one("    allow: [GET /n]\n    headers: {X-A: \"a\\nb\"}\n"), "`apis.notes.headers.X-A` cannot stand in a header"},
		{"an unknown key of an api", one("    allow: [GET /n]\n    methods: [GET]\n"), "`apis.notes.methods` is not a key"},

		{"a literal client's secret", minimal + "clients: {billing: {secret: " + secretValue + "}}\n", "`clients.billing.secret` is a literal secret; write " +
			"`secret: env:BILLING_SECRET` or `secret: file:/run/secrets/billing`"},
		{"a client without a secret", minimal + "clients: {billing: {exchange: [google]}}\n", "`clients.billing` has no `secret`"},
		{"an exchange with an unknown provider", minimal + "clients: {billing: {secret: env:BILLING_SECRET, exchange: [github]}}\n",
			"`clients.billing.exchange[0]` names no provider of this file; write one of `google`"},
		{"a frontend that is not there", minimal + "frontend: {dir: ./nothing}\n", "`frontend.dir`: the folder does not exist"},
		{"a frontend that is a file", minimal + "frontend: {dir: good}\n", "`frontend.dir` is a file"},
		{"a frontend without its page", minimal + "frontend: {dir: .}\n", "`frontend.dir`: the folder holds no index.html"},
		{"two frontends", minimal + "frontend: {dir: site, upstream: http://localhost:5173}\n", "`frontend` has both `dir` and `upstream`"},
		{"a theme that is not there", minimal + "frontend: {theme: ./nothing.css}\n", "`frontend.theme`: the file does not exist"},
		{"a theme that is a folder", minimal + "frontend: {theme: .}\n", "`frontend.theme` is no file"},
		{"a dev server with a path", minimal + "frontend: {upstream: http://localhost:5173/app}\n", "`frontend.upstream` has a path"},
		{"a wildcard origin", minimal + "frontend: {origins: ['https://*.example.com']}\n", "`frontend.origins[0]` has a host that is no DNS name"},
		{"every origin", minimal + "frontend: {origins: ['*']}\n", "`frontend.origins[0]` is not an absolute URL"},
		{"an address for an origin", minimal + "frontend: {origins: ['https://1.2.3.4']}\n", "`frontend.origins[0]` is an origin that no browser sends"},
		{"an address in hexadecimal", minimal + "frontend: {origins: ['https://0x7f.1']}\n", "`frontend.origins[0]` is an origin that no browser sends"},
		{"the null origin", minimal + "frontend: {origins: ['null']}\n", "`frontend.origins[0]` is not an absolute URL"},
		{"a further origin over http", minimal + "frontend: {origins: ['http://evil.example']}\n", "`frontend.origins[0]` is plain http"},
		{"origin as a further one", minimal + "frontend: {origins: ['https://app.example.com']}\n", "`frontend.origins[0]` is `origin` itself"},
		{"an address for a CIDR", "trusted_proxies: [10.0.0.1]\n" + minimal, "1:19: `trusted_proxies[0]` is an address; write `10.0.0.1/32`"},
		{"a CIDR with bits beyond", "trusted_proxies: [10.0.0.1/8]\n" + minimal, "1:19: `trusted_proxies[0]` has bits beyond its length; write `10.0.0.0/8`"},
		{"a name for a CIDR", "trusted_proxies: [proxy]\n" + minimal, "1:19: `trusted_proxies[0]` is not a CIDR"},
		{"a limit of zero", minimal + "limits: {login_per_minute: 0}\n",
			"`limits.login_per_minute` is not a number it can be; write a whole number from 1 to 1000000"},
		{"a limit in words", minimal + "limits: {login_per_minute: '600'}\n", "`limits.login_per_minute` is not a number it can be"},
		{"a level of another word", minimal + "log: {level: verbose}\n", "`log.level` is none of its values; write one of `debug`, `info`, `warn`, `error`"},
		{"a value missing", minimal + "shutdown_timeout:\n", "`shutdown_timeout` has no value"},
		{"a list for a text", minimal + "shutdown_timeout: [15s]\n", "`shutdown_timeout` is a list"},
		{"a flag for a text", minimal + "shutdown_timeout: true\n", "`shutdown_timeout` is true or false"},

		{"an unknown key", "orign: x\n" + minimal, "1:1: `orign` is not a key; did you mean `origin`?"},
		{"a repeated key", minimal + "origin: https://b.example.com\n", "8:1: `origin` is here a second time, after line 1; keep one"},
		{"a merge key", minimal + "log: &log {level: info}\nlimits:\n  <<: *log\n", "`limits` merges another mapping; write its keys out"},
		{"an alias of nothing", minimal + "log: *nothing\n", "`log` refers to an anchor that is not above it; write the value out"},
		{"a tag", minimal + "shutdown_timeout: !!str 15s\n", "`shutdown_timeout` has a YAML tag; remove it"},
		{"a second document", minimal + "---\norigin: https://b.example.com\n", "8:1: a second document begins"},
		{"control characters", minimal + "log: {level: \x07}\n", "8:14: there is a control character; remove it"},
		{"text that is not UTF-8", minimal + "log: {level: \xff}\n", "8:14: the text is not UTF-8"},
		{"text in UTF-16", "\xff\xfeo\x00", "1:1: the text is UTF-16"},
		{"a large file", minimal + strings.Repeat("# filler\n", 40_000), "the file is larger than 256 KiB"},
		{"deep nesting", strings.Repeat("[", 100_000), "values are nested more than 32 deep"},
		{"deep nesting by dashes", strings.Repeat("- ", 100_000), "values are nested more than 32 deep"},
		{"aliases of aliases", minimal + bomb(), "stands for too many values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, report := config.ReadView(filepath.Join(dir, "bff.yaml"), []byte(c.yaml), environment)
			report = strings.ReplaceAll(report, dir+"/", "")
			if !strings.Contains(report, c.want) {
				t.Errorf("the report is\n%s\nand does not say\n%s", report, c.want)
			}
			if first := strings.SplitN(report, "\n", 2)[0]; strings.Count(report, "bff.yaml:") > 1 &&
				!strings.Contains(c.name, "path and host") {
				t.Errorf("one mistake became several, from %q on:\n%s", first, report)
			}
			if strings.Contains(report, secretValue) || strings.Contains(report, aKey) {
				t.Errorf("the report shows a secret:\n%s", report)
			}
		})
	}
}

// bomb is a file whose aliases stand for a million values.
func bomb() string {
	var b strings.Builder
	b.WriteString("apis:\n  first: {provider: google, upstream: https://a.example, allow: &all [")
	for i := range 1000 {
		fmt.Fprintf(&b, "GET /%d,", i)
	}
	b.WriteString("]}\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  a%d: {provider: google, upstream: https://a.example, allow: *all}\n", i)
	}
	return b.String()
}

// A line of any length is shown around the mistake, in one line of a terminal or two.
func TestALongLineIsShownAroundItsMistake(t *testing.T) {
	_, report := config.ReadView(
		"bff.yaml",
		[]byte(minimal+"log: {level: "+strings.Repeat("x", 5000)+", format: yaml}\n"),
		environment,
	)
	lines := strings.Split(report, "\n")
	if len(lines) < 6 || len(lines[4]) > 200 || !strings.HasSuffix(strings.TrimSuffix(lines[4], "}"), "format: yaml") ||
		strings.Index(lines[5], "^") != strings.Index(strings.Replace(lines[4], "…", ".", 1), "yaml") {
		t.Errorf("the report is\n%s", report)
	}
}

// A file of another kind is reported as such, in a report short enough to read.
func TestAFileThatIsNoConfigurationSaysSo(t *testing.T) {
	_, report := config.ReadView("bff.yaml", []byte(minimal+strings.Repeat("a: b\n", 10_000)), environment)
	if n := strings.Count(report, "\n"); n > 2000 ||
		!strings.Contains(report, "bff.yaml: there are more mistakes than these; is it the right file?") {
		t.Errorf("the report has %d lines", n)
	}
}
