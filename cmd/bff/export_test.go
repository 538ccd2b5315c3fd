package main

import (
	"context"
	"io"
	"strings"
	"time"

	"bff/internal/cli"
)

// Run is the program.
func Run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	return RunWith(ctx, args, env, strings.NewReader(""), stdout, stderr)
}

// Dev runs `bff dev` with access tokens of a given life.
func Dev(ctx context.Context, lifetime time.Duration, stdout, stderr io.Writer) error {
	c := devCommand{Listen: "127.0.0.1:0", tokenLifetime: lifetime}
	return c.Run(&cli.Shell{Context: ctx, Env: func(string) string { return "" }, Stdout: stdout, Stderr: stderr})
}

// RunWith is the program with something on its standard input.
func RunWith(
	ctx context.Context,
	args []string,
	env func(string) string,
	stdin io.Reader,
	stdout, stderr io.Writer,
) int {
	return run(args, cli.Shell{Context: ctx, Env: env, Stdin: stdin, Stdout: stdout, Stderr: stderr})
}
