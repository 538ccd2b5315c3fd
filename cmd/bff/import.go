package main

import (
	"os"
	"slices"
	"strings"

	"bff/internal/cli"
	"bff/internal/config"
	"bff/internal/importer"
)

type providerImportCommand struct {
	Format string   `arg:"" enum:"nango" help:"The form of the catalogue: nango (its providers.yaml)."`
	File   string   `arg:"" help:"The catalogue."`
	Name   []string `arg:"" optional:"" help:"Entries of it; all by default."`
	Out    string   `default:"providers" placeholder:"DIR" help:"The folder that the files go to (default: ${default}). A file that is there stays as it is."`
}

// maxCatalogue bounds a catalogue that is read.
const maxCatalogue = 16 << 20

func (c *providerImportCommand) Run(sh *cli.Shell) error {
	info, err := os.Stat(c.File)
	switch {
	case err != nil:
		return cli.WrongUse("%s: %s", c.File, config.FileError(err))
	case !info.Mode().IsRegular() || info.Size() > maxCatalogue:
		return cli.WrongUse("%s: is no file of at most %d MiB", c.File, maxCatalogue>>20)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return cli.WrongUse("%s: %s", c.File, config.FileError(err))
	}
	entries, err := importer.Nango(data)
	if err != nil {
		return cli.WrongUse("%s: %v", c.File, err)
	}
	for _, name := range c.Name {
		if !slices.ContainsFunc(entries, func(e importer.Entry) bool { return e.Name == name }) {
			return cli.WrongUse("%s: has no entry %s", c.File, name)
		}
	}
	folder := importer.Folder{Path: c.Out, Mistake: func(file string) string {
		_, _, report := config.ReadProvider(file, sh.Env, "")
		first, _, _ := strings.Cut(report, "\n")
		return first
	}}
	if err := folder.Write(entries, c.Name, sh.Stdout); err != nil {
		return cli.WrongUse("%v", err)
	}
	return nil
}
