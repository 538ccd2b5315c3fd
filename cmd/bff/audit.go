package main

import (
	"errors"
	"fmt"
	"os"

	"bff/internal/audit"
	"bff/internal/cli"
	"bff/internal/config"
)

type auditCommand struct {
	Verify verifyCommand `cmd:"" help:"Read an audit log: exit code 0 when it is whole, 1 when it is not, with the line."`
}

type verifyCommand struct {
	File string `arg:"" help:"An audit log, - for standard input."`
}

func (v *verifyCommand) Run(sh *cli.Shell) error {
	in := sh.Stdin
	if v.File != "-" {
		f, err := os.Open(v.File)
		if err != nil {
			return cli.WrongUse("bff: %s %s", v.File, config.FileError(err))
		}
		defer f.Close()
		in = f
	}
	lines, err := audit.Verify(in)
	var broken *audit.Broken
	if errors.As(err, &broken) {
		return cli.Failure(fmt.Sprintf("%s:%d: %s", v.File, broken.Line, broken.Why))
	}
	if err != nil {
		return cli.RunError(err)
	}
	fmt.Fprintf(sh.Stdout, "%s: whole, %s\n", v.File, cli.Many(lines, "line"))
	return nil
}
