package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bff/internal/testenv"
)

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")

// blocks is the code blocks of a document in one language.
func blocks(t *testing.T, document, language string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), document))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

// The configurations that the documents show are good ones.
func TestReadmeConfigurations(t *testing.T) {
	tried := 0
	for _, document := range []string{"README.md", "docs/configuration.md", "docs/testing.md"} {
		for _, yaml := range blocks(t, document, "yaml") {
			if !strings.Contains("\n"+yaml, "\norigin:") || !strings.Contains("\n"+yaml, "\nsession:") {
				continue // a piece of one
			}
			tried++
			dir := t.TempDir()
			var env []string
			for _, m := range regexp.MustCompile(`env:([A-Z_]+)`).FindAllStringSubmatch(yaml, -1) {
				value := testenv.Random(t)
				switch {
				case strings.Contains(m[1], "KEY"):
					value = testenv.NewKey(t)
				case strings.HasSuffix(m[1], "_URL"):
					value = "redis://127.0.0.1:6379/0"
				}
				env = append(env, m[1]+"="+value)
			}
			for _, m := range regexp.MustCompile(`file:([^\s,\]#]+)`).FindAllStringSubmatch(yaml, -1) {
				yaml = strings.ReplaceAll(yaml, "file:"+m[1], "file:secret")
			}
			for name, content := range map[string]string{"bff.yaml": yaml, "secret": testenv.Random(t), "dist/index.html": "<!doctype html>"} {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if out, code := testenv.Command(t, env, "check", "--offline", "--config", filepath.Join(dir, "bff.yaml")); code != 0 {
				t.Errorf("%s shows a configuration that check refuses:\n%s", document, out)
			}
		}
	}
	if tried == 0 {
		t.Error("no document shows a whole configuration")
	}
}

// The commands that the documents show are commands.
func TestReadmeCommands(t *testing.T) {
	tried := map[string]bool{}
	command := regexp.MustCompile(
		`(?:^|[\s(])(?:go run \./cmd/)?bff ((?:dev|serve|check|keygen|version|provider [a-z]+|[a-z]+)\b)`,
	)
	for _, document := range []string{"README.md", "CONTRIBUTING.md", "docs/configuration.md", "docs/testing.md"} {
		for _, script := range blocks(t, document, "sh") {
			for _, m := range command.FindAllStringSubmatch(script, -1) {
				words := strings.Fields(m[1])
				if tried[m[1]] {
					continue
				}
				tried[m[1]] = true
				if out, code := testenv.Command(t, nil, append(words, "--help")...); code != 0 ||
					!strings.Contains(out, "bff "+m[1]) {
					t.Errorf("%s shows `bff %s`: %s", document, m[1], out)
				}
			}
		}
	}
	if len(tried) < 4 {
		t.Errorf("only %v were found", tried)
	}
	key, code := testenv.Command(t, nil, "keygen")
	if code != 0 || !regexp.MustCompile(`^bffk1_[A-Za-z0-9_-]{43}\n$`).MatchString(key) {
		t.Errorf("keygen: %d %q", code, key)
	}
	if out, code := testenv.Command(t, nil, "serv"); code != 2 || strings.Contains(out, "panic") {
		t.Errorf("a command that is none: %d %s", code, out)
	}
}
