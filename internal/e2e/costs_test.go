package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// With explanations and the audit log on, calls that go well ask the store nothing and write nothing into it: during
// hundreds of them it hears what the instance asks by its clock. A call that is refused is written, which shows that
// explanations are on.
func TestACallThatGoesWellCostsTheStoreNothing(t *testing.T) {
	redis := testenv.Redis(t)
	r := build(t, parts{store: redis.URL, provider: []string{"keep: user"}, env: []string{"OFFICE_SECRET=office-secret"},
		top: []string{"log: {audit: \"file:" + t.TempDir() + "/audit.jsonl\"}",
			"clients: {office: {secret: env:OFFICE_SECRET, manage: true}}"}})
	r.c.SignIn("acme")
	lines, mark := redis.Monitor(), 0
	// heard is what the store was sent since the last time, up to here.
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
	well := r.c.Fetch("GET", "/api/things/items", "").Header.Get("BFF-Request-Id")
	answered := func() (status int, body string) {
		request, err := http.NewRequest("GET", r.bff.Admin+"/explain/"+well, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("office", "office-secret")
		resp, err := (&http.Client{}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		a := testenv.ReadAnswer(t, resp)
		return a.Status, string(a.Body)
	}
	if status, body := answered(); status != http.StatusOK || !strings.Contains(body, "answered 200") {
		t.Errorf("the instance says of a call that went well: %d %s", status, body)
	}
	if out, code := r.bff.Run("explain", well); code != 1 || !strings.Contains(out, "ask its admin listener for /explain/"+well) {
		t.Errorf("the command says of a call that went well: %d %s", code, out)
	}
	r.bff.Hangup() // a configuration that is read again takes nothing from the memory
	testenv.Eventually(t, "the reload", func() bool { return strings.Contains(r.bff.Log(), "was read again") })
	if status, body := answered(); status != http.StatusOK {
		t.Errorf("after a reload: %d %s", status, body)
	}
	r.c.Fetch("GET", "/api/things/secrets", "")
	testenv.Eventually(t, "a refused call is written", func() bool {
		return strings.Contains(strings.Join(heard(), ""), "bff:e:")
	})
}
