package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

func (c *providerImportCommand) Run(sh *shell) error {
	info, err := os.Stat(c.File)
	switch {
	case err != nil:
		return wrongUse("%s: %s", c.File, config.FileError(err))
	case !info.Mode().IsRegular() || info.Size() > maxCatalogue:
		return wrongUse("%s: is no file of at most %d MiB", c.File, maxCatalogue>>20)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return wrongUse("%s: %s", c.File, config.FileError(err))
	}
	entries, err := importer.Nango(data)
	if err != nil {
		return wrongUse("%s: %v", c.File, err)
	}
	for _, name := range c.Name {
		if !slices.ContainsFunc(entries, func(e importer.Entry) bool { return e.Name == name }) {
			return wrongUse("%s: has no entry %s", c.File, name)
		}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return wrongUse("%s: the folder cannot be made", c.Out)
	}
	return c.write(sh, entries)
}

// write writes the files and says of each entry how far it goes.
func (c *providerImportCommand) write(sh *shell, entries []importer.Entry) error {
	count := map[string]int{}
	for _, e := range entries {
		if len(c.Name) > 0 && !slices.Contains(c.Name, e.Name) {
			continue
		}
		outcome, text := c.one(sh, e)
		count[outcome]++
		_, _ = fmt.Fprintf(sh.stdout, "%-8s %s: %s\n", outcome, e.Name, text)
	}
	_, err := fmt.Fprintf(sh.stdout, "%d written, %d not; %d were there already. Nothing of them was tried: "+
		"bff provider check FILE, bff provider simulate FILE\n", count["written"], count["not"], count["there"])
	return err
}

// one writes one file, and takes it back when it has mistakes.
func (c *providerImportCommand) one(sh *shell, e importer.Entry) (outcome, text string) {
	if e.File == nil {
		return "not", strings.Join(e.Missing, "; ")
	}
	path := filepath.Join(c.Out, e.Name+".yaml")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return "there", path + " stays as it is"
	}
	if err != nil {
		return "not", path + " cannot be written"
	}
	_, err = f.Write(e.File)
	if err = errors.Join(err, f.Close()); err != nil {
		return "not", path + " cannot be written"
	}
	if _, _, report := config.ReadProvider(path, sh.env, ""); report != "" {
		_ = os.Remove(path)
		line, _, _ := strings.Cut(report, "\n")
		return "not", strings.Join(append([]string{line}, e.Missing...), "; ")
	}
	text = path
	if len(e.Missing) > 0 {
		text += "; missing: " + strings.Join(e.Missing, "; ")
	}
	if len(e.Yours) > 0 {
		text += "; yours to add: " + strings.Join(e.Yours, "; ")
	}
	return "written", text
}
