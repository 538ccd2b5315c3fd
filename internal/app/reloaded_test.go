package app_test

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// rewrite changes the file.
func (r *running) rewrite(old, replacement string) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "bff.yaml"))
	if err != nil || !strings.Contains(string(text), old) {
		r.t.Fatalf("%q is not in the file: %v", old, err)
	}
	r.write("bff.yaml", strings.Replace(string(text), old, replacement, 1))
}

var navigation = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"}

// limited reports whether one of a dozen sign-ins is one too many.
func (r *running) limited() bool {
	for range 12 {
		if status, _ := r.get(r.origin+"/bff/login/acme?prompt=login", navigation...); status == http.StatusTooManyRequests {
			return true
		}
	}
	return false
}

// admitted reports whether Ada may sign in.
func (r *running) admitted() bool {
	r.t.Helper()
	_, to := r.get(r.origin+"/bff/login/acme?prompt=login", navigation...)
	back, err := r.demo.Approve(to, "ada")
	if err != nil {
		r.t.Fatal(to, err)
	}
	_, to = r.get(back, append(navigation, "Sec-Fetch-Site", "cross-site")...)
	return !strings.Contains(to, "bff_error=not_allowed")
}

// Each part of the file that may change while bff runs holds after one reload, and none did before.
func TestReloadChangesEveryPart(t *testing.T) {
	r := start(t, firstFile)
	parts := map[string]func() bool{
		"providers": func() bool {
			status, _ := r.get(r.origin+"/bff/login/second?prompt=login", navigation...)
			return status == http.StatusFound
		},
		"apis":    func() bool { status, _ := r.get(r.origin + "/api/more/a"); return status == http.StatusOK },
		"clients": func() bool { return r.introspects("another-secret") },
		"users":   func() bool { return !r.admitted() },
		"log": func() bool {
			before := r.log.times(`"msg":"request"`)
			r.get(r.origin + "/bff/session")
			return r.log.times(`"msg":"request"`) > before
		},
		"limits": nil, // it is last: it uses the limit up
	}
	hold := func(want bool) {
		t.Helper()
		for name, part := range parts {
			if part != nil && part() != want {
				t.Errorf("%s: the new file holds: %v, want %v", name, !want, want)
			}
		}
		if r.limited() != want {
			t.Errorf("limits: the new file holds: %v, want %v", !want, want)
		}
	}
	hold(false)
	r.write("another", "another-secret\n")
	r.rewrite("providers:\n  acme:", "providers:\n  second: {issuer: '"+r.demo.Issuer+"', client_id: x, client_secret: env:CLIENT_SECRET}\n  acme:")
	r.rewrite("apis:\n", "apis:\n  more: {provider: acme, upstream: '"+r.upstream.URL+"/v1', allow: [GET /a]}\n")
	r.rewrite("{secret: file:secret}", "{secret: file:another}\nusers: {allow: ['email:grace@example.com']}\n"+
		"limits: {login_per_minute: 5}\nlog: {access: true}")
	r.in.Reload()
	hold(true)
}

// A stream of bff's own goes on over a reload that changes the keys, and hears what happens behind it.
func TestAnEventStreamGoesOnOverAReload(t *testing.T) {
	r := start(t, firstFile)
	send := func(method, path, body string, client *http.Client) *http.Response {
		q, err := http.NewRequestWithContext(t.Context(), method, r.origin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Sec-Fetch-Site", "same-origin")
		q.Header.Set("Content-Type", "application/merge-patch+json")
		resp, err := client.Do(q)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %v %v", method, path, resp, err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	lines := bufio.NewScanner(send("GET", "/bff/events", "", &http.Client{Jar: r.browser.Jar}).Body)
	if first := next(t, lines); first == "the end" {
		t.Fatal("the stream does not begin")
	}
	r.write("key2", key2)
	r.configure("keys: [file:key2, file:key]", strings.Replace(firstFile, "/v1", "/v2", 1))
	r.in.Reload()
	if _, body := r.get(r.origin + "/api/cal/a"); body != "/v2/a" {
		t.Fatalf("the new file does not hold: %s", body)
	}
	heard := make(chan string, 1)
	go func() {
		line := ""
		for line != "the end" && !strings.Contains(line, "preferences") {
			line = next(t, lines)
		}
		heard <- line
	}()
	send("PATCH", "/bff/preferences", `{"theme": "dark"}`, r.browser)
	line := ""
	testenv.Eventually(t, "the stream hears of it", func() bool {
		select {
		case line = <-heard:
		default:
		}
		return line != ""
	})
	if line == "the end" {
		t.Error("the stream ended")
	}
}

// The reading of a configuration, and the change of its keys, are in the audit log once each, however many there are.
func TestEachReadingOfTheConfigurationIsAuditedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	file := firstFile + "log: {audit: 'file:" + path + "'}\n"
	r := start(t, file)
	count := func(text string) int {
		all, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(all), text)
	}
	testenv.Eventually(t, "the start is written down", func() bool { return count(`"reason":"start"`) > 0 })
	r.write("key2", key2)
	r.configure("keys: [file:key2, file:key]", file)
	r.in.Reload()
	r.configure("keys: [file:key2, file:key]", strings.Replace(file, "upstream", "upstraem", 1))
	r.in.Reload()
	r.configure("keys: [file:key2, file:key]", strings.Replace(file, "/v1", "/v2", 1))
	r.in.Reload()
	for text, want := range map[string]int{`"event":"configuration_changed"`: 3, `"reason":"start"`: 1, `"event":"keys_changed"`: 1,
		`"changed":["apis.cal.upstream"]`: 1} {
		if got := count(text); got != want {
			all, _ := os.ReadFile(path)
			t.Errorf("%s is there %d times, want %d\n%s", text, got, want, all)
		}
	}
}
