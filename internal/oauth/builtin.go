package oauth

import (
	"embed"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed providers/*.yaml
var builtins embed.FS

// Builtins lists the names of the built-in providers, sorted. Each is one file of providers/.
func Builtins() []string {
	entries, err := builtins.ReadDir("providers")
	if err != nil {
		panic("oauth: the embedded providers are not there")
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// BuiltinYAML returns a built-in provider's file, to be pasted under `providers:` and changed.
func BuiltinYAML(name string) ([]byte, bool) {
	if name == "" || path.Base(name) != name {
		return nil, false
	}
	b, err := builtins.ReadFile("providers/" + name + ".yaml")
	return b, err == nil
}

// Builtin returns a fresh copy of a built-in provider.
func Builtin(name string) (ProviderConfig, bool) {
	b, ok := BuiltinYAML(name)
	if !ok {
		return ProviderConfig{}, false
	}
	p, err := ParseProvider(name, b)
	if err != nil {
		panic("oauth: the built-in provider " + name + " does not parse: " + err.Error())
	}
	return p, true
}

// ParseProvider reads one provider's fields, strictly: an unknown one is an error.
func ParseProvider(name string, file []byte) (ProviderConfig, error) {
	var p ProviderConfig
	if err := yaml.UnmarshalWithOptions(file, &p, yaml.Strict()); err != nil {
		return ProviderConfig{}, err
	}
	p.Name = name
	return p, nil
}
