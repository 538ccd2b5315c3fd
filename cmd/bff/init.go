package main

import (
	"io"

	"bff/internal/config"
)

type initCommand struct {
	Providers []string `arg:"" optional:"" name:"provider" complete:"provider" help:"Built-in providers (default: google)."`
}

func (c *initCommand) Run(sh *shell) error {
	if len(c.Providers) == 0 {
		c.Providers = []string{"google"}
	}
	text, err := config.Init(c.Providers)
	if err != nil {
		return wrongUse("bff: %v", err)
	}
	_, err = io.WriteString(sh.stdout, text)
	return err
}

type schemaCommand struct{}

func (*schemaCommand) Run(sh *shell) error {
	_, err := sh.stdout.Write(config.Schema())
	return err
}
