package main

import (
	"fmt"
	"runtime/debug"

	"bff/internal/cli"
)

// release is the version of a released binary: go build -ldflags "-X main.release=v1.2.3".
var release = ""

type versionCommand struct{}

func (*versionCommand) Run(sh *cli.Shell) error {
	b := readBuild()
	_, err := fmt.Fprintf(sh.Stdout, "bff %s\ncommit %s\n%s\n", b.version, b.commit, b.goVersion)
	return err
}

type build struct{ version, commit, goVersion string }

// readBuild says what this binary was made from.
func readBuild() build {
	b := build{version: "unreleased", commit: "unknown", goVersion: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if ok {
		b.goVersion = info.GoVersion
		if v := info.Main.Version; v != "" && v != "(devel)" {
			b.version = v
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				b.commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				b.commit += ", changed since"
			}
		}
	}
	if release != "" {
		b.version = release
	}
	return b
}
