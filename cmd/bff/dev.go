package main

import (
	"net"
	"time"

	"bff/internal/app"
	"bff/internal/cli"
	"bff/internal/config"
	"bff/internal/devsite"
)

type devCommand struct {
	tokenLifetime time.Duration // of the demo's access tokens; its own default when zero

	Config string `placeholder:"FILE" help:"Your configuration, with its providers played by the demo; nothing of it need be set."`
	Listen string `placeholder:"ADDR" help:"Address of this machine for the browser (default: the port of FILE's origin where that is http of this machine, else 127.0.0.1:8080); port 0 takes a free one."`
}

// address is where browsers come: as was said, or where the configuration says that they do.
func (c *devCommand) address(cfg *config.Config) string {
	switch {
	case c.Listen != "":
		return c.Listen
	case cfg != nil && cfg.Origin.Scheme == "http" && cfg.Origin.Port() != "": // http is of this machine alone
		return net.JoinHostPort("127.0.0.1", cfg.Origin.Port())
	}
	return "127.0.0.1:8080"
}

// adminAddress is where the admin listener is: at the configuration's port, on this machine alone, where that is free.
func (c *devCommand) adminAddress(cfg *config.Config) string {
	if cfg == nil {
		return "127.0.0.1:0"
	}
	_, port, err := net.SplitHostPort(cfg.Admin)
	if err != nil {
		return "127.0.0.1:0"
	}
	address := net.JoinHostPort("127.0.0.1", port)
	free, err := net.Listen("tcp", address)
	if err != nil {
		return "127.0.0.1:0" // `bff serve` of the same file may run
	}
	_ = free.Close()
	return address
}

func (c *devCommand) Run(sh *cli.Shell) error {
	ctx, stop := app.Signals(sh.Context)
	defer stop()
	var cfg *config.Config
	if c.Config != "" {
		var report string
		if cfg, report = config.LoadForTrial(c.Config, sh.Stdin, sh.Env); report != "" {
			return cli.WrongUse("%s", config.Counted(report))
		}
	}
	address := c.address(cfg)
	if why := config.BadAddress(address); why != "" {
		return cli.WrongUse("bff: --listen %s; write `--listen 127.0.0.1:8080`", why)
	}
	l, err := app.Listen(address, "--listen", c.adminAddress(cfg), "")
	if err != nil {
		return cli.RunError(err)
	}
	if a, ok := l.Browsers.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		_, _ = l.Browsers.Close(), l.Admin.Close()
		return cli.WrongUse(
			"bff: --listen %s is reachable from other machines, and in the demo everybody may sign in as anybody; "+
				"write `--listen 127.0.0.1:8080`",
			address,
		)
	}
	return cli.RunError(devsite.Run(ctx, devsite.Options{Browsers: l.Browsers, Admin: l.Admin, TokenLifetime: c.tokenLifetime,
		Version: readBuild().version, Stdout: sh.Stdout, Config: cfg, Log: devsite.NewLog(sh.Stderr)}))
}
