package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/vault"
)

type explainCommand struct {
	ID     string `arg:"" help:"A request's BFF-Request-Id, a session (s_…), a user (u_…) or a connection (c_…)."`
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
}

// explainTimeout bounds how long the store may take.
const explainTimeout = 10 * time.Second

var explainable = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

func (e *explainCommand) Run(sh *shell) error {
	if !explainable.MatchString(e.ID) {
		return wrongUse("bff: this is no id; write a BFF-Request-Id, or an id that begins with s_, u_ or c_")
	}
	cfg, report := config.Load(e.Config, sh.stdin, sh.env)
	if report != "" {
		return wrongUse("%s", report)
	}
	ctx, cancel := context.WithTimeout(sh.ctx, explainTimeout)
	defer cancel()
	story, err := app.Explain(ctx, cfg, slog.New(slog.DiscardHandler), e.ID)
	if errors.Is(err, vault.ErrUnavailable) {
		return &exit{exitFailed, "bff: the store does not answer; `bff check` says why"}
	}
	if err != nil {
		return runError(err)
	}
	fmt.Fprint(sh.stdout, story.Text())
	if len(story.Events) == 0 {
		return &exit{exitFailed, ""}
	}
	return nil
}
