package main

import (
	"fmt"

	"bff/internal/cli"
	"bff/internal/vault"
)

type keygenCommand struct{}

func (*keygenCommand) Run(sh *cli.Shell) error {
	_, err := fmt.Fprintln(sh.Stdout, vault.NewKey().Reveal())
	return err
}
