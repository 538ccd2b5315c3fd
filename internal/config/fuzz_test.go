package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"bff/internal/config"
)

// Whatever a file holds: reading it ends, never panics, gives a configuration or says where the mistake is, and
// repeats nothing that stands where a person would put a secret, be the key right, misspelled, or in a place that has
// no such key.
func FuzzConfig(f *testing.F) {
	sample, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	f.Add(minimal)
	f.Add(secondEdition)
	f.Add(top + "session: {keys: [hunter2], store: 'redis://:hunter2@h:1/0'}\n" + providers)
	f.Add(
		top + session + "providers:\n  google: {client_id: x, client_secret: hunter2}\n  acme:\n    client_secret: |\n      hunter2\n    client_secrt: " +
			"hunter2\n    secret: hunter2\n",
	)
	f.Add(
		top + session + "providers:\n  google: {client_id: x, client_secret: [hunter2, {hunter2: hunter2}]}\nclients: {a: {secret: &x hunter2}, b: {secret: " +
			"*x}, c: {secret: !!str hunter2}}\n",
	)
	f.Add("session:\n\tkeys: [hunter2]\n")
	f.Add("providers:\n  google:\n    client_secret: \"hunter2\n    client_id: x\n")
	f.Add("providers:\n  google:\n    client_secret: 'hunter2' hunter2\n")
	f.Add("# hunter2\norigin: http://x.example # hunter2\norign: hunter2\n? hunter2\n: hunter2\n")
	f.Add("client_secret: >-\n  a\n  hunter2\n b: hunter2: hunter2\n")
	f.Add(
		"{origin: https://a.example, session: {keys: [env:hunter2, file:/x, hunter2:hunter2]}, providers: {a: {client_secret: hunter2, client_secret: hunter2}}}",
	)
	f.Add("a: [[[[{hunter2: *a}]]]]\n---\n%YAML hunter2\n---\n- hunter2\n")
	f.Add(
		minimal + "apis: {n: {provider: google, upstream: 'https://a:hunter2@b', headers: {X: \"hunter2\\n\"}, allow: [GET /x]}}\n",
	)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		secret := secretKey.ReplaceAllString(text, "${1}"+canary)
		v, report := config.ReadView(filepath.Join(dir, "bff.yaml"), []byte(secret), environment)
		if (v == nil) == (report == "") {
			t.Fatalf("neither a configuration nor a report, or both")
		}
		if strings.Contains(report, canary) && !partOfMore(secret) {
			t.Fatalf("the report repeats a secret:\n%s\nof\n%s", report, secret)
		}
		for line := range strings.Lines(report) {
			if !strings.HasPrefix(line, "  ") && !reportLine.MatchString(line) {
				t.Fatalf("a line of the report is no place and no caret: %q", line)
			}
		}
	})
}

var reportLine = regexp.MustCompile(`^[^\n]*bff\.yaml:(\d+:\d+:)? \S`)

var mistakeLine = regexp.MustCompile(`bff\.yaml:\d+:\d+: `)

const canary = "Qx7-canary-Zw9"

var secretKey = regexp.MustCompile(`((?:client_secret|client_secrt|client_key|secret|password) *: +)[^\s,{}\[\]]+`)

// partOfMore says whether the canary is not a value but stands within a longer text, such as a client_id: "a,
// client_secret: b".
func partOfMore(text string) (more bool) {
	defer func() {
		if recover() != nil {
			more = true
		}
	}()
	var all any
	if yaml.UnmarshalWithOptions([]byte(text), &all, yaml.AllowDuplicateMapKey()) != nil {
		return false
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, in := range v {
				walk(k)
				walk(in)
			}
		case []any:
			for _, in := range v {
				walk(in)
			}
		case string:
			more = more || strings.Contains(v, canary) && v != canary
		}
	}
	walk(all)
	return more
}
