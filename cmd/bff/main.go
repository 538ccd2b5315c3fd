package main

import (
	"context"
	"io"
	"log"
	"os"

	"bff/internal/cli"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

func main() {
	vault.Quiet()
	log.SetOutput(io.Discard) // net/http would print there what an upstream sends unasked
	os.Exit(run(os.Args[1:], cli.Shell{Context: context.Background(), Env: os.Getenv, Stdin: os.Stdin,
		Stdout: os.Stdout, Stderr: os.Stderr}))
}

// commands is the whole command line.
type commands struct {
	Dev        devCommand      `cmd:"" help:"Run everything in one process, with nothing to set up: a demo provider, a demo API and the demo app."`
	Serve      serveCommand    `cmd:"" help:"Run bff as the configuration says."`
	Check      checkCommand    `cmd:"" help:"Tell every mistake of the configuration at once, then try the store and each provider."`
	Init       initCommand     `cmd:"" help:"Print a complete, commented bff.yaml for some built-in providers."`
	Schema     schemaCommand   `cmd:"" help:"Print the JSON Schema (2020-12) of bff.yaml, or of a provider file, for editors."`
	Keygen     keygenCommand   `cmd:"" help:"Print a fresh key for session.keys."`
	Provider   providerCommand `cmd:"" help:"List, show and try providers."`
	User       userCommand     `cmd:"" help:"List, show, sign out and erase users, in the store of the configuration."`
	Explain    explainCommand  `cmd:"" help:"Say in words what happened to a request, session, user or connection."`
	Audit      auditCommand    `cmd:"" help:"Check an audit log."`
	Health     healthCommand   `cmd:"" help:"Ask the instance on this machine whether it lives: for health checks of containers."`
	Completion cli.Completion  `cmd:"" help:"Print a script that completes commands in bash, zsh or fish."`
	Complete   cli.Complete    `cmd:"" hidden:"" help:"Print what the last word can become; for the scripts of completion."`
	Version    versionCommand  `cmd:"" help:"Print version, commit and Go version."`
}

// run is the program: what main and the tests call.
func run(args []string, sh cli.Shell) int {
	return cli.Program{
		Commands: new(commands),
		Description: "An OAuth token broker: the browser holds an opaque cookie, the server holds the tokens, refreshes them, and " +
			"calls the APIs.",
		Values: cli.Values{"provider": providers.Builtins},
	}.Run(sh, args)
}
