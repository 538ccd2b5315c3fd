package main

import (
	"fmt"

	"bff/internal/vault"
)

type keygenCommand struct{}

func (*keygenCommand) Run(sh *shell) error {
	_, err := fmt.Fprintln(sh.stdout, vault.NewKey().Reveal())
	return err
}
