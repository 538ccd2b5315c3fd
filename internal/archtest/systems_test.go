package archtest_test

import (
	"os"
	"os/exec"
	"testing"
)

// What a developer starts with `go run ./cmd/bff dev` compiles for the systems that developers have.
func TestTheProgramCompilesForOtherSystems(t *testing.T) {
	for _, system := range []string{"windows", "darwin"} {
		cmd := exec.Command("go", "build", "./internal/app", "./internal/devsite", "./internal/simulate")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
