package archtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every dependency that go.mod names as direct says in a comment what it is for.
func TestEveryDependencySaysWhatItIsFor(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	direct, inside := 0, false
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "require (":
			inside = true
		case line == ")":
			inside = false
		case inside && !strings.HasSuffix(line, "// indirect"):
			direct++
			if _, reason, _ := strings.Cut(line, "//"); strings.TrimSpace(reason) == "" {
				t.Errorf("go.mod: %s: write its reason behind it, as a comment", line)
			}
		}
	}
	if direct < 20 {
		t.Errorf("only %d dependencies were read", direct)
	}
}
