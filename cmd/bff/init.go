package main

import (
	"io"

	"bff/internal/cli"
	"bff/internal/config"
)

type initCommand struct {
	Providers []string `arg:"" optional:"" name:"provider" complete:"provider" help:"Built-in providers (default: google)."`
}

func (c *initCommand) Run(sh *cli.Shell) error {
	if len(c.Providers) == 0 {
		c.Providers = []string{"google"}
	}
	text, err := config.Init(c.Providers)
	if err != nil {
		return cli.WrongUse("bff: %v", err)
	}
	_, err = io.WriteString(sh.Stdout, text)
	return err
}

type schemaCommand struct {
	Of string `arg:"" optional:"" default:"config" enum:"config,provider" help:"Of what: config (bff.yaml, the default) or provider (a provider file)."`
}

func (s *schemaCommand) Run(sh *cli.Shell) error {
	schema := config.Schema()
	if s.Of == "provider" {
		schema = config.ProviderSchema()
	}
	_, err := sh.Stdout.Write(schema)
	return err
}
