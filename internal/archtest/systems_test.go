package archtest_test

import (
	"os"
	"os/exec"
	"testing"
)

// What a developer starts with `go run ./cmd/bff dev` compiles for the systems that developers have. macOS differs from
// Linux only in packages that have files of their own for a system.
func TestTheProgramCompilesForOtherSystems(t *testing.T) {
	for system, packages := range map[string][]string{
		"windows": {"./internal/app", "./internal/devsite", "./internal/simulate"},
		"darwin":  {"./internal/audit", "./internal/proxy/wire"},
	} {
		cmd := exec.Command("go", append([]string{"build"}, packages...)...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
