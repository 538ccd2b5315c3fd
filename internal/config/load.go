package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Defaults returns a Config in which only what nobody can guess is missing.
func Defaults() *Config {
	c := &Config{positions: map[string]Position{}}
	applyDefaults(c.fields())
	return c
}

// Load reads a file, or standard input where name is "-". When it returns a report, the report names every mistake
// and the Config is nil.
func Load(name string, stdin io.Reader, env func(string) string) (*Config, string) {
	data, err := readNamed(name, stdin)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, name + ": does not exist; name another with `--config FILE`, write one with `bff init`," +
			" or try `bff dev`, which needs none\n"
	case errors.Is(err, errTooLarge):
		data = make([]byte, maxFile+1) // parse reports it
	case err != nil:
		return nil, name + ": " + FileError(err) + "\n"
	}
	return Read(name, data, env)
}

// Counted is a report with a last line that counts its mistakes, where it has several.
func Counted(report string) string {
	n := 0
	for line := range strings.Lines(report) {
		if !strings.HasPrefix(line, " ") {
			n++
		}
	}
	if n < 2 {
		return report
	}
	return fmt.Sprintf("%s%d mistakes\n", report, n)
}

// LoadForTrial is Load where secrets that are not set count as set, to random values: for trying a configuration
// without them.
func LoadForTrial(name string, stdin io.Reader, env func(string) string) (*Config, string) {
	data, err := readNamed(name, stdin)
	if err != nil {
		return nil, name + ": the file " + FileError(err) + "\n"
	}
	return read(name, data, env, true)
}

// Read is Load for the text of a file. name stands in the report, and relative paths start from its folder.
func Read(name string, data []byte, env func(string) string) (*Config, string) {
	return read(name, data, env, false)
}

func read(name string, data []byte, env func(string) string, standIns bool) (*Config, string) {
	if name == "-" {
		name = "standard input"
	}
	src, top := parse(name, data)
	if top == nil {
		return nil, src.report()
	}
	c := Defaults()
	r := newReader(src, env, name, c.positions)
	r.standIns = standIns
	v := r.top(top)
	c.ProviderDir = readProviderDir(v) // wherever it stands in the file, `providers` needs it
	v.object("write `key: value` lines, the first of them `origin: https://app.example.com`", c.fields()...)
	agreement{c, v.r}.all(v)
	if report := src.report(); report != "" {
		return nil, report
	}
	c.files, c.digests = r.files, r.leaves
	return c, ""
}
