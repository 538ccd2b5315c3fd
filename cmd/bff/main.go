package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"bff/internal/vault"
)

func main() {
	vault.Quiet()
	log.SetOutput(io.Discard) // net/http would print there what an upstream sends unasked
	os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1 // while running
	exitWrong  = 2 // usage or configuration
)

// commands is the whole command line.
type commands struct {
	Dev        devCommand        `cmd:"" help:"Run everything in one process, with nothing to set up: a demo provider, a demo API and the demo app."`
	Serve      serveCommand      `cmd:"" help:"Run bff as the configuration says."`
	Check      checkCommand      `cmd:"" help:"Tell every mistake of the configuration at once, then try the store and each provider."`
	Init       initCommand       `cmd:"" help:"Print a complete, commented bff.yaml for some built-in providers."`
	Schema     schemaCommand     `cmd:"" help:"Print the JSON Schema (2020-12) of bff.yaml, or of a provider file, for editors."`
	Keygen     keygenCommand     `cmd:"" help:"Print a fresh key for session.keys."`
	Provider   providerCommand   `cmd:"" help:"List, show and try providers."`
	User       userCommand       `cmd:"" help:"List, show, sign out and erase users, in the store of the configuration."`
	Explain    explainCommand    `cmd:"" help:"Say in words what happened to a request, session, user or connection."`
	Audit      auditCommand      `cmd:"" help:"Check an audit log."`
	Health     healthCommand     `cmd:"" help:"Ask the instance on this machine whether it lives: for health checks of containers."`
	Completion completionCommand `cmd:"" help:"Print a script that completes commands in bash, zsh or fish."`
	Complete   completeCommand   `cmd:"" hidden:"" help:"Print what the last word can become; for the scripts of completion."`
	Version    versionCommand    `cmd:"" help:"Print version, commit and Go version."`
}

// many says how many there are of something: "1 line", "2 lines".
func many(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// A shell is what a command sees of the world.
type shell struct {
	ctx            context.Context
	env            func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// An exit is how a command ends that did not end well. The text, if any, goes to standard error.
type exit struct {
	code int
	text string
}

func (e *exit) Error() string { return e.text }

func wrongUse(format string, args ...any) error {
	return &exit{exitWrong, fmt.Sprintf(format, args...)}
}

// runError is an error that happened while running, nil for nil.
func runError(err error) error {
	if err == nil {
		return nil
	}
	return &exit{exitFailed, "bff: " + err.Error()}
}

// stopped is what kong's own way out (after --help) becomes here: nothing but main ends the process.
type stopped struct{ code int }

// run is the program: what main and the tests call.
func run(
	ctx context.Context,
	args []string,
	env func(string) string,
	stdin io.Reader,
	stdout, stderr io.Writer,
) (code int) {
	if len(args) == 0 { // wrong usage, and worth all help there is
		run(ctx, []string{"--help"}, env, stdin, stderr, stderr)
		return exitWrong
	}
	defer func() {
		if p := recover(); p != nil {
			s, ok := p.(stopped)
			if !ok {
				panic(p)
			}
			code = s.code
		}
	}()
	var cli commands
	parser, err := kong.New(
		&cli,
		kong.Name("bff"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(stopped{code}) }),
		kong.Description(
			"An OAuth token broker: the browser holds an opaque cookie, the server holds the tokens, refreshes them, and "+
				"calls the APIs.",
		),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		panic(err) // the commands above do not fit together
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "bff: %s\nSee `%s --help`.\n", meant(err), helpFor(err))
		return exitWrong
	}
	err = parsed.Run(&shell{ctx: ctx, env: env, stdin: stdin, stdout: stdout, stderr: stderr})
	var e *exit
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &e):
		if e.text != "" {
			fmt.Fprintf(stderr, "%s\n", strings.TrimSuffix(e.text, "\n"))
		}
		return e.code
	}
	fmt.Fprintf(stderr, "bff: %v\n", err)
	return exitFailed
}

// choice is kong's message about an argument that is none of a closed list.
var choice = regexp.MustCompile(`^\[?<[a-z]+>\]? must be one of ("[^ ]+") but got "(.*)"$`)

// meant is kong's message without the words of a parser in it.
func meant(err error) string {
	text := strings.TrimSuffix(err.Error(), `, did you mean "-h"?`)
	if flag, ok := strings.CutSuffix(text, `: expected string value but got "EOL" (<EOL>)`); ok {
		return flag + " needs a value"
	}
	if file, ok := strings.CutPrefix(text, "unexpected argument "); ok && strings.HasSuffix(file, ".yaml") {
		return text + ", did you mean `--config " + file + "`?"
	}
	if name, ok := strings.CutPrefix(text, `expected "<`); ok {
		name, more, _ := strings.Cut(strings.TrimSuffix(name, `"`), ">")
		if next, ok := strings.CutPrefix(more, " <"); ok {
			next, _, _ = strings.Cut(next, ">")
			return "the " + strings.ToUpper(name) + " and the " + strings.ToUpper(next) + " are missing"
		}
		return "the " + strings.ToUpper(name) + " is missing"
	}
	if m := choice.FindStringSubmatch(text); m != nil {
		words := strings.ReplaceAll(strings.ReplaceAll(m[1], `"`, ""), ",", ", ")
		return "unexpected argument " + m[2] + ", expected one of " + words
	}
	switch text {
	case "unexpected argument help":
		return text + ", did you mean `bff --help`?"
	case "unknown flag --version", "unknown flag -v":
		return text + ", did you mean `bff version`?"
	case "unknown flag --config":
		return text + "; it goes behind the command, as in `bff check --config bff.yaml`"
	case "unknown flag -c":
		return text + ", did you mean `--config`?"
	}
	return text
}

// helpFor is the command whose help explains an error.
func helpFor(err error) string {
	var e *kong.ParseError
	if errors.As(err, &e) && e.Context != nil {
		if c := e.Context.Command(); c != "" {
			words := strings.Fields(c)
			for i, w := range words {
				if strings.HasPrefix(w, "<") {
					words = words[:i]
					break
				}
			}
			return strings.Join(append([]string{"bff"}, words...), " ")
		}
	}
	return "bff"
}
