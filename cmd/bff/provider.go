package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

type providerCommand struct {
	List     providerListCommand     `cmd:"" help:"List the built-in providers."`
	Show     providerShowCommand     `cmd:"" help:"Print a built-in provider as YAML, to be pasted under providers: and changed."`
	Check    providerCheckCommand    `cmd:"" help:"Try a provider as far as it goes without a person."`
	Simulate providerSimulateCommand `cmd:"" help:"Play a provider, with everything that goes wrong, against the product."`
}

type providerListCommand struct{}

func (*providerListCommand) Run(sh *shell) error {
	w := tabwriter.NewWriter(sh.stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tTITLE")
	for _, name := range oauth.Builtins() {
		p, _ := oauth.Builtin(name)
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, p.Title)
	}
	return w.Flush()
}

type providerShowCommand struct {
	Name string `arg:"" help:"One of those that list prints."`
}

func (s *providerShowCommand) Run(sh *shell) error {
	data, ok := oauth.BuiltinYAML(s.Name)
	if !ok {
		return wrongUse("bff: %s", notBuiltin(s.Name))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "  %s:\n    client_id: \"\"  # as %s gave it\n    client_secret: env:%s\n", s.Name, s.Name, variableFor(s.Name, "CLIENT_SECRET"))
	if p, _ := oauth.Builtin(s.Name); ownIssuer(p) {
		b.WriteString("    issuer: \"\"  # your organisation's, to the last slash\n")
	}
	for line := range strings.Lines(string(data)) {
		if strings.TrimSpace(line) != "" {
			line = "    " + line
		}
		b.WriteString(line)
	}
	_, err := fmt.Fprintln(sh.stdout, strings.TrimRight(b.String(), "\n"))
	return err
}

// ownIssuer says whether each organisation has an issuer of its own at the provider, which no built-in can know.
func ownIssuer(p oauth.ProviderConfig) bool {
	return p.Issuer == "" && p.AuthorizationURL == "" && p.TokenURL == ""
}

func notBuiltin(name string) string {
	text := "there is no built-in provider of that name"
	if near := nearest(name, oauth.Builtins()); near != "" {
		return text + "; did you mean `" + near + "`?"
	}
	return text + "; `bff provider list` prints them"
}

// findProvider takes a name of the configuration, a name of a built-in provider, or a file as show prints it, in this order. client says whether its
// client is known.
func findProvider(sh *shell, what, file string) (p oauth.ProviderConfig, client bool, err error) {
	if isFile(what) {
		data, err := readBounded(what, maxFile)
		if err != nil {
			return p, false, wrongUse("%s: %s", what, plainFault(err))
		}
		return readProvider(what, data, sh.env, "")
	}
	if data, err := readBounded(file, maxFile); err == nil {
		if _, top := parse(file, data); top != nil && mentions(top, what) {
			return readProvider(file, data, sh.env, what)
		}
	}
	if p, ok := oauth.Builtin(what); ok {
		return p, false, nil
	}
	return p, false, wrongUse("bff: %s is no provider of %s, and %s", what, file, notBuiltin(what))
}

// isFile says whether an argument is meant as a file.
func isFile(what string) bool {
	if strings.ContainsRune(what, filepath.Separator) || strings.HasSuffix(what, ".yaml") || strings.HasSuffix(what, ".yml") {
		return true
	}
	info, err := os.Stat(what)
	return err == nil && info.Mode().IsRegular()
}

// readProvider reads one provider of a file: the one of that name below `providers`, or the only one of a file as show prints it.
func readProvider(file string, data []byte, env func(string) string, name string) (oauth.ProviderConfig, bool, error) {
	src, top := parse(file, data)
	if top == nil {
		return oauth.ProviderConfig{}, false, wrongUse("%s", src.report())
	}
	c := defaults()
	r := newReader(src, env, file, c.places)
	v := r.top(top)
	if m, ok := asMapping(v.node); ok {
		for _, pair := range m.Values {
			if key := pair.Key.GetToken(); key.Value == "providers" {
				v = r.value(pair.Value, placeOf(key), "providers")
			}
		}
	}
	if name != "" {
		v = only(v, name)
	}
	c.readProviders(v)
	if report := src.report(); report != "" {
		return oauth.ProviderConfig{}, false, wrongUse("%s%s", report, count(report))
	}
	if len(c.providers) != 1 {
		return oauth.ProviderConfig{}, false, wrongUse("%s: holds %d providers; give one, as `bff provider show` prints it", file, len(c.providers))
	}
	return c.providers[0], true, nil
}

// tryConfig is a configuration around one provider, for trying it.
func tryConfig(p oauth.ProviderConfig) *config {
	c := defaults()
	c.session.store, c.session.keys = secret.New("memory:"), []vault.Key{vault.NewKey()}
	c.providers = []oauth.ProviderConfig{p}
	return &c
}

// only is a mapping without its other keys.
func only(v value, key string) value {
	m, ok := asMapping(v.node)
	if !ok {
		return v
	}
	one := *m
	one.Values = slices.DeleteFunc(slices.Clone(m.Values), func(pair *ast.MappingValueNode) bool { return pair.Key.GetToken().Value != key })
	v.node = &one
	return v
}

// mentions says whether a file has a provider of that name.
func mentions(top ast.Node, name string) bool {
	m, ok := asMapping(top)
	if !ok {
		return false
	}
	for _, pair := range m.Values {
		if inner, ok := asMapping(pair.Value); ok && pair.Key.GetToken().Value == "providers" {
			return slices.ContainsFunc(inner.Values, func(p *ast.MappingValueNode) bool { return p.Key.GetToken().Value == name })
		}
	}
	return false
}
