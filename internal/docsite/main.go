package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("docsite", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "the repository")
	out := flags.String("out", "", "the folder to write, which must be empty or not exist")
	if flags.Parse(args) != nil || *out == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: docsite -out DIR")
		return 2
	}
	files, err := Build(os.DirFS(*root))
	if err == nil {
		err = write(*out, files)
	}
	if err != nil {
		fmt.Fprintln(stderr, "docsite:", err)
		return 1
	}
	fmt.Fprintf(stdout, "%d files in %s\n", len(files), *out)
	return 0
}

// write writes files into a folder that has none.
func write(dir string, files map[string][]byte) error {
	if found, err := os.ReadDir(dir); err == nil && len(found) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
