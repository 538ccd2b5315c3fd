package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"bff/internal/users"
	"bff/internal/webhook"
)

func (u *Users) fields() []field {
	return []field{
		field{name: "allow", absent: "everybody", example: `["domain:example.com", "email:ada@example.com", "right:staff"]`,
			about: "Who may sign in: `domain:` and `email:` need an address that the provider has verified.",
		}.by(listSchema(schema{"type": "string", "pattern": "^(domain|email|right):"}), u.readAllow),
		field{
			name:    "rights",
			absent:  "none",
			example: `{admin: ["email:ada@example.com", "claim:groups=admins", "provider:acme"]}`,
			about:   "A right of yours, and whom it is given to: `email:`, `claim:PATH=VALUE` or `provider:`.",
		}.by(
			mapSchema(listSchema(schema{"type": "string", "pattern": "^(email|claim|provider):"})),
			u.readRights,
		),
		field{
			name:   "hook",
			absent: "none",
			about:  "A program of yours that is asked before a session begins, as Standard Webhooks.",
		}.
			by(nil, u.readHook).
			withBelow(new(Hook).fields()),
		field{name: "forget", absent: "never", example: "8760h",
			about: "A user who was not seen for this long is erased."}.
			duration(&u.Forget, 24*time.Hour, 100*year),
	}
}

func (u *Users) readAllow(v value) {
	const want = "write a list, as in `allow: [\"domain:example.com\"]`"
	v.list(want, func(_ int, in value) {
		if line, ok := in.text(want); ok {
			if _, err := users.ParseAllow(line); err != nil {
				in.wrong("%s %s", in.name(), ruleError(err))
			}
			u.Allow = append(u.Allow, line)
		}
	})
}

// ruleError is what is wrong with a rule, as the end of a sentence.
func ruleError(err error) string { return "is no rule: " + strings.TrimPrefix(err.Error(), "users: ") }

func (u *Users) readRights(v value) {
	u.Rights = map[string][]string{}
	eachKey(v, "write a right and its list, as in `admin: [\"email:ada@example.com\"]`", func(right string, v value) {
		if err := users.CheckRight(right); err != nil {
			v.r.wrong(v.key, "%s is a right that cannot be: %v", v.name(), err)
		}
		v.list("write a list, as in `[\"email:ada@example.com\", \"claim:groups=admins\"]`", func(_ int, in value) {
			line, ok := in.text("write `email:ada@example.com`, `claim:groups=admins` or `provider:acme`")
			if !ok {
				return
			}
			if _, err := users.ParseGrant(line); err != nil {
				in.wrong("%s %s", in.name(), ruleError(err))
			}
			u.Rights[right] = append(u.Rights[right], line)
		})
	})
}

func (h *Hook) fields() []field {
	return []field{
		field{name: "url", example: "http://127.0.0.1:3000/hooks/sign-in",
			about:   "Where it is. Plain `http` only on loopback.",
			missing: "write where the program is, as in `url: http://127.0.0.1:3000/hooks/sign-in`",
		}.by(urlSchema(), func(v value) { set(&h.URL)(readProgramURL(v, "http://127.0.0.1:3000/hooks/sign-in", false)) }),
		field{name: "secret", example: "env:HOOK_SECRET",
			about:   "What messages are signed with: `whsec_` and base64, or any text of at least 24 bytes.",
			missing: "write `secret: env:HOOK_SECRET`",
		}.by(secretSchema(), func(v value) { set(&h.Key)(readWebhookKey(v, "HOOK_SECRET")) }),
		field{
			name:  "timeout",
			def:   "3s",
			about: "How long an answer may take.",
		}.duration(
			&h.Timeout,
			100*time.Millisecond,
			30*time.Second,
		),
		field{name: "required", def: "true",
			about: "`false`: where the program does not answer, its last answer counts, and a person it never saw is let in.",
		}.flag(&h.Required),
	}
}

func (u *Users) readHook(v value) {
	h := &Hook{}
	below := h.fields()
	applyDefaults(below)
	if v.object("write `url:` and `secret:` below it", below...) != nil {
		u.Hook = h
	}
}

func (e *Event) fields() []field {
	return []field{
		field{name: "url", example: "https://app.internal/hooks/bff",
			about:   "Where the program is. Plain `http` only on loopback, or with `insecure: true`.",
			missing: "write where the program is, as in `url: https://app.internal/hooks/bff`",
		}.by(urlSchema(), func(v value) { set(&e.URL)(readProgramURL(v, "https://app.internal/hooks/bff", true)) }),
		field{name: "secret", example: "env:EVENTS_SECRET",
			about:   "What messages are signed with: `whsec_` and base64, or any text of at least 24 bytes.",
			missing: "write `secret: env:EVENTS_SECRET`",
		}.by(secretSchema(), func(v value) { set(&e.Key)(readWebhookKey(v, "EVENTS_SECRET")) }),
		field{name: "types", absent: "all", example: `["user.*", session.ended]`,
			about: "Which events: " + listed(eventTypes()) + "; `user.*` is all of the first word.",
		}.by(listSchema(textSchema()), e.readTypes),
		field{name: "insecure", def: "false", about: "Whether plain `http` beyond loopback is allowed."}.flag(&e.Insecure),
	}
}

func eventTypes() []string {
	return []string{"user.created", "user.changed", "user.erased", "session.created", "session.ended", "connection.linked",
		"connection.changed", "connection.removed"}
}

func (e *Event) readTypes(v value) {
	all := append(eventTypes(), "user.*", "session.*", "connection.*")
	for i, t := range v.texts("write a list of events, as in `types: [\"user.*\"]`") {
		if t != "" && !slices.Contains(all, t) {
			path := indexed(v.path, i)
			v.r.wrong(v.r.where(path), "`%s` is no event%s", path, meant(t, all))
		}
		e.Types = append(e.Types, t)
	}
}

func (c *Config) readEvents(v value) {
	const want = "write a list of programs, as in `- {url: \"https://app.internal/hooks/bff\", secret: env:EVENTS_SECRET}`"
	v.list(want, func(_ int, in value) {
		e := Event{}
		below := e.fields()
		applyDefaults(below)
		there := in.object("write `url:` and `secret:` below it", below...)
		if there == nil {
			return
		}
		if err := webhook.CheckURL(e.URL, e.Insecure); e.URL != "" && err != nil {
			u := there["url"]
			u.wrong("%s is plain http beyond loopback; write https, or add `insecure: true`", u.name())
		}
		c.Events = append(c.Events, e)
	})
}

// readProgramURL reads the address of a program of the operator's own.
func readProgramURL(v value, example string, httpAnywhere bool) (string, bool) {
	u, ok := readURL(v, example, httpAnywhere)
	if !ok {
		return "", false
	}
	if err := webhook.CheckURL(u.String(), httpAnywhere); err != nil {
		v.wrong("%s %s", v.name(), strings.TrimPrefix(err.Error(), "webhook: "))
		return "", false
	}
	return u.String(), true
}

// readWebhookKey reads a reference to what messages are signed with.
func readWebhookKey(v value, variable string) (webhook.Key, bool) {
	text, ok := readSecret(v, variable, "/run/secrets/"+strings.ToLower(strings.ReplaceAll(variable, "_", "-")))
	if !ok {
		return webhook.Key{}, false
	}
	key, err := webhook.ParseKey(text)
	if err != nil {
		v.wrong("%s cannot sign: it is to be `whsec_` and base64, or any text, of at least %d bytes; make one with "+
			"`openssl rand -base64 32`", v.name(), webhook.MinKey)
		return webhook.Key{}, false
	}
	return key, true
}

// onUsers is what must hold between rules and providers.
func (c agreement) onUsers() {
	known := c.providerNames()
	for _, right := range sortedKeys(c.Users.Rights) {
		for i, line := range c.Users.Rights[right] {
			if name, ok := strings.CutPrefix(line, "provider:"); ok {
				c.named(indexed("users.rights."+right, i), name, known)
			}
		}
	}
}

func (t *Telemetry) fields() []field {
	return []field{
		field{name: "endpoint", example: "http://127.0.0.1:4318",
			about:   "Base URL of an OTLP receiver over HTTP. `OTEL_*` variables count too.",
			missing: "write where the receiver is, as in `endpoint: http://127.0.0.1:4318`",
		}.by(urlSchema(), func(v value) { set(&t.Endpoint)(readBase(v, "http://127.0.0.1:4318")) }),
		field{name: "sample", def: "0.1", example: "1", about: "The share of requests that are traced, from 0 to 1."}.
			by(schema{"type": "number", "minimum": 0, "maximum": 1}, func(v value) { set(&t.Sample)(readShare(v)) }),
	}
}

// readShare reads a number from 0 to 1.
func readShare(v value) (float64, bool) {
	const want = "write a number from 0 to 1, as in `sample: 0.1`"
	text, ok := v.text(want)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		v.wrong("%s is no share; %s", v.name(), want)
		return 0, false
	}
	return f, true
}

func (c *Client) fields() []field {
	variable := VariableFor(c.Name, "SECRET")
	return []field{
		field{name: "secret", example: "env:BILLING_SECRET",
			about:   "What it presents as HTTP Basic or `client_secret_post`.",
			missing: "write `secret: env:" + variable + "`",
		}.secret(&c.Secret, variable, "/run/secrets/"+c.Name),
		field{name: "exchange", def: "[]", example: "[google, app]",
			about: "Providers whose access tokens, and backends (`identity`) whose assertions, it may have with a session's cookie value.",
		}.texts(&c.Exchange, "write a list of providers, as in `exchange: [google]`"),
		field{name: "offline", def: "[]", example: "[google]",
			about: "Providers with `keep: user` whose access tokens it may have by user id, with nobody present.",
		}.texts(&c.Offline, "write a list of providers, as in `offline: [google]`"),
		field{
			name:  "manage",
			def:   "false",
			about: "Whether it may see and change users, sessions and rights, and erase users.",
		}.
			flag(
				&c.Manage,
			),
		field{name: "data", def: "false", example: "true",
			about: "Whether it may keep data of its own beside sessions and users; `shared`: and other clients may read it.",
		}.by(schema{"enum": []any{true, false, "shared"}}, func(v value) { c.Data, c.Shared = v.flagOr("shared") }),
	}
}

func (c *Config) readClients(v value) {
	v.named("write a name and below it `secret: env:BILLING_SECRET`", func(name string, v value) {
		client := Client{Name: name}
		below := client.fields()
		applyDefaults(below)
		v.object("write `secret: env:"+VariableFor(name, "SECRET")+"` below it", below...)
		c.Clients = append(c.Clients, client)
	})
}

// VariableFor is the name of a variable that a message proposes.
func VariableFor(name, what string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_" + what
}

// onClients is what must hold between clients and what they name.
func (c agreement) onClients() {
	r := c.r
	providers := c.providerNames()
	audiences := slices.Concat(providers, c.identities())
	for _, cl := range c.Clients {
		for i, e := range cl.Exchange {
			c.named(indexed("clients."+cl.Name+".exchange", i), e, audiences)
		}
		for i, name := range cl.Offline {
			path := indexed("clients."+cl.Name+".offline", i)
			c.named(path, name, providers)
			for _, p := range c.Providers {
				if p.Name == name && p.Keep != "user" {
					r.wrong(
						r.where(path),
						"`%s` names a provider whose tokens live in sessions; write `keep: user` below `providers.%s`",
						path,
						name,
					)
				}
			}
		}
	}
}
