package frontproxy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// The page of documentation shows the very files that these tests run.
func TestTheDocumentationShowsTheFilesThatRun(t *testing.T) {
	page := read(t, "docs", "forward-auth.md")
	for _, file := range []string{"nginx/bff.conf", "caddy/Caddyfile", "traefik/dynamic.yaml"} {
		if !strings.Contains(page, "\n"+read(t, "deploy", file)+"```\n") {
			t.Errorf("docs/forward-auth.md does not show deploy/%s as it is", file)
		}
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{testenv.Root(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
