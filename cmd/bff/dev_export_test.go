package main

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// Dev runs `bff dev` with access tokens of a given life.
func Dev(ctx context.Context, lifetime time.Duration, stdout, stderr io.Writer) error {
	c := devCommand{Listen: "127.0.0.1:0", tokenLifetime: lifetime}
	return c.Run(&shell{ctx: ctx, env: func(string) string { return "" }, stdout: stdout, stderr: stderr})
}

// DevLog is the logger of `bff dev`.
func DevLog(w io.Writer) *slog.Logger { return newDevLog(w) }
