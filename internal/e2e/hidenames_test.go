package e2e_test

import (
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Names are hidden by the operator while nobody runs. The same cookie works afterwards, and after the way back.
func TestHidingNamesSignsNobodyOut(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	if out, code := r.bff.Run("user", "hide-names"); code != 1 || !strings.Contains(out, "stop all of them first") {
		t.Errorf("while an instance runs: %d %s", code, out)
	}
	for _, step := range []struct{ flag, said string }{{"--dry-run", "would change"}, {"", "changed"}, {"--back", "changed"}} {
		r.bff.Kill()
		args := []string{"user", "hide-names"}
		if step.flag != "" {
			args = append(args, step.flag)
		}
		out, code := "", 0
		testenv.Eventually(t, "the store has seen the instance go", func() bool {
			out, code = r.bff.Run(args...)
			return !strings.Contains(out, "stop all of them first")
		})
		if code != 0 || !strings.HasPrefix(out, step.said) || strings.Contains(out, " 0 names") {
			t.Errorf("%q: %d %s", step.flag, code, out)
		}
		if out, code := r.bff.Run("user", "list"); code != 0 || !strings.Contains(out, "ada@example.com") {
			t.Errorf("%q: the list: %d %s", step.flag, code, out)
		}
		r.bff.Restart()
		if !r.signedIn(r.c) {
			t.Errorf("%q: the person is signed out", step.flag)
		}
	}
}
