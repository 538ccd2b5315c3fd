package examples_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The helpers of every language refuse what is forged, expired or for another audience, and know an ended session: by
// their own tests.
func TestServicesRefuseWhatIsNoAssertion(t *testing.T) {
	for language, command := range map[string][]string{
		"go":     {"go", "test", "./..."},
		"node":   {"node", "--test"},
		"python": {python(t), "-m", "unittest"},
	} {
		t.Run(language, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			cmd.Dir = filepath.Join(here(t), "services", language)
			cmd.WaitDelay = time.Second
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// python is an interpreter that has the package the example needs.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import cryptography").Run() == nil {
			return name
		}
	}
	t.Fatal("no python3 has the package cryptography: make tools installs python3-cryptography")
	return ""
}
