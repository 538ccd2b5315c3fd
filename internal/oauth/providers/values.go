package providers

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"bff/internal/oauth/address"
)

// Values are what differs between the accounts of one provider: a shop, a tenant, a data centre. They stand as
// "{name}" in addresses, headers and parameters.
type Values struct {
	Variables map[string]Variable `yaml:"variables,omitempty"`
	// Hosts are where values may lead, as address.Hosts.
	Hosts []string `yaml:"hosts,omitempty"`
	// KeepValues are kept with a connection: a name -> where the value is. "$.…" is a path of the token answer,
	// "callback.…" a parameter of the way back, "userinfo.…" a path of what says whose account it is.
	KeepValues  map[string]string `yaml:"keep_values,omitempty"`
	KeepRequest KeepRequest       `yaml:"keep_request,omitempty"`
	// AccountValues are names of values that tell accounts of one person apart, beside those that are part of a host.
	AccountValues []string `yaml:"account_values,omitempty"`

	// Upstreams are the addresses of apis that are called with this provider's connections and have values in them.
	Upstreams []string `yaml:"-"`
}

// A Variable is a value that the operator gives, or that a person is asked for before an account is linked.
type Variable struct {
	Value   string `yaml:"value,omitempty"`   // the operator's; nobody is asked then
	Default string `yaml:"default,omitempty"` // where nothing else is given
	Pattern string `yaml:"pattern,omitempty"` // of the whole value; DefaultPattern when empty
	Ask     string `yaml:"ask,omitempty"`     // what a person is asked; "" where the operator alone decides
}

// A KeepRequest is one request after an account was linked, for values that no other answer has.
type KeepRequest struct {
	URL    string            `yaml:"url,omitempty"`
	Values map[string]string `yaml:"values,omitempty"` // a name -> a path of the JSON answer, "$.0.id"
}

// DefaultPattern is what a variable may be where nothing else is said.
const DefaultPattern = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`

// MaxVariable bounds a variable, and MaxValue what is kept, in bytes.
const (
	MaxVariable = 200
	MaxValue    = 1024
)

// The beginnings of where a kept value is.
const (
	FromToken    = "$."
	FromCallback = "callback."
	FromUserinfo = "userinfo."
)

// Matches reports whether a text is one that the variable may be.
func (v *Variable) Matches(s string) bool {
	pattern := v.Pattern
	if pattern == "" {
		pattern = DefaultPattern
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	return err == nil && s != "" && len(s) <= MaxVariable && re.MatchString(s)
}

// Asked lists the variables that a person may choose, sorted.
func (v *Values) Asked() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(v.Variables)) {
		if one := v.Variables[name]; one.Ask != "" && one.Value == "" {
			names = append(names, name)
		}
	}
	return names
}

// Kept lists the names of the values that answers of the provider give, sorted.
func (v *Values) Kept() []string {
	all := slices.Concat(slices.Collect(maps.Keys(v.KeepValues)), slices.Collect(maps.Keys(v.KeepRequest.Values)))
	slices.Sort(all)
	return slices.Compact(all)
}

// Known reports whether some variable or kept value has that name.
func (v *Values) Known(name string) bool {
	_, variable := v.Variables[name]
	return variable || slices.Contains(v.Kept(), name)
}

// Fixed are the values that the operator gave: of every connection, and kept with none. A variable that is asked
// for, or that answers give as well, is fixed by its value alone.
func (v *Values) Fixed() map[string]string {
	fixed := map[string]string{}
	kept := v.Kept()
	for name, one := range v.Variables {
		switch {
		case one.Value != "":
			fixed[name] = one.Value
		case one.Ask == "" && one.Default != "" && !slices.Contains(kept, name):
			fixed[name] = one.Default
		}
	}
	return fixed
}

// Defaults are what holds where a connection has no value of its own.
func (v *Values) Defaults() map[string]string {
	out := v.Fixed()
	for name, one := range v.Variables {
		if out[name] == "" && one.Default != "" {
			out[name] = one.Default
		}
	}
	return out
}

// Addresses are the fields of c that are templates of addresses. A change of what they point to changes c.
func (c *Config) Addresses() []*string {
	return []*string{&c.Issuer, &c.Authorization.URL, &c.Token.URL, &c.Token.RefreshURL, &c.Userinfo.URL,
		&c.Revocation.URL,
		&c.JWKSURL, &c.EndSessionURL, &c.RISCURL, &c.Shapes.LongLivedURL, &c.CallbackIssuer, &c.KeepRequest.URL, &c.Client.AssertionAudience}
}

// parameters are the fields of c whose values are templates of texts.
func (c *Config) parameters() []*map[string]string {
	return []*map[string]string{&c.Authorization.Params, &c.Authorization.ConnectParams, &c.Authorization.ConsentParams,
		&c.Token.Headers, &c.Token.Params, &c.Token.RefreshParams, &c.Userinfo.Headers}
}

// Names lists the values that c has places for, each once, sorted.
func (c *Config) Names() []string {
	var all []string
	for _, a := range c.Addresses() {
		all = append(all, address.Names(*a)...)
	}
	for _, issuer := range c.Issuers {
		all = append(all, address.Names(issuer)...)
	}
	for _, m := range c.parameters() {
		for _, text := range *m {
			all = append(all, address.Names(text)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Filled is c with texts filled in, and those addresses whose values are all there. An address of which one is
// missing stays a template.
func (c Config) Filled(values map[string]string) (Config, error) {
	for _, a := range c.Addresses() {
		if len(address.Names(*a)) == 0 || !address.Filled(*a, values) {
			continue
		}
		made, err := address.URL(*a, values, c.Hosts)
		if err != nil {
			return Config{}, err
		}
		*a = made.URL
	}
	c.Issuers = slices.Clone(c.Issuers)
	for i, issuer := range c.Issuers {
		if len(address.Names(issuer)) == 0 || !address.Filled(issuer, values) {
			continue
		}
		made, err := address.URL(issuer, values, c.Hosts)
		if err != nil {
			return Config{}, err
		}
		c.Issuers[i] = made.URL
	}
	for _, m := range c.parameters() {
		if *m == nil {
			continue
		}
		filled := make(map[string]string, len(*m))
		for k, text := range *m {
			filled[k] = address.Text(text, values)
		}
		*m = filled
	}
	return c, nil
}

// OwnHosts are c's hosts, and those that are made of the operator's values alone: whoever writes such a value writes the
// host.
func (c *Config) OwnHosts() []string {
	hosts, own := slices.Clone(c.Hosts), map[string]string{}
	for name, one := range c.Variables {
		if one.Value != "" {
			own[name] = one.Value
		}
	}
	for _, template := range c.Addresses() {
		names := address.HostNames(*template)
		if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return own[name] == "" }) {
			continue
		}
		made, err := url.Parse(address.Text(*template, own))
		if err != nil || made.Host == "" || slices.Contains(hosts, strings.ToLower(made.Host)) {
			continue
		}
		hosts = append(hosts, strings.ToLower(made.Host))
	}
	return hosts
}

// Unset lists the variables that nobody gives but the operator, who did not yet.
func (c *Config) Unset() (names []string) {
	kept := c.Kept()
	for _, name := range slices.Sorted(maps.Keys(c.Variables)) {
		if one := c.Variables[name]; one.Value+one.Default+one.Ask == "" && !slices.Contains(kept, name) {
			names = append(names, name)
		}
	}
	return names
}

// Account is the subject of an account, distinguished by the values that are part of its host, and by AccountValues.
func (c *Config) Account(subject string, values map[string]string) string {
	return subject + c.realm(values)
}

// Subject is the subject as the provider has it, of one that Account made.
func (c *Config) Subject(account string, values map[string]string) string {
	return strings.TrimSuffix(account, c.realm(values))
}

// Moved reports whether other values lead to other hosts than those that the account was linked with.
func (c *Config) Moved(before, after map[string]string) bool {
	templates := slices.Clone(c.Upstreams)
	for _, a := range c.Addresses() {
		templates = append(templates, *a)
	}
	for _, template := range templates {
		if len(address.HostNames(template)) == 0 {
			continue
		}
		was, err := c.Place(template, before)
		if err != nil {
			continue // it led nowhere
		}
		if is, err := c.Place(template, after); err != nil || is.Host != was.Host {
			return true
		}
	}
	return false
}

// realm is what Account puts behind a subject: "" where all accounts are at one host.
func (c *Config) realm(values map[string]string) string {
	if len(c.Variables) == 0 && len(c.AccountValues) == 0 {
		return ""
	}
	var parts []string
	for _, name := range c.Asked() {
		if c.InHost(name) && values[name] != "" {
			parts = append(parts, strings.ToLower(values[name]))
		}
	}
	for _, name := range c.AccountValues {
		if values[name] != "" {
			parts = append(parts, values[name])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "@" + strings.Join(parts, ",")
}

// Parting lists the values that tell accounts of one subject apart.
func (c *Config) Parting() []string {
	asked := slices.DeleteFunc(c.Asked(), func(name string) bool { return !c.InHost(name) })
	return slices.Concat(asked, c.AccountValues)
}

// InHost reports whether a value is part of the host of one of the provider's addresses. One whose credential is
// typed may have no address but those of its apis.
func (c *Config) InHost(name string) bool {
	part := func(template string) bool { return slices.Contains(address.HostNames(template), name) }
	return slices.ContainsFunc(c.Addresses(), func(a *string) bool { return part(*a) }) ||
		c.Typed() && slices.ContainsFunc(c.Upstreams, part)
}

// Place is an address of an api for a connection with these values.
func (v *Values) Place(template string, values map[string]string) (address.Address, error) {
	all := v.Defaults()
	maps.Copy(all, values)
	return address.URL(template, all, v.Hosts)
}
