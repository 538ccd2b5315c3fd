package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// ReadProvider reads one provider: the one of that name below `providers` of a configuration or, when name is empty, a
// provider file in the form of the built-in ones. known says whether the file has a client.
func ReadProvider(file string, env func(string) string, name string) (p providers.Config, known bool, report string) {
	data, err := readBounded(file, maxFile)
	if err != nil {
		return p, false, file + ": " + FileError(err) + "\n"
	}
	src, top := parse(file, data)
	if top == nil {
		return p, false, src.report()
	}
	c := Defaults()
	v := newReader(src, env, file, c.positions).top(top)
	if name == "" && isProviderFile(v) {
		return providerOf(v, src, nameOf(file))
	}
	if below, ok := providersOf(v); ok {
		v = below
	}
	if name != "" {
		v = only(v, name)
	}
	c.readProviders(v)
	if report := src.report(); report != "" {
		return p, false, report
	}
	if len(c.Providers) != 1 {
		return p, false, fmt.Sprintf("%s: holds %d providers; give one, as `bff provider show` prints it\n",
			file, len(c.Providers))
	}
	return c.Providers[0].Config, true, ""
}

// isProviderFile reports whether a file has fields of a provider at its top.
func isProviderFile(v value) bool {
	m, ok := asMapping(v.node)
	if !ok {
		return false
	}
	fields := names(new(Provider).dataFields(true))
	return slices.ContainsFunc(m.Values, func(pair *ast.MappingValueNode) bool {
		return slices.Contains(fields, pair.Key.GetToken().Value)
	})
}

// providerOf reads a provider file. One that has a client is read as an entry of a configuration is.
func providerOf(v value, src *source, name string) (p providers.Config, known bool, report string) {
	m, _ := asMapping(v.node) // isProviderFile
	if slices.ContainsFunc(m.Values, func(pair *ast.MappingValueNode) bool {
		return pair.Key.GetToken().Value == "client_id"
	}) {
		c := Defaults()
		c.readProvider(name, v)
		if report := src.report(); report != "" {
			return p, false, report
		}
		return c.Providers[0].Config, true, ""
	}
	own := Provider{Config: providers.Config{Name: name}}
	there := v.object("write the provider's fields, as `bff provider show` prints them", own.dataFields(true)...)
	if there != nil {
		own.checkEndpoints(v, there, false)
		own.checkValues(v, true)
	}
	return own.Config, false, src.report()
}

// nameOf is the name of the provider that a file holds.
func nameOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if nameable.MatchString(name) {
		return name
	}
	return "provider"
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

// readProviderDir is the folder that the key provider_dir of the top names, or "". Whether it is one is said where the key
// is read.
func readProviderDir(v value) string {
	m, ok := asMapping(v.node)
	if !ok {
		return ""
	}
	for _, pair := range m.Values {
		text, ok := pair.Value.(*ast.StringNode)
		if pair.Key.GetToken().Value != "provider_dir" || !ok {
			continue
		}
		path := v.r.path(text.Value)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
	}
	return ""
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
