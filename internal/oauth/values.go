package oauth

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"bff/internal/oauth/address"
	"bff/internal/oauth/claims"
	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"
)

// A Variable is what a person is asked before an account is linked.
type Variable struct {
	Name, Ask string
	Pattern   string // of the whole value, "" for the usual
	Default   string
}

// Variables lists what a provider asks a person.
func (b *Broker) Variables(provider string) (all []Variable) {
	p := b.providers[provider]
	if p == nil {
		return nil
	}
	for _, name := range p.Asked() {
		v := p.Config.Variables[name]
		all = append(all, Variable{Name: name, Ask: v.Ask, Default: v.Default, Pattern: v.Pattern})
	}
	return all
}

// What is wrong with a variable.
const (
	WrongMissing = "missing" // a person must say it
	WrongValue   = "value"   // it is not of its pattern, or leads nowhere
	WrongUnknown = "unknown" // nobody asks for it
)

// Values completes what a person chose with defaults. wrong is by variable; nil when everything is good.
func (b *Broker) Values(provider string, given map[string]string) (values, wrong map[string]string) {
	p := b.providers[provider]
	if p == nil {
		return nil, nil
	}
	values, wrong = map[string]string{}, map[string]string{}
	for name := range given {
		wrong[name] = WrongUnknown
	}
	for _, name := range p.Asked() {
		v := p.Config.Variables[name]
		value := given[name]
		if value == "" {
			value = v.Default
		}
		if p.InHost(name) {
			value = strings.ToLower(value) // one host in two spellings is one account
		}
		switch delete(wrong, name); {
		case value == "":
			wrong[name] = WrongMissing
		case !v.Matches(value):
			wrong[name] = WrongValue
		default:
			values[name] = value
		}
	}
	if len(wrong) == 0 && !leads(p, values) {
		for name := range values {
			wrong[name] = WrongValue
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	if len(values) == 0 {
		return nil, nil
	}
	return values, nil
}

// leads reports whether values lead to hosts of the provider alone, as far as they are known.
func leads(p *client.Provider, values map[string]string) bool {
	if _, err := p.For(values); err != nil && !errors.Is(err, address.ErrMissing) {
		return false
	}
	return !slices.ContainsFunc(p.Upstreams, func(template string) bool {
		_, err := p.Place(template, values)
		return err != nil && !errors.Is(err, address.ErrMissing)
	})
}

// OwnValues are those of a connection's values that its person chose.
func (b *Broker) OwnValues(c *vault.Connection) map[string]string {
	own := map[string]string{}
	for _, v := range b.Variables(c.Provider) {
		if value := c.Values[v.Name]; value != "" {
			own[v.Name] = value
		}
	}
	return own
}

// errPlace says that a connection's values do not lead anywhere that a call may go.
func errPlace(p *client.Provider, err error) *Error {
	return &Error{Kind: KindReauth, Op: "find the address of a call through", Provider: p.Name, Reason: ReasonValues,
		Err: err}
}

// Place is an address that a call through c goes to, made of a template and c's values. outside says that it may
// only be dialled on the internet. KindReauth: a value is missing, or leads to a host that is none of the
// provider's.
func (b *Broker) Place(c *vault.Connection, template string) (to string, outside bool, err error) {
	p, err := b.provider("find the address of a call through", c.Provider)
	if err != nil {
		return "", false, err
	}
	a, err := p.Place(template, c.Values)
	if err != nil {
		return "", false, errPlace(p, err)
	}
	return a.URL, a.Outside, nil
}

// Fill fills a text, as a header's, with c's values. KindReauth: one is missing.
func (b *Broker) Fill(c *vault.Connection, template string) (string, error) {
	p, err := b.provider("fill in the values of", c.Provider)
	if err != nil {
		return "", err
	}
	all := p.Defaults()
	maps.Copy(all, c.Values)
	if !address.Filled(template, all) {
		return "", errPlace(p, address.ErrMissing)
	}
	return address.Text(template, all), nil
}

// kept adds to the values of an attempt what the answers of the provider say, each answer in its turn, and returns
// the provider as it is with them.
type kept struct {
	p      *client.Provider
	values map[string]string
}

// then has f add values, and goes on with the provider that they make.
func (k *kept) then(f func(values map[string]string) error) error {
	const op = "keep the values of an account at"
	before := len(k.values)
	if k.values == nil {
		k.values = map[string]string{}
	}
	if err := f(k.values); err != nil {
		if KindOf(err) != 0 {
			return err
		}
		return k.p.Fail(KindFailed, op, err)
	}
	if len(k.values) == 0 && before == 0 {
		k.values = nil
		return nil
	}
	p, err := k.p.For(k.values)
	if err != nil {
		return k.p.Fail(KindFailed, op, err)
	}
	k.p = p
	return nil
}

// account adds what userinfo and one more request say, and checks that an api has all it needs.
func (k *kept) account(ctx context.Context, info claims.Object, access secret.Text) error {
	if err := k.then(func(v map[string]string) error { return k.p.KeepUserinfo(v, info) }); err != nil {
		return err
	}
	if err := k.then(func(v map[string]string) error { return k.p.KeepRequested(ctx, v, access) }); err != nil {
		return err
	}
	return k.then(func(v map[string]string) error { return k.p.Complete(v) })
}
