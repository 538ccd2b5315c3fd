package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"bff/internal/app"
	"bff/internal/cli"
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

func (*providerListCommand) Run(sh *cli.Shell) error {
	w := tabwriter.NewWriter(sh.Stdout, 0, 0, 3, ' ', 0)
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

func (s *providerShowCommand) Run(sh *cli.Shell) error {
	data, ok := config.ShowBuiltin(s.Name)
	if !ok {
		return cli.WrongUse("bff: %s", config.NotBuiltin(s.Name))
	}
	_, err := sh.Stdout.Write(data)
	return err
}

type providerCheckCommand struct {
	Provider string `arg:"" complete:"provider" help:"A provider of the configuration, a built-in one, or a FILE as show prints it."`
	Config   string `default:"bff.yaml" placeholder:"FILE" help:"The configuration that a name is looked up in (default: ${default})."`
	Offline  bool   `help:"Check what is written alone; reach for nothing."`
}

func (c *providerCheckCommand) Run(sh *cli.Shell) error {
	p, client, report := config.FindProvider(c.Provider, c.Config, sh.Env)
	if report != "" {
		return cli.WrongUse("%s", report)
	}
	out := probe.NewPrinter(sh.Stdout)
	out.Say("ok", c.Provider, "no mistakes")
	for _, w := range config.ProviderWarnings(p) {
		out.Say("warning", p.Name, w)
	}
	if p.Auth == "" {
		for _, f := range probe.Addresses(p.Name, config.OriginOf(c.Config, sh.Stdin, sh.Env), p.Name, p.Issuer != "" || p.OwnIssuer()) {
			out.Say(f.Outcome, f.What, f.Text)
		}
	}
	if c.Offline {
		return nil
	}
	if p.OwnIssuer() && !p.Typed() {
		return cli.WrongUse(
			"bff: at %s each organisation has an issuer of its own; write %s with its `issuer` into %s, or into a file, "+
				"and name that",
			p.Title,
			p.Name,
			c.Config,
		)
	}
	if unset := p.Unset(); len(unset) > 0 {
		return cli.WrongUse("bff: %s is at a host of your own; write %s with `variables: {%s: {value: …}}` into %s, or into a file, and name that",
			p.Title, p.Name, strings.Join(unset, ": {value: …}, "), c.Config)
	}
	return cli.RunError(simulate.Check(sh.Context, app.CheckClient(), p, client, sh.Stdout))
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

func (c *providerSimulateCommand) Run(sh *cli.Shell) error {
	switch {
	case c.All && (c.Provider != "" || c.Answers != ""):
		return cli.WrongUse("bff: --all plays the built-in providers; leave PROVIDER and --answers away")
	case c.All:
		return cli.RunError(simulate.RunAll(sh.Context, simulate.Options{Facts: c.Facts}, sh.Stdout))
	case c.Provider == "":
		return cli.WrongUse("bff: write which provider: a name, or a FILE as `bff provider show` prints it; or --all")
	}
	p, _, report := config.FindProvider(c.Provider, c.Config, sh.Env)
	if report != "" {
		return cli.WrongUse("%s", report)
	}
	o := simulate.Options{File: c.Provider, Facts: c.Facts}
	if c.Answers != "" {
		data, err := os.ReadFile(c.Answers)
		if err != nil {
			return cli.WrongUse("bff: %s: %s", c.Answers, config.FileError(err))
		}
		if o.Answers, err = simulate.ParseAnswers(data); err != nil {
			return cli.WrongUse("bff: %s: %v", c.Answers, err)
		}
	}
	if c.List {
		return cli.RunError(simulate.List(p, o, sh.Stdout))
	}
	return cli.RunError(simulate.Run(sh.Context, p, o, sh.Stdout))
}
