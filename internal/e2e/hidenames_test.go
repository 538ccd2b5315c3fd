package e2e_test

import (
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Names are hidden by the operator while nobody runs. The same cookie works afterwards, and after the way back; the audit
// log has each change once. Who has not the key that the names are sealed under reads that, and not that the store is
// away.
func TestHidingNamesSignsNobodyOut(t *testing.T) {
	log := t.TempDir() + "/audit.jsonl"
	r := build(t, parts{top: []string{"log: {audit: \"file:" + log + "\"}"}})
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
		if step.flag == "" {
			stranger := append(r.bff.Env(), "BFF_KEY="+testenv.NewKey(t))
			for _, args := range [][]string{{"user", "list"}, {"user", "hide-names"}, {"explain", "changes"}} {
				out, code := testenv.Command(t, stranger, append(args, "--config", r.bff.Config())...)
				if code != 1 || !strings.Contains(out, "sealed under a key that `session.keys` lacks") {
					t.Errorf("bff %s with another key: %d %s", strings.Join(args, " "), code, out)
				}
			}
		}
		r.bff.Restart()
		if !r.signedIn(r.c) {
			t.Errorf("%q: the person is signed out", step.flag)
		}
	}
	var lines []string
	testenv.Eventually(t, "the audit log has both changes", func() bool {
		lines = byOperator(t, log)
		return count(lines, "names_changed back") > 0
	})
	if count(lines, "names_changed hidden") != 1 || count(lines, "names_changed back") != 1 {
		t.Errorf("the audit log says %q", lines)
	}
	if out, code := r.bff.Run("explain", "changes"); code != 0 || strings.Count(out, "how the store spells users") != 2 {
		t.Errorf("bff explain changes: %d %s", code, out)
	}
}
