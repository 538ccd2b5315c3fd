package config

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// ReadProvider reads one provider of a file: the one of that name below `providers`, or, when name is empty, the only
// one of a file as `bff provider show` prints it.
func ReadProvider(file string, env func(string) string, name string) (providers.Config, string) {
	data, err := readBounded(file, maxFile)
	if err != nil {
		return providers.Config{}, file + ": " + FileError(err) + "\n"
	}
	src, top := parse(file, data)
	if top == nil {
		return providers.Config{}, src.report()
	}
	c := Defaults()
	v := newReader(src, env, file, c.positions).top(top)
	if below, ok := providersOf(v); ok {
		v = below
	}
	if name != "" {
		v = only(v, name)
	}
	c.readProviders(v)
	if report := src.report(); report != "" {
		return providers.Config{}, report
	}
	if len(c.Providers) != 1 {
		return providers.Config{}, fmt.Sprintf("%s: holds %d providers; give one, as `bff provider show` prints it\n",
			file, len(c.Providers))
	}
	return c.Providers[0].Config, ""
}

// HasProvider reports whether a file can be read and has a provider of that name.
func HasProvider(file, name string) bool {
	data, err := readBounded(file, maxFile)
	if err != nil {
		return false
	}
	src, top := parse(file, data)
	if top == nil {
		return false
	}
	v, ok := providersOf(newReader(src, func(string) string { return "" }, file, map[string]Position{}).top(top))
	if !ok {
		return false
	}
	m, ok := asMapping(v.node)
	return ok &&
		slices.ContainsFunc(m.Values, func(p *ast.MappingValueNode) bool { return p.Key.GetToken().Value == name })
}

// providersOf returns what stands below the key `providers`.
func providersOf(v value) (value, bool) {
	m, ok := asMapping(v.node)
	if !ok {
		return v, false
	}
	for _, pair := range m.Values {
		if key := pair.Key.GetToken(); key.Value == "providers" {
			return v.r.value(pair.Value, positionOf(key), "providers"), true
		}
	}
	return v, false
}

// only is a mapping without its other keys.
func only(v value, key string) value {
	m, ok := asMapping(v.node)
	if !ok {
		return v
	}
	one := *m
	one.Values = slices.DeleteFunc(slices.Clone(m.Values), func(pair *ast.MappingValueNode) bool {
		return pair.Key.GetToken().Value != key
	})
	v.node = &one
	return v
}

// Trial returns a configuration around one provider, for trying it: the store is this process's memory.
func Trial(p providers.Config) *Config {
	c := Defaults()
	c.Session.Store, c.Session.Keys = secret.New("memory:"), []vault.Key{vault.NewKey()}
	c.Providers = []Provider{{Config: p, SignIn: true}}
	return c
}
