package main

import (
	"context"
	"errors"
	"log/slog"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/trace"
)

type serveCommand struct {
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
	Listen string `placeholder:"ADDR" help:"Address for browsers, instead of the file's listen."`
	Admin  string `placeholder:"ADDR" help:"Address for health, metrics and introspection, instead of the file's admin."`
}

func (s *serveCommand) Run(sh *shell) error {
	cfg, err := s.load(sh)
	if err != nil {
		return err
	}
	log, level := sh.logger(cfg.Log)
	app.TuneCollector(sh.env)
	o := app.Options{Log: log, Level: level, Version: readBuild().version, Record: true, Stderr: sh.stderr,
		Env: sh.env}
	if s.Config != "-" {
		o.Reload = func() (*config.Config, string) {
			cfg, err := s.load(sh)
			if err != nil {
				return nil, err.Error()
			}
			return cfg, ""
		}
	}
	in, err := app.New(cfg, o)
	if err != nil {
		return wrongUse("bff: %v", err)
	}
	ctx, stop := app.Signals(sh.ctx)
	defer stop()
	l, err := listeners("--listen", cfg.Listen, "--admin", cfg.Admin)
	if err == nil && cfg.TLS.Redirect != "" {
		if l.Redirect, err = app.Listen("", cfg.TLS.Redirect); err != nil {
			_, _ = l.Browsers.Close(), l.Admin.Close()
			err = runError(err)
		}
	}
	if err != nil {
		return errors.Join(err, in.Close(context.Background()))
	}
	app.WarnOfAdmin(log, l.Admin)
	return runError(in.Run(ctx, l))
}

// load reads the configuration as the flags change it.
func (s *serveCommand) load(sh *shell) (*config.Config, error) {
	cfg, report := config.Load(s.Config, sh.stdin, sh.env)
	if report != "" {
		return nil, wrongUse("%s", report)
	}
	return cfg, s.override(cfg)
}

// override replaces the file's addresses by the flags'.
func (s *serveCommand) override(cfg *config.Config) error {
	for _, o := range []struct {
		addr        *string
		flag, given string
	}{{&cfg.Listen, "--listen", s.Listen}, {&cfg.Admin, "--admin", s.Admin}} {
		if o.given == "" {
			continue
		}
		if why := config.BadAddress(o.given); why != "" {
			return wrongUse("bff: %s %s; write `%s 127.0.0.1:8080`", o.flag, why, o.flag)
		}
		*o.addr = o.given
	}
	if config.OneListener(cfg.Listen, cfg.Admin) {
		return wrongUse("bff: --listen and --admin are one address; browsers must not reach the second: give it another port")
	}
	return nil
}

// listeners opens both addresses, or none.
func listeners(frontFlag, front, backFlag, back string) (l app.Listeners, err error) {
	if l.Browsers, err = app.Listen(frontFlag, front); err != nil {
		return app.Listeners{}, runError(err)
	}
	if l.Admin, err = app.Listen(backFlag, back); err != nil {
		_ = l.Browsers.Close()
		return app.Listeners{}, runError(err)
	}
	return l, nil
}

// logger writes to standard error as the configuration says. A line of a request has its id.
func (sh *shell) logger(l config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(l.Level)
	o := &slog.HandlerOptions{Level: level}
	if l.Text {
		return slog.New(trace.Handler(slog.NewTextHandler(sh.stderr, o))), level
	}
	return slog.New(trace.Handler(slog.NewJSONHandler(sh.stderr, o))), level
}
