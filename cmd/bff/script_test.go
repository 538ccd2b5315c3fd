package main_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	bff "bff/cmd/bff"
	"bff/internal/audit"
)

var update = flag.Bool("update", false, "write what the scripts print into them")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bff": func() {
			os.Exit(bff.RunWith(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// Every command is driven by scripts, which compare what it prints to the letter.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("BFF_KEY", "bffk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
			return auditLogs(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// auditLogs writes an audit log of three lines, and two that are not as they were written.
func auditLogs(dir string) error {
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogConfig{})
	for range 3 {
		log.Record(context.Background(), audit.Event{Kind: audit.SignIn, User: "u_ada", Session: "s_1", Provider: "google",
			Actor: audit.Actor{Kind: audit.ByUser, Name: "u_ada"}})
	}
	lines := strings.SplitAfter(out.String(), "\n")
	var failed error
	for name, text := range map[string]string{
		"audit.jsonl":   out.String(),
		"changed.jsonl": lines[0] + strings.Replace(lines[1], "u_ada", "u_eve", 1) + lines[2],
		"removed.jsonl": lines[0] + lines[2],
	} {
		failed = errors.Join(failed, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return failed
}

// exits runs a command and wants it to end with an exit code: `exits 2 bff check`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("%s is no exit code", args[0])
	}
	got := 0
	var e *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &e) {
		got = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
