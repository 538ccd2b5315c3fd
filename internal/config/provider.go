package config

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/oauth/providers"
	"bff/internal/users"
)

// readProviders reads the providers in the file's order, which is the order in which they are offered.
func (c *Config) readProviders(v value) {
	v.named("write the name of a provider, as in `google:`, with `client_id:` and `client_secret:` below it", c.readProvider)
	if m, ok := asMapping(v.node); ok && len(m.Values) == 0 {
		v.wrong("%s is empty; nobody could sign in: write at least one, as in `google:`", v.name())
	}
}

func (c *Config) readProvider(name string, v value) {
	given := Provider{Config: providers.Config{Name: name}}
	below := given.fields(name, "providers")
	applyDefaults(below)
	keep := given.Keep // its default must not replace a built-in's
	given.Keep = ""
	there := v.object("write `client_id:` and `client_secret:` below it", below...)
	if there == nil {
		return
	}
	base, known, read := c.base(name, v, there)
	if !read {
		return // what it lacks may stand in the file
	}
	merged := given
	merged.Config = providers.Override(base, given.Config)
	if merged.Issuer != "" && merged.Auth == "" && !anyOf(there, "scopes") && len(base.Scopes) == 0 {
		merged.Scopes = []string{"openid", "email", "profile"}
	}
	merged.Keep = cmp.Or(merged.Keep, keep)
	merged.Hosts = merged.OwnHosts()
	if !known && !merged.reachable() && !anyOf(there, "issuer", "authorization_url", "token_url", "file") {
		v.r.wrong(v.key, "%s", unknownProvider(v.path, name))
		return
	}
	merged.checkEndpoints(v, there, known)
	merged.checkClient(v, there)
	merged.checkValues(v, false)
	c.Providers = append(c.Providers, merged)
}

// base is what the fields of the file are laid over: a provider file, a file of provider_dir, or a built-in provider. read
// is false where the file has a mistake, which was said.
func (c *Config) base(name string, v value, there map[string]value) (p providers.Config, known, read bool) {
	if f, ok := there["file"]; ok {
		p, known = readProviderFile(f, name)
		return p, known, known
	}
	if path := filepath.Join(c.ProviderDir, name+".yaml"); c.ProviderDir != "" && exists(path) {
		p, err := loadProvider(path, name)
		if err != nil {
			v.r.wrong(v.key, "%s: the file %s of `provider_dir` %v", v.name(), filepath.Base(path), err)
		}
		v.r.files = append(v.r.files, path)
		return p, true, err == nil
	}
	p, known = providers.Builtin(name)
	return p, known, true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// reachable reports whether it is known where the provider is.
func (p *Provider) reachable() bool {
	return p.Auth != "" || p.Issuer != "" || p.Authorization.URL != "" && p.Token.URL != ""
}

func (p *Provider) checkEndpoints(v value, there map[string]value, known bool) {
	if anyOf(there, "issuer") || p.Auth != "" {
		return
	}
	switch both := (p.Authorization.URL == "") == (p.Token.URL == ""); {
	case p.Issuer != "":
	case !both:
		v.r.wrong(v.key, "%s has one of `authorization_url` and `token_url`; write both, or its `issuer`", v.name())
	case known && p.Authorization.URL == "":
		v.r.wrong(v.key, "%s has no `issuer`: each organisation has its own; write it to the last slash, as in "+
			"`issuer: https://id.example.com`", v.name())
	}
}

// checkClient is what must hold of scopes and the client's credential.
func (p *Provider) checkClient(v value, there map[string]value) {
	s, ok := there["scopes"]
	if ok && p.Issuer != "" && p.Auth == "" && len(p.Scopes) > 0 && !slices.Contains(p.Scopes, "openid") {
		s.wrong("%s lacks `openid`, without which an OpenID Provider does not say who signed in; write `scopes: [openid, %s]`",
			s.name(), strings.Join(p.Scopes, ", "))
	}
	p.checkOperator(v, there)
	if p.Auth != "" {
		return
	}
	if !anyOf(there, "client_id") {
		v.r.wrong(v.key, "%s has no `client_id`; %s", v.name(), needsClientID)
	}
	p.checkClientSecret(v, there)
	for i, claim := range p.Rights {
		if err := users.CheckClaim(claim); claim != "" && err != nil {
			path := indexed(v.path+".rights", i)
			v.r.wrong(v.r.where(path), "`%s` is no path of a claim; write one such as `groups` or `realm_access.roles`", path)
		}
	}
}

// checkClientSecret is what must hold of the secret or the key by which the client authenticates.
func (p *Provider) checkClientSecret(v value, there map[string]value) {
	switch byKey := p.Client.Auth == providers.PrivateKeyJWT || p.Client.Auth == providers.SignedSecret; {
	case byKey && !anyOf(there, "client_key"):
		v.r.wrong(v.key, "%s has no `client_key`, which `%s` needs; write `client_key: file:/run/secrets/%s.pem`",
			v.name(), p.Client.Auth, p.Name)
	case p.Client.Auth == providers.SignedSecret && (p.Client.Issuer == "" || p.Client.KeyID == ""):
		v.r.wrong(v.key, "%s has no `client_issuer` and `client_key_id`, which `signed_secret` needs; at Apple they are the team's id "+
			"and the key's id, as in `client_issuer: A1B2C3D4E5` and `client_key_id: ABC123DEFG`", v.name())
	case p.Client.Auth == providers.NoClientAuth && anyOf(there, "client_secret"):
		s := there["client_secret"]
		s.wrong("%s has no meaning beside `client_auth: none`; remove one of them", s.name())
	case p.Client.Auth == providers.NoClientAuth:
	case !byKey && !anyOf(there, "client_secret"):
		v.r.wrong(v.key, "%s has no `client_secret`; write `client_secret: env:%s`", v.name(), VariableFor(p.Name, "CLIENT_SECRET"))
	}
}

// readProviderFile reads the provider file that a key names.
func readProviderFile(v value, name string) (providers.Config, bool) {
	text, ok := v.text("write the path of a provider file, as in `file: ./acme.yaml`")
	if !ok {
		return providers.Config{}, false
	}
	path := v.r.path(text)
	p, err := loadProvider(path, name)
	if err != nil {
		v.wrong("%s: the file %v", v.name(), err)
		return providers.Config{}, false
	}
	v.r.files = append(v.r.files, path)
	if said, err := readBounded(path, maxFile); err == nil {
		v.r.leaves.add(v.path, string(said))
	}
	return p, true
}

// loadProvider reads a provider file, in the form of the built-in ones. The error is the end of a sentence about the file.
func loadProvider(path, name string) (providers.Config, error) {
	data, err := readBounded(path, maxFile)
	if err != nil {
		return providers.Config{}, errors.New(FileError(err))
	}
	src, top := parse(path, data)
	if top == nil {
		return providers.Config{}, src.first()
	}
	r := newReader(src, func(string) string { return "" }, path, map[string]Position{})
	v := r.top(top)
	if inner, ok := onlyNamed(v); ok { // as `bff provider show` prints it
		v = inner
	}
	p := Provider{Config: providers.Config{Name: name}}
	v.object("write the provider's fields, as `bff provider show` prints them", p.dataFields(true)...)
	p.checkValues(v, true)
	if len(src.mistakes) > 0 {
		return providers.Config{}, src.first()
	}
	return p.Config, nil
}

// onlyNamed returns what stands below the one key of a mapping, when that is a mapping and no field of a provider.
func onlyNamed(v value) (value, bool) {
	m, ok := asMapping(v.node)
	if !ok || len(m.Values) != 1 {
		return v, false
	}
	key := m.Values[0].Key.GetToken()
	inner := v.r.value(m.Values[0].Value, positionOf(key), v.child(key.Value))
	if _, ok := asMapping(inner.node); !ok || slices.Contains(names(new(Provider).dataFields(true)), key.Value) {
		return v, false
	}
	return inner, true
}

// colour is that of a mark.
var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func anyOf(there map[string]value, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return there[n].r != nil })
}

func unknownProvider(path, name string) string {
	text := "`" + path + "` is not built in"
	if near := Nearest(name, providers.Builtins()); near != "" {
		return text + "; did you mean `" + near + "`? Otherwise give it an `issuer`, or `authorization_url` and `token_url`"
	}
	return text + "; give it an `issuer`, or `authorization_url` and `token_url`; `bff provider list` prints those that are"
}

const needsClientID = "write the id that the provider gave this client"

// fields are the keys of a provider: those of its client, those that say what its accounts are worth, and its data.
func (p *Provider) fields(name, path string) []field {
	secret, key := VariableFor(name, "CLIENT_SECRET"), VariableFor(name, "CLIENT_KEY")
	own := []field{
		field{name: "client_id", example: "1234.apps.googleusercontent.com", absent: "required, but with some `auth`",
			about: "As the provider gave it; may be `env:NAME` or `file:PATH` too."}.
			by(textSchema(), func(v value) { set(&p.Client.ID)(readSetting(v, needsClientID)) }),
		field{name: "client_secret", absent: "required, but with a `client_key`, `client_auth: none` and some `auth`", example: "env:GOOGLE_CLIENT_SECRET",
			about: "As the provider gave it."}.secret(&p.Client.Secret, secret, "/run/secrets/"+name),
		field{name: "client_key", absent: "none", example: "file:/run/secrets/acme.pem",
			about: "For `private_key_jwt`, `signed_secret` and `auth: github_app`: a private key in PEM; a secret of several lines, so best `file:PATH`."}.
			by(secretSchema(), func(v value) { set(&p.Client.Key)(readLongSecret(v, key, "/run/secrets/"+name+".pem")) }),
		field{name: "rights", absent: "none", example: "[realm_access.roles]",
			about: "Claims, of ID token and userinfo, whose strings become rights of the user as they are.",
		}.texts(&p.Rights, "write a list of claims, as in `rights: [realm_access.roles]`"),
		field{name: "sign_in", def: "true", about: "`false`: accounts of this provider are linked only, and nobody signs in with them."}.
			flag(&p.SignIn),
		field{name: "file", absent: "none", example: "./acme.yaml",
			about:                            "A provider file, in the form of the built-in ones, that the fields here are laid over."}.
			by(textSchema(), func(value) {}), // base reads it
	}
	return slices.Concat(own, p.operatorFields(name), p.dataFields(false))
}

// dataFields are the yaml tags of providers.Config, so that a new field there is a new key here. A provider file may have the
// fields of a client as well, which it does not decide.
func (p *Provider) dataFields(inFile bool) []field {
	all := taggedFields(reflect.ValueOf(&p.Config).Elem(), "")
	if !inFile {
		return all
	}
	for i := range all {
		all[i].def = ""
	}
	for _, name := range []string{"client_id", "client_secret", "client_key", "api_key", "username", "password",
		"service_account", "act_as", "installation"} {
		all = append(all, field{name: name}.by(nil, func(value) {}))
	}
	return all
}

// taggedFields are the fields of s by their yaml tags; those of a group stand beside the others. below is the path of
// the key that s stands under, with a dot at its end.
func taggedFields(s reflect.Value, below string) (all []field) {
	for i := range s.NumField() {
		switch key, options, _ := strings.Cut(s.Type().Field(i).Tag.Get("yaml"), ","); {
		case options == "inline":
			all = append(all, taggedFields(s.Field(i), below)...)
		case key != "" && key != "-":
			doc, path := providerDocs()[below+key], below+key
			f := field{name: key, about: doc.about, absent: doc.absent, def: doc.def, example: doc.example}
			all = append(all, f.by(typeSchema(s.Type().Field(i).Type, path), func(v value) { setField(v, s.Field(i), path) }))
		}
	}
	return all
}

// typeSchema is the schema of a field of providers.Config, by its path in there.
func typeSchema(t reflect.Type, key string) schema {
	switch {
	case key == "about.color":
		return schema{"type": "string", "pattern": colour.String()}
	case wordsOf(key) != nil:
		return schema{"type": "string", "enum": wordsOf(key)}
	case key == "issuer" || strings.HasSuffix(key, "_url"):
		return templateSchema()
	case t == reflect.TypeFor[time.Duration]():
		return field{}.duration(nil, 0, 0).schema
	case t.Kind() == reflect.Bool:
		return schema{"type": "boolean"}
	case t.Kind() == reflect.Struct:
		return objectSchema(taggedFields(reflect.New(t).Elem(), key+"."))
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return listSchema(typeSchema(t.Elem(), key))
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		return mapSchema(typeSchema(t.Elem(), key))
	case t.Kind() == reflect.Int:
		return schema{"type": "integer", "minimum": 0}
	case t.Kind() == reflect.Slice:
		return listSchema(textSchema())
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Slice:
		return mapSchema(listSchema(textSchema()))
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.String:
		return mapSchema(textSchema())
	case t.Kind() == reflect.String:
		return textSchema()
	}
	return schema{}
}

// setField reads a provider's value: by its key where the key says more than the type, and else by its type.
func setField(v value, to reflect.Value, key string) {
	words := wordsOf(key)
	switch {
	case words != nil:
		s, _ := v.one(words...)
		to.SetString(s)
	case (key == "issuer" || strings.HasSuffix(key, "_url")) && setTemplate(v, to):
	case key == "issuer" || strings.HasSuffix(key, "_url"):
		if _, ok := readURL(v, "https://id.example.com", false); ok {
			s, _ := v.hidden("") // as written: issuers are compared byte by byte
			if issuer, _, found := strings.Cut(s, "/.well-known/"); found && key == "issuer" {
				v.wrong("%s is the address of the issuer's metadata; cut it before `/.well-known/`: write `issuer: %s`, with the slash "+
					"at its end if the document has one", v.name(), issuer)
			}
			to.SetString(s)
		}
	case key == "about.color":
		if s, ok := v.text("write `#` and six digits, as in `color: \"#1a73e8\"`"); ok && !colour.MatchString(s) {
			v.wrong("%s is no colour; write `#` and six digits, as in `color: \"#1a73e8\"`", v.name())
		} else {
			to.SetString(s)
		}
	case key == "scopes":
		to.Set(reflect.ValueOf(readScopes(v)))
	case key == "hooks":
		v.list("write a list of hooks, as in `hooks: ["+providers.HookShopifyHMAC+"]`", func(_ int, in value) {
			if name, ok := in.one(providers.Hooks()...); ok {
				to.Set(reflect.Append(to, reflect.ValueOf(name)))
			}
		})
	default:
		setByType(v, to, key)
	}
}

func setByType(v value, to reflect.Value, key string) {
	switch p := to.Addr().Interface().(type) {
	case *string:
		if s, ok := v.node.(*ast.StringNode); ok && s.Value == " " {
			*p = s.Value // a scope separator
			return
		}
		set(p)(readSetting(v, "write a text"))
	case *[]string:
		*p = v.texts("write a list of texts")
	case *map[string][]string:
		*p = map[string][]string{}
		eachKey(v, "write `name: [names]` lines", func(key string, in value) {
			(*p)[key] = in.texts("write a list of texts")
		})
	case *map[string]string:
		*p = map[string]string{}
		eachKey(v, "write `name: value` lines", func(key string, in value) {
			if s, ok := readSetting(in, "write a text"); ok {
				(*p)[key] = s
			}
		})
	case *time.Duration:
		set(p)(v.duration(time.Second, 10*366*24*time.Hour))
	case *bool:
		set(p)(v.flag())
	case *int:
		set(p)(v.number(0, 1<<20))
	default:
		setByKind(v, to, key)
	}
}

// setByKind reads groups of keys: one, a list of them, or several by name.
func setByKind(v value, to reflect.Value, key string) {
	switch t := to.Type(); {
	case t.Kind() == reflect.Struct:
		v.object("write `name: value` lines", taggedFields(to, key+".")...)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		v.list("write a list of `{name: value}`", func(_ int, in value) {
			element := reflect.New(t.Elem()).Elem()
			setByKind(in, element, key)
			to.Set(reflect.Append(to, element))
		})
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		to.Set(reflect.MakeMap(t))
		eachKey(v, "write `name: {…}` lines", func(name string, in value) {
			element := reflect.New(t.Elem()).Elem()
			setByKind(in, element, key)
			to.SetMapIndex(reflect.ValueOf(name), element)
		})
	default:
		v.wrong("%s cannot be set here; remove it", v.name())
	}
}

// onProviders is what must hold between providers and whoever names them.
func (c agreement) onProviders() {
	r := c.r
	known := c.providerNames()
	for i := range c.APIs {
		a := &c.APIs[i]
		if a.Provider == "" {
			continue
		}
		c.named("apis."+a.Name+".provider", a.Provider, known)
		for j := range c.Providers {
			if c.Providers[j].Name == a.Provider {
				c.Providers[j].NeedsAPI = true
			}
		}
	}
	for _, a := range c.APIs {
		if a.Identity != "" && slices.Contains(known, a.Identity) {
			path := "apis." + a.Name + ".identity"
			r.wrong(r.where(path), "`%s` is the name of a provider too, and `exchange` could not tell them apart; write another", path)
		}
	}
	if len(c.Providers) > 0 && !slices.ContainsFunc(c.Providers, func(p Provider) bool { return p.SignIn && p.Auth == "" }) {
		r.wrong(r.where("providers"), "`providers` has none that people sign in with (`sign_in: false`, `auth`); nobody could sign in: write another")
	}
}
