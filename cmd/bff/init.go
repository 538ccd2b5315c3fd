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

type schemaCommand struct {
	Of string `arg:"" optional:"" default:"config" enum:"config,provider" help:"Of what: config (bff.yaml, the default) or provider (a provider file)."`
}

func (s *schemaCommand) Run(sh *shell) error {
	schema := config.Schema()
	if s.Of == "provider" {
		schema = config.ProviderSchema()
	}
	_, err := sh.stdout.Write(schema)
	return err
}
