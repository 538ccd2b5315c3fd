package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// With explanations and the audit log on, calls that go well ask the store nothing and write nothing into it: during
// hundreds of them it hears what the instance asks by its clock. A call that is refused is written, which shows that
// explanations are on.
func TestACallThatGoesWellCostsTheStoreNothing(t *testing.T) {
	redis := testenv.Redis(t)
	r := build(t, parts{store: redis.URL, provider: []string{"keep: user"},
		top: []string{"log: {audit: \"file:" + t.TempDir() + "/audit.jsonl\"}"}})
	r.c.SignIn("acme")
	lines, mark := redis.Monitor(), 0
	// heard is what the store was told since the last time, up to here.
	heard := func() (all []string) {
		mark++
		here := fmt.Sprintf("mark %d.", mark)
		if err := redis.Client().Echo(t.Context(), here).Err(); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, "the monitor is up to date", func() bool { return strings.Contains(string(lines()), here) })
		_, since, _ := strings.Cut(string(lines()), fmt.Sprintf("mark %d.", mark-1))
		since, _, _ = strings.Cut(since, here)
		for line := range strings.Lines(since) {
			// An instance asks by its clock whether what it has cached still holds; hello and echo are the test's.
			_, command, ok := strings.Cut(line, "] ")
			if verb, _, _ := strings.Cut(command, " "); ok && verb != `"hello"` && verb != `"echo"` &&
				!strings.Contains(command, `}:w"`) && !strings.Contains(command, `}:ww"`) {
				all = append(all, command)
			}
		}
		return all
	}
	heard()
	testenv.Eventually(t, "300 calls of which the store hears nothing", func() bool {
		for range 300 { // in the first ones, what the sign-in has left behind expires
			r.call(r.c)
		}
		return len(heard()) == 0
	})
	r.c.Fetch("GET", "/api/things/secrets", "")
	testenv.Eventually(t, "a refused call is written", func() bool {
		return strings.Contains(strings.Join(heard(), ""), "bff:e:")
	})
}
