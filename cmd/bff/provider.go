package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/oauth/providers"
	"bff/internal/probe"
	"bff/internal/simulate"
)

type providerCommand struct {
	List     providerListCommand     `cmd:"" help:"List the built-in providers."`
	Show     providerShowCommand     `cmd:"" help:"Print a built-in provider's file, to be used as it is or changed."`
	Check    providerCheckCommand    `cmd:"" help:"Try a provider as far as it goes without a person."`
	Import   providerImportCommand   `cmd:"" help:"Write provider files from another catalogue's entries, as far as they go."`
	Simulate providerSimulateCommand `cmd:"" help:"Play a provider as its file says, with everything that goes wrong, against the product."`
}

type providerListCommand struct{}

func (*providerListCommand) Run(sh *shell) error {
	w := tabwriter.NewWriter(sh.stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tTITLE")
	for _, name := range providers.Builtins() {
		p, _ := providers.Builtin(name)
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, p.Title)
	}
	return w.Flush()
}

type providerShowCommand struct {
	Name string `arg:"" complete:"provider" help:"One of those that list prints."`
}

func (s *providerShowCommand) Run(sh *shell) error {
	data, ok := providers.BuiltinYAML(s.Name)
	if !ok {
		return wrongUse("bff: %s", notBuiltin(s.Name))
	}
	p, _ := providers.Builtin(s.Name)
	_, err := sh.stdout.Write(append(shown(p, data), '\n'))
	return err
}

// shown is a built-in provider's file, with how it is used in a comment behind its own.
func shown(p providers.Config, data []byte) []byte {
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimRight("# "+fmt.Sprintf(format, args...), " "))
	}
	add("")
	add("bff has this file built in. Paste below `providers:` of bff.yaml:")
	add("")
	add("  %s:", p.Name)
	if !p.Typed() {
		add("    client_id: \"\"  # as %s gave it", p.Name)
		add("    client_secret: env:%s", config.VariableFor(p.Name, "CLIENT_SECRET"))
	}
	if ownIssuer(p) {
		add("    issuer: \"\"  # your organisation's, to the last slash")
	}
	if unset := p.Unset(); unset != nil {
		add("    variables: {%s: {value: \"\"}}  # yours", strings.Join(unset, ": {value: \"\"}, "))
	}
	add("")
	add("Any key below may be written there too, and wins. To change much of it keep this as a file, and write there:")
	add("")
	add("    file: ./%s.yaml", p.Name)
	text, at := string(data), 0
	for at < len(text) && text[at] == '#' {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	return []byte(text[:at] + strings.Join(lines, "\n") + "\n" + strings.TrimRight(text[at:], "\n"))
}

type providerCheckCommand struct {
	Provider string `arg:"" complete:"provider" help:"A provider of the configuration, a built-in one, or a FILE as show prints it."`
	Config   string `default:"bff.yaml" placeholder:"FILE" help:"The configuration that a name is looked up in (default: ${default})."`
	Offline  bool   `help:"Check what is written alone; reach for nothing."`
}

func (c *providerCheckCommand) Run(sh *shell) error {
	p, client, err := findProvider(sh, c.Provider, c.Config)
	if err != nil {
		return err
	}
	out := probe.NewPrinter(sh.stdout)
	out.Say("ok", c.Provider, "no mistakes")
	for _, w := range config.ProviderWarnings(p) {
		out.Say("warning", p.Name, w)
	}
	if p.Auth == "" {
		for _, f := range probe.Addresses(p.Name, originOf(sh, c.Config), p.Name, p.Issuer != "" || ownIssuer(p)) {
			out.Say(f.Outcome, f.What, f.Text)
		}
	}
	if c.Offline {
		return nil
	}
	if ownIssuer(p) && !p.Typed() {
		return wrongUse(
			"bff: at %s each organisation has an issuer of its own; write %s with its `issuer` into %s, or into a file, "+
				"and name that",
			p.Title,
			p.Name,
			c.Config,
		)
	}
	if unset := p.Unset(); len(unset) > 0 {
		return wrongUse("bff: %s is at a host of your own; write %s with `variables: {%s: {value: …}}` into %s, or into a file, and name that",
			p.Title, p.Name, strings.Join(unset, ": {value: …}, "), c.Config)
	}
	return runError(simulate.Check(sh.ctx, app.CheckClient(), p, client, sh.stdout))
}

type providerSimulateCommand struct {
	Provider string `arg:"" optional:"" complete:"provider" help:"A provider of the configuration, a built-in one, or a FILE as show prints it."`
	Config   string `default:"bff.yaml" placeholder:"FILE" help:"The configuration that a name is looked up in (default: ${default})."`
	Answers  string `placeholder:"FILE" help:"Play these recorded answers of the real provider instead of what its file claims; docs/providers-try.md has their form."`
	All      bool   `help:"Play every built-in provider."`
	Facts    bool   `help:"Only what shows whether the file is right, without what goes wrong at a provider."`
	List     bool   `help:"Print what would be played, and stop."`
}

// Help is printed by --help, below the first line.
func (c *providerSimulateCommand) Help() string { return simulate.About }

func (c *providerSimulateCommand) Run(sh *shell) error {
	switch {
	case c.All && (c.Provider != "" || c.Answers != ""):
		return wrongUse("bff: --all plays the built-in providers; leave PROVIDER and --answers away")
	case c.All:
		return runError(simulate.RunAll(sh.ctx, simulate.Options{Facts: c.Facts}, sh.stdout))
	case c.Provider == "":
		return wrongUse("bff: write which provider: a name, or a FILE as `bff provider show` prints it; or --all")
	}
	p, _, err := findProvider(sh, c.Provider, c.Config)
	if err != nil {
		return err
	}
	o := simulate.Options{File: c.Provider, Facts: c.Facts}
	if c.Answers != "" {
		if o.Answers, err = readAnswers(c.Answers); err != nil {
			return wrongUse("bff: %s: %v", c.Answers, err)
		}
	}
	if c.List {
		return runError(simulate.List(p, o, sh.stdout))
	}
	return runError(simulate.Run(sh.ctx, p, o, sh.stdout))
}

func readAnswers(file string) (*simulate.Answers, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.New(config.FileError(err))
	}
	return simulate.ParseAnswers(data)
}

// originOf is the origin of a configuration, or what stands for it where there is none that can be read.
func originOf(sh *shell, file string) string {
	if isFile(file) {
		if cfg, _ := config.LoadForTrial(file, sh.stdin, sh.env); cfg != nil {
			return cfg.OriginText()
		}
	}
	return "<origin>"
}

// ownIssuer says whether each organisation has an issuer of its own at the provider, which no built-in can know.
func ownIssuer(p providers.Config) bool {
	return p.Issuer == "" && p.Authorization.URL == "" && p.Token.URL == ""
}

func notBuiltin(name string) string {
	text := "there is no built-in provider of that name"
	if near := config.Nearest(name, providers.Builtins()); near != "" {
		return text + "; did you mean `" + near + "`?"
	}
	return text + "; `bff provider list` prints them"
}

// findProvider takes a name of the configuration, a name of a built-in provider, or a file as show prints it, in this
// order. client says whether its client is known.
func findProvider(sh *shell, what, file string) (p providers.Config, client bool, err error) {
	read := func(file, name string) (providers.Config, bool, error) {
		p, known, report := config.ReadProvider(file, sh.env, name)
		if report != "" {
			return p, false, wrongUse("%s%s", report, count(report))
		}
		return p, known, nil
	}
	if isFile(what) {
		return read(what, "")
	}
	if config.HasProvider(file, what) {
		return read(file, what)
	}
	if p, ok := providers.Builtin(what); ok {
		return p, false, nil
	}
	return p, false, wrongUse("bff: %s is no provider of %s, and %s", what, file, notBuiltin(what))
}

// isFile says whether an argument is meant as a file.
func isFile(what string) bool {
	if strings.ContainsRune(what, filepath.Separator) || strings.HasSuffix(what, ".yaml") ||
		strings.HasSuffix(what, ".yml") {
		return true
	}
	info, err := os.Stat(what)
	return err == nil && info.Mode().IsRegular()
}
