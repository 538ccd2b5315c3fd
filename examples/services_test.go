package examples_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"bff/internal/testenv"
)

// The helpers of every language refuse what is forged, expired or for another audience, and know an ended session: by
// their own tests.
func TestServicesRefuseWhatIsNoAssertion(t *testing.T) {
	for language, command := range map[string][]string{
		"go":     {"go", "test", "-v", "./..."},
		"node":   {"node", "--test", "--test-reporter=tap"},
		"python": {python(t), "-m", "unittest", "-v"},
	} {
		t.Run(language, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			cmd.Dir = filepath.Join(here(t), "services", language)
			cmd.WaitDelay = time.Second
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			// A runner that finds no test is content, and so would this one be.
			if n := len(passed.FindAll(out, -1)); n < 3 {
				t.Errorf("%d tests passed\n%s", n, out)
			}
		})
	}
}

// passed is how each runner says that one test has passed.
var passed = regexp.MustCompile(`(?m)^--- PASS|^ok [0-9]+ - | \.\.\. ok$`)

// Each helper can be read before it is copied: it is under 60 lines.
func TestHelpersAreShort(t *testing.T) {
	for _, file := range []string{"go/whois/whois.go", "node/whois.mjs", "python/whois.py"} {
		text, err := os.ReadFile(filepath.Join(here(t), "services", file))
		if n := strings.Count(string(text), "\n"); err != nil || n == 0 || n >= 60 {
			t.Errorf("%s: %d lines, %v", file, n, err)
		}
	}
}

// The pages for backend teams show the very files that the tests run.
func TestThePagesShowTheFiles(t *testing.T) {
	for language, files := range map[string][]string{"go": {"go/whois/whois.go", "go/main.go"},
		"node": {"node/whois.mjs", "node/server.mjs"}, "python": {"python/whois.py", "python/server.py"}} {
		page, err := os.ReadFile(filepath.Join(here(t), "..", "docs", "backends-"+language+".md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(here(t), "services", file))
			if err != nil || !strings.Contains(string(page), "\n"+string(text)+"```\n") {
				t.Errorf("docs/backends-%s.md does not show examples/services/%s as it is: %v", language, file, err)
			}
		}
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

// Each service, behind a real bff, sees who is asking and what she may do; once she has signed out, an assertion that
// one of them still holds is of no use where it matters.
func TestServicesBehindBFF(t *testing.T) {
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	port, secret, origin := map[string]int{}, testenv.Random(t), fmt.Sprintf("http://127.0.0.1:%d", testenv.FreePort(t))
	yaml := "origin: " + origin + "\nsession: {store: \"memory:\", keys: [env:BFF_KEY]}\nproviders:\n" + op.YAML("op") +
		"clients:\n  basket: {secret: env:BASKET_SECRET, exchange: [basket]}\napis:\n"
	for _, language := range []string{"go", "node", "python"} {
		port[language] = testenv.FreePort(t)
		yaml += fmt.Sprintf("  %s: {path: /%[1]s, upstream: \"http://127.0.0.1:%d\", identity: basket, "+
			"allow: [GET /whoami, POST /orders]}\n", language, port[language])
	}
	b := testenv.BFF(t, yaml, op.Env(), "BASKET_SECRET="+secret)
	op.Register("op", b.Origin)
	env := []string{"BFF_ORIGIN=" + origin, "BFF_JWKS=" + origin + "/bff/jwks.json", "BFF_ADMIN=" + b.Admin,
		"AUDIENCE=basket", "CLIENT_ID=basket", "CLIENT_SECRET=" + secret}
	service := filepath.Join(t.TempDir(), "basket")
	run(t, filepath.Join(here(t), "services", "go"), "go", "build", "-o", service, ".")
	start(t, "go", port["go"], env, service)
	start(t, "node", port["node"], env, "node", "server.mjs")
	start(t, "python", port["python"], env, python(t), "server.py")

	c := testenv.NewClient(b)
	c.SignIn("op")
	user := c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)["id"]
	given := b.Ask("/token", "basket", secret, url.Values{
		"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token": {c.Session()}, "subject_token_type": {"urn:bff:session"}, "audience": {"basket"}}).
		JSON(t)
	held, _ := given["access_token"].(string)
	for language := range port {
		who := c.Fetch("GET", "/"+language+"/whoami", "").JSON(t)
		if who["language"] != language || who["user"] != user {
			t.Errorf("%s sees %v", language, who)
		}
		if a := c.Fetch("POST", "/"+language+"/orders", "{}"); a.Status != http.StatusForbidden ||
			!strings.Contains(string(a.Body), "staff only") {
			t.Errorf("%s, without the right: %d %s", language, a.Status, a.Body)
		}
		if status := direct(t, port[language], "GET", "/whoami", held); status != http.StatusOK {
			t.Errorf("%s, a live session's assertion: %d", language, status)
		}
	}
	c.Fetch("POST", "/bff/logout", "")
	for language := range port {
		if a := c.Fetch("GET", "/"+language+"/whoami", ""); a.Status != http.StatusUnauthorized {
			t.Errorf("%s, after the logout: %d", language, a.Status)
		}
		if status := direct(t, port[language], "POST", "/orders", held); status != http.StatusUnauthorized {
			t.Errorf("%s, an ended session's assertion: %d", language, status)
		}
		if status := direct(t, port[language], "GET", "/whoami", held+"x"); status != http.StatusUnauthorized {
			t.Errorf("%s, a forged assertion: %d", language, status)
		}
	}
}

// start runs a service until the test ends, and waits until it answers.
func start(t *testing.T, language string, port int, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = filepath.Join(here(t), "services", language)
	cmd.Env = append(append(os.Environ(), env...), fmt.Sprintf("LISTEN=127.0.0.1:%d", port), "PYTHONDONTWRITEBYTECODE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	testenv.Eventually(
		t,
		"the service in "+language+" answers",
		func() bool { return direct(t, port, "GET", "/whoami", "") != 0 },
	)
}

// direct calls a service past bff. 0: it does not answer.
func direct(t *testing.T, port int, method, path, token string) int {
	t.Helper()
	r, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
