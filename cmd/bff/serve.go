package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

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
	cfg, report := config.Load(s.Config, sh.stdin, sh.env)
	if report != "" {
		return wrongUse("%s", report)
	}
	if err := s.override(cfg); err != nil {
		return err
	}
	log := sh.logger(cfg.Log)
	app.TuneCollector(sh.env)
	in, err := app.New(cfg, app.Options{Log: log, Version: readBuild().version})
	if err != nil {
		return wrongUse("bff: %v", err)
	}
	ctx, stop := app.Signals(sh.ctx)
	defer stop()
	browsers, admin, err := listeners("--listen", cfg.Listen, "--admin", cfg.Admin)
	if err != nil {
		return errors.Join(err, in.Close(context.Background()))
	}
	app.WarnOfAdmin(log, admin)
	return runError(in.Run(ctx, browsers, admin))
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
func listeners(frontFlag, front, backFlag, back string) (browsers, admin net.Listener, err error) {
	if browsers, err = app.Listen(frontFlag, front); err != nil {
		return nil, nil, runError(err)
	}
	if admin, err = app.Listen(backFlag, back); err != nil {
		_ = browsers.Close()
		return nil, nil, runError(err)
	}
	return browsers, admin, nil
}

// logger writes to standard error as the configuration says. A line of a request has its id.
func (sh *shell) logger(l config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.Level}
	if l.Text {
		return slog.New(trace.Handler(slog.NewTextHandler(sh.stderr, o)))
	}
	return slog.New(trace.Handler(slog.NewJSONHandler(sh.stderr, o)))
}
