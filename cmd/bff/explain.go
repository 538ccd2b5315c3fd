package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"bff/internal/app"
	"bff/internal/cli"
	"bff/internal/config"
)

type explainCommand struct {
	ID     string `arg:"" help:"A request's BFF-Request-Id, a session (s_…), a user (u_…, or the e-mail), a connection (c_…), or changes: what the configuration, operators and services changed."`
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
}

// explainTimeout bounds how long the store may take.
const explainTimeout = 10 * time.Second

var explainable = regexp.MustCompile(`^(?:[A-Za-z0-9_-]{7,64}|[^\s@]{1,64}@[^\s@]{1,255})$`)

// cutOff is what begins as an id of a session, user or connection, and is none: those have 18 characters and more.
var cutOff = regexp.MustCompile(`^[suc]_[A-Za-z0-9_-]{0,15}$`)

func (e *explainCommand) Run(sh *cli.Shell) error {
	if cutOff.MatchString(e.ID) {
		return cli.WrongUse("bff: %s is shorter than any such id; copy it whole, from the log or from `bff user show`", e.ID)
	}
	if !explainable.MatchString(e.ID) {
		return cli.WrongUse("bff: this is no id; write a BFF-Request-Id, an id that begins with s_, u_ or c_, the e-mail of a user, or changes")
	}
	cfg, report := config.Load(e.Config, sh.Stdin, sh.Env)
	if report != "" {
		return cli.WrongUse("%s", report)
	}
	ctx, cancel := context.WithTimeout(sh.Context, explainTimeout)
	defer cancel()
	stories, err := app.Explain(ctx, cfg, slog.New(slog.DiscardHandler), e.ID)
	if err != nil {
		return cli.RunError(storeError(err))
	}
	if len(stories) == 0 {
		return cli.Failure("bff: nobody has signed in with this e-mail; `bff user list` prints who has")
	}
	known := false
	for i := range stories {
		if len(stories) > 1 {
			fmt.Fprintf(sh.Stdout, "User %s:\n", stories[i].ID)
		}
		fmt.Fprint(sh.Stdout, stories[i].Text())
		known = known || len(stories[i].Events) > 0
	}
	if !known {
		return cli.Failure("")
	}
	return nil
}
