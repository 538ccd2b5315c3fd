package main

import (
	"errors"
	"fmt"
	"log/slog"

	"bff/internal/app"
	"bff/internal/cli"
	"bff/internal/config"
	"bff/internal/probe"
)

type checkCommand struct {
	Config  string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
	Offline bool   `help:"Check the file alone; reach for nothing."`
}

func (c *checkCommand) Run(sh *cli.Shell) error {
	name := c.Config
	if name == "-" {
		name = "standard input"
	}
	cfg, report := config.Load(c.Config, sh.Stdin, sh.Env)
	if report != "" {
		return cli.WrongUse("%s", config.Counted(report))
	}
	in, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler), Trial: true})
	if err != nil {
		return cli.WrongUse("%s: %v", name, err)
	}
	out := probe.NewPrinter(sh.Stdout)
	out.Say("ok", name, "no mistakes")
	for _, w := range cfg.Warnings() {
		at := name
		if w.At.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", name, w.At.Line, w.At.Column)
		}
		out.Say("warning", at, w.Text)
	}
	if !c.Offline {
		in.Reach(sh.Context, app.CheckClient(), out)
	}
	for _, f := range in.Addresses() {
		out.Say(f.Outcome, f.What, f.Text)
	}
	return errors.Join(cli.RunError(out.Err()), cli.RunError(in.Close(sh.Context)))
}
