package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// A Program is a command line.
type Program struct {
	Commands    any // a pointer to a struct, as kong reads it: a field a command, each with Run(*Shell) error
	Description string
	Values      Values // what the names of arguments can be, for the completion of words
}

// stopped is what kong's own way out (after --help) becomes here: nothing but main ends the process.
type stopped struct{ code int }

// Run runs the command that the arguments name and returns the exit code.
func (p Program) Run(sh Shell, args []string) (code int) {
	if len(args) == 0 { // wrong usage, and worth all help there is
		sh.Stdout = sh.Stderr
		p.Run(sh, []string{"--help"})
		return Wrong
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
	parser, err := kong.New(
		p.Commands,
		kong.Name("bff"),
		kong.Writers(sh.Stdout, sh.Stderr),
		kong.Exit(func(code int) { panic(stopped{code}) }),
		kong.Description(p.Description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		panic(err) // the commands do not fit together
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(sh.Stderr, "bff: %s\nSee `%s --help`.\n", meant(err), helpFor(err))
		return Wrong
	}
	err = parsed.Run(&sh, p.Values)
	var e *exit
	switch {
	case err == nil:
		return Fine
	case errors.As(err, &e):
		if e.text != "" {
			fmt.Fprintf(sh.Stderr, "%s\n", strings.TrimSuffix(e.text, "\n"))
		}
		return e.code
	}
	fmt.Fprintf(sh.Stderr, "bff: %v\n", err)
	return Failed
}
