package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/probe"
)

type checkCommand struct {
	Config  string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
	Offline bool   `help:"Check the file alone; reach for nothing."`
}

func (c *checkCommand) Run(sh *shell) error {
	name := c.Config
	if name == "-" {
		name = "standard input"
	}
	cfg, report := config.Load(c.Config, sh.stdin, sh.env)
	if report != "" {
		return wrongUse("%s%s", report, count(report))
	}
	in, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler), Trial: true})
	if err != nil {
		return wrongUse("%s: %v", name, err)
	}
	out := probe.NewPrinter(sh.stdout)
	out.Say("ok", name, "no mistakes")
	for _, w := range cfg.Warnings() {
		at := name
		if w.At.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", name, w.At.Line, w.At.Column)
		}
		out.Say("warning", at, w.Text)
	}
	if !c.Offline {
		in.Reach(sh.ctx, app.CheckClient(), out)
	}
	for _, f := range in.Addresses() {
		out.Say(f.Outcome, f.What, f.Text)
	}
	return errors.Join(runError(out.Err()), runError(in.Close(sh.ctx)))
}

// count is the last line of a report of several mistakes.
func count(report string) string {
	n := 0
	for line := range strings.Lines(report) {
		if !strings.HasPrefix(line, " ") {
			n++
		}
	}
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("%d mistakes\n", n)
}
