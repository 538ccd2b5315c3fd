package main

import (
	"context"
	"errors"

	"bff/internal/app"
	"bff/internal/cli"
	"bff/internal/config"
)

type serveCommand struct {
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
	Listen string `placeholder:"ADDR" help:"Address for browsers, instead of the file's listen."`
	Admin  string `placeholder:"ADDR" help:"Address for health, metrics and introspection, instead of the file's admin."`
}

func (s *serveCommand) Run(sh *cli.Shell) error {
	cfg, report := s.load(sh)
	if report != "" {
		return cli.WrongUse("%s", report)
	}
	log, level := app.NewLog(sh.Stderr, cfg.Log)
	app.TuneCollector(sh.Env)
	o := app.Options{Log: log, Level: level, Version: readBuild().version, Record: true, Stderr: sh.Stderr,
		Env: sh.Env}
	if s.Config != "-" {
		o.Reload = func() (*config.Config, string) { return s.load(sh) }
	}
	in, err := app.New(cfg, o)
	if err != nil {
		return cli.WrongUse("bff: %v", err)
	}
	ctx, stop := app.Signals(sh.Context)
	defer stop()
	l, err := app.Listen(cfg.Listen, "--admin", cfg.Admin, cfg.TLS.Redirect)
	if err != nil {
		return errors.Join(cli.RunError(err), in.Close(context.Background()))
	}
	app.WarnOfAdmin(log, l.Admin)
	return cli.RunError(in.Run(ctx, l))
}

// load reads the configuration as the flags change it.
func (s *serveCommand) load(sh *cli.Shell) (*config.Config, string) {
	cfg, report := config.Load(s.Config, sh.Stdin, sh.Env)
	if report == "" {
		report = config.Listeners(cfg, s.Listen, s.Admin)
	}
	return cfg, report
}
