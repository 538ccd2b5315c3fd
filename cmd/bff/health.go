package main

import (
	"errors"

	"bff/internal/cli"
	"bff/internal/config"
	"bff/internal/probe"
)

type healthCommand struct {
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration of the instance that is asked (default: ${default})."`
	Admin  string `placeholder:"ADDR" help:"Its admin listener, instead of the file's admin."`
	Ready  bool   `help:"Ask whether it can serve (/readyz), rather than whether it lives (/healthz)."`
}

// Run asks an instance on this machine how it is, for the health check of a container that has no shell.
func (h *healthCommand) Run(sh *cli.Shell) error {
	addr, path := h.Admin, "/healthz"
	if addr == "" {
		cfg, report := config.Load(h.Config, sh.Stdin, sh.Env)
		if report != "" {
			return cli.WrongUse("%s", report)
		}
		addr = cfg.Admin
	}
	if h.Ready {
		path = "/readyz"
	}
	fine, body, err := probe.Health(sh.Context, addr, path)
	if errors.Is(err, probe.ErrAddress) {
		return cli.WrongUse("bff: --admin is no address; write `--admin 127.0.0.1:9090`")
	}
	if err != nil {
		return cli.RunError(err)
	}
	_, _ = sh.Stdout.Write(body)
	if !fine {
		return cli.Failure("")
	}
	return nil
}
