package app_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"bff/internal/testenv"
)

const firstFile = `apis:
  cal: {provider: acme, upstream: 'UPSTREAM/v1', allow: [GET /a, GET /stream]}
clients:
  billing: {secret: file:secret}
`

// While the configuration is read again and again, with another upstream, another key and another secret each time,
// no call fails, a stream that began before goes on, and nobody is signed out.
func TestReloadUnderLoad(t *testing.T) {
	r := start(t, firstFile)
	stream := r.openStream()
	var failed, calls atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, body := r.get(r.origin + "/api/cal/a"); status != http.StatusOK {
					failed.Add(1)
					t.Errorf("a call is answered %d %s", status, body)
					return
				}
				calls.Add(1)
			}
		})
	}
	for i, keys := range []string{"[file:key]", "[file:key2, file:key]", "[file:key2, file:key]", "[file:key, file:key2]"} {
		version := "/v1"
		if i%2 == 1 {
			version = "/v2"
		}
		r.write("key2", key2)
		r.configure("keys: "+keys, strings.Replace(firstFile, "/v1", version, 1))
		before := calls.Load()
		r.in.Reload()
		testenv.Eventually(t, "calls go on", func() bool { return calls.Load() > before+10 || failed.Load() > 0 })
		if status, body := r.get(r.origin + "/api/cal/a"); status != http.StatusOK || body != version+"/a" {
			t.Errorf("reload %d: the api answers %d %s", i, status, body)
		}
		line := fmt.Sprintf("line %d", i)
		r.lines <- line
		if got := next(t, stream); got != "data: "+line {
			t.Fatalf("reload %d: the stream says %q", i, got)
		}
	}
	close(stop)
	testenv.Finished(t, "the load", load.Wait)
	if r.log.has("nothing was changed") {
		t.Error("a reload was refused")
	}
}

// openStream begins a stream of the api and returns its lines.
func (r *running) openStream() *bufio.Scanner {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.origin+"/api/cal/stream", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := (&http.Client{Jar: r.browser.Jar}).Do(q)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("the stream does not begin: %v %v", resp, err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	return bufio.NewScanner(resp.Body)
}

// next is the next line that is not empty.
func next(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	for lines.Scan() {
		if lines.Text() != "" {
			return lines.Text()
		}
	}
	return "the end"
}

// A configuration with mistakes changes nothing, and the log says which they are.
func TestReloadRefusesMistakes(t *testing.T) {
	r := start(t, firstFile)
	r.configure("keys: [file:key]", strings.Replace(firstFile, "upstream", "upstraem", 1))
	r.in.Reload()
	if !r.log.has("the configuration has mistakes; nothing was changed") || !r.log.has("did you mean `upstream`?") {
		t.Error("the log does not say what is wrong")
	}
	if status, body := r.get(r.origin + "/api/cal/a"); status != http.StatusOK || body != "/v1/a" {
		t.Errorf("afterwards the api answers %d %s", status, body)
	}
	r.configure("keys: [file:key]", strings.Replace(firstFile, "/v1", "/v2", 1))
	r.in.Reload()
	if _, body := r.get(r.origin + "/api/cal/a"); body != "/v2/a" {
		t.Errorf("after the mistake is gone the api answers %s", body)
	}
}

// What a running process cannot change is said, and everything else of the file holds.
func TestReloadSaysWhatCannotChange(t *testing.T) {
	r := start(t, firstFile)
	r.configure("prefix: other, cookie: other, keys: [file:key]", strings.Replace(firstFile, "/v1", "/v2", 1)+
		"listen: ':1'\nadmin: ':2'\nlog: {level: debug, format: text}\n")
	r.in.Reload()
	for _, key := range []string{"listen", "admin", "session.prefix", "session.cookie", "log.format"} {
		if !r.log.has(`"a key of the configuration changes at the next start only","key":"` + key + `"`) {
			t.Errorf("the log does not say that %s stays", key)
		}
	}
	if status, body := r.get(r.origin + "/api/cal/a"); status != http.StatusOK || body != "/v2/a" {
		t.Errorf("the rest does not hold: %d %s", status, body)
	}
}

// A secret that changes in its file holds without a signal, and the one before it does no more.
func TestReloadFollowsSecretFiles(t *testing.T) {
	r := start(t, firstFile)
	if !r.introspects("first-secret") {
		t.Fatal("the first secret is refused")
	}
	r.write("secret", "second-secret\n")
	testenv.Eventually(t, "the second secret holds", func() bool { return r.introspects("second-secret") })
	if r.introspects("first-secret") {
		t.Error("the first secret still holds")
	}
	r.write("secret", "")
	testenv.Eventually(t, "an empty file is refused", func() bool { return r.log.has("nothing was changed") })
	if !r.introspects("second-secret") {
		t.Error("a secret file without a secret ended the one before")
	}
}

// SIGHUP reads the configuration again.
func TestReloadAtHangup(t *testing.T) {
	r := start(t, firstFile)
	r.configure("keys: [file:key]", "nonsense: 1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the mistake is in the log", func() bool { return r.log.has("nothing was changed") })
	if _, body := r.get(r.origin + "/api/cal/a"); body != "/v1/a" {
		t.Errorf("after a bad file: %s", body)
	}
	r.configure("keys: [file:key]", strings.Replace(firstFile, "/v1", "/v2", 1))
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the new file holds", func() bool {
		_, body := r.get(r.origin + "/api/cal/a")
		return body == "/v2/a"
	})
}
