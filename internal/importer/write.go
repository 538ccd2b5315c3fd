package importer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Folder is where provider files are written. What is there already stays as it is.
type Folder struct {
	Path    string
	Mistake func(file string) string // the first mistake of a provider file, or ""
}

// Write writes the files of the entries that are named, of all where none is, and prints of each how far it goes.
func (d Folder) Write(entries []Entry, names []string, out io.Writer) error {
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return fmt.Errorf("%s: the folder cannot be made", d.Path)
	}
	count := map[string]int{}
	for _, e := range entries {
		if len(names) > 0 && !slices.Contains(names, e.Name) {
			continue
		}
		outcome, text := d.one(e)
		count[outcome]++
		_, _ = fmt.Fprintf(out, "%-8s %s: %s\n", outcome, e.Name, text)
	}
	_, _ = fmt.Fprintf(out, "%d written, %d not; %d were there already. Nothing of them was tried: "+
		"bff provider check FILE, bff provider simulate FILE\n", count["written"], count["not"], count["there"])
	return nil
}

// one writes one file, and takes it back when it has mistakes.
func (d Folder) one(e Entry) (outcome, text string) {
	if e.File == nil {
		return "not", strings.Join(e.Missing, "; ")
	}
	path := filepath.Join(d.Path, e.Name+".yaml")
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
	if mistake := d.Mistake(path); mistake != "" {
		_ = os.Remove(path)
		return "not", strings.Join(append([]string{mistake}, e.Missing...), "; ")
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
