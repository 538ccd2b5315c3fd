package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"bff/internal/config"
)

type healthCommand struct {
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration of the instance that is asked (default: ${default})."`
	Admin  string `placeholder:"ADDR" help:"Its admin listener, instead of the file's admin."`
	Ready  bool   `help:"Ask whether it can serve (/readyz), rather than whether it lives (/healthz)."`
}

// healthTimeout bounds the question.
const healthTimeout = 3 * time.Second

// Run asks an instance on this machine how it is, for the health check of a container that has no shell.
func (h *healthCommand) Run(sh *shell) error {
	addr := h.Admin
	if addr == "" {
		cfg, report := config.Load(h.Config, sh.stdin, sh.env)
		if report != "" {
			return wrongUse("%s", report)
		}
		addr = cfg.Admin
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return wrongUse("bff: --admin is no address; write `--admin 127.0.0.1:9090`")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	path := "/healthz"
	if h.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(sh.ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return wrongUse("bff: --admin is no address; write `--admin 127.0.0.1:9090`")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return &exit{exitFailed, "bff: no instance answers on " + addr}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	_, _ = sh.stdout.Write(body)
	if resp.StatusCode != http.StatusOK {
		return &exit{exitFailed, ""}
	}
	return nil
}
