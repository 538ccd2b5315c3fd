package browser_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/webhook"
)

// An appDatabase is the application's own: the hook writes a row of each new person into it, and answers with the
// row's number and what the person may do.
type appDatabase struct {
	*httptest.Server
	mu   sync.Mutex
	rows []string // ids of users
}

const storySecret = "a secret of the story, long enough"

func newAppDatabase(t *testing.T) *appDatabase {
	key, err := webhook.ParseKey(secret.New(storySecret))
	if err != nil {
		t.Fatal(err)
	}
	d := &appDatabase{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var asked struct {
			User struct {
				ID  string
				New bool
			}
		}
		if key.Verify(r.Header, body) != nil || json.Unmarshal(body, &asked) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if asked.User.New {
			d.rows = append(d.rows, asked.User.ID)
		}
		fmt.Fprintf(w, `{"id": "%d", "rights": ["editor"]}`, 41+len(d.rows))
	}))
	t.Cleanup(d.Close)
	return d
}

// services starts the example services in three languages, which answer for some fronts.
func (s *threeSites) services(fronts string, listen map[string]string) {
	root := filepath.Join(testenv.Root(s.t), "examples", "services")
	golang := filepath.Join(s.t.TempDir(), "basket")
	build := exec.Command("go", "build", "-o", golang, ".")
	build.Dir = filepath.Join(root, "go")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("build the Go service: %v\n%s", err, out)
	}
	python := "python3" // it needs the package cryptography, which Debian's own may have alone
	if exec.Command(python, "-c", "import cryptography").Run() != nil {
		python = "/usr/bin/python3"
	}
	for language, command := range map[string][]string{"go": {golang}, "node": {"node", "server.mjs"}, "python": {python, "server.py"}} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = filepath.Join(root, language)
		cmd.Env = append(os.Environ(), "LISTEN="+listen[language], "AUDIENCE=basket", "BFF_ORIGIN="+fronts,
			"BFF_JWKS=http://"+s.admins[0]+"/jwks.json", "BFF_ADMIN=http://"+s.admins[1], "CLIENT_ID=basket",
			"CLIENT_SECRET="+storySecret)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		client := &http.Client{Timeout: time.Second}
		testenv.Eventually(s.t, language+" answers", func() bool {
			resp, err := client.Get("http://" + listen[language] + "/whoami")
			return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusUnauthorized
		})
	}
}

// service is one request of a service to the admin listener of an instance.
func (s *threeSites) service(instance int, method, path, body string) string {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://"+s.admins[instance]+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth("basket", storySecret)
	r.Header.Set("Content-Type", "application/merge-patch+json")
	if method == "PATCH" && strings.Count(path, "/") == 2 {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	return string(text)
}

// fetched is a fetch of the page: its status and its body.
func fetched(t *testenv.Tab, method, path, body string) string {
	options := "{method: " + strconv.Quote(method)
	if body != "" {
		options += ", body: " + strconv.Quote(body) + ", headers: {'Content-Type': 'application/merge-patch+json'}"
	}
	return testenv.Eval[string](t, "fetch("+strconv.Quote(path)+", "+options+"}).then(async r => r.status + ' ' + await r.text())")
}

// The whole story, over two instances and two domains, with services in three languages.
func TestAPersonOnTwoDomainsAndThreeServices(t *testing.T) {
	database := newAppDatabase(t)
	listen, apis := map[string]string{}, ""
	for _, language := range []string{"go", "node", "python"} {
		listen[language] = address(t)
		apis += fmt.Sprintf("  %s: {path: /%s, upstream: \"http://%s\", identity: basket, allow: [GET /whoami, /basket, POST /orders]}\n",
			language, language, listen[language])
	}
	apis += "  edit: {path: /edit, upstream: \"http://" + listen["go"] + "\", identity: basket, require: [staff], allow: [GET /whoami]}\n"
	s := buildSites(t, apis+"users: {hook: {url: \""+database.URL+"\", secret: env:STORY_SECRET}}\n"+
		"clients: {basket: {secret: env:STORY_SECRET, manage: true, data: true}}\n", "STORY_SECRET="+storySecret)
	s.services(s.shop+","+s.desk, listen)

	// A new person signs in on the second domain; the database gets a row and gives id and rights back.
	s.at(s.shop, "nobody")
	click(s.tab, "#in")
	agree(s.tab, "ada")
	s.settled(s.shop, "ada@example.com")
	session := fetched(s.tab, "GET", "/bff/session", "")
	if len(database.rows) != 1 || !strings.Contains(session, `"app_id":"42"`) || !strings.Contains(session, `"rights":["editor"]`) {
		t.Fatalf("the database has %v, and the session is %s", database.rows, session)
	}
	user := database.rows[0]

	// The theme chosen on one domain is there on the other, and in another browser.
	fetched(s.tab, "PATCH", "/bff/preferences", `{"theme":"dark"}`)
	s.at(s.origin, "ada@example.com")
	if got := fetched(s.tab, "GET", "/bff/preferences", ""); !strings.Contains(got, `"dark"`) {
		t.Errorf("preferences on the first domain: %s", got)
	}
	second := &threeSites{rig: &rig{t: t, demo: s.demo, origin: s.origin, browser: s.another()}, shop: s.shop, desk: s.desk}
	second.tab = second.browser.Tab()
	second.at(s.desk, "nobody")
	click(second.tab, "#in")
	agree(second.tab, "ada")
	second.settled(s.desk, "ada@example.com")
	if got := fetched(second.tab, "GET", "/bff/preferences", ""); !strings.Contains(got, `"dark"`) {
		t.Errorf("preferences in another browser: %s", got)
	}

	// Each service sees who it is and what she may do; an operator gives a right, and they share a basket.
	s.service(0, "PATCH", "/users/"+user, `{"rights":["staff"]}`)
	s.at(s.shop, "ada@example.com")
	for language := range listen {
		who := fetched(s.tab, "GET", "/"+language+"/whoami", "")
		if !strings.HasPrefix(who, "200 ") || !strings.Contains(who, user) || !strings.Contains(who, "editor") || !strings.Contains(who, "staff") {
			t.Errorf("%s sees %s", language, who)
		}
		if got := fetched(s.tab, "POST", "/"+language+"/orders", ""); !strings.HasPrefix(got, "201 ") {
			t.Errorf("%s: an order: %s", language, got)
		}
	}
	for language := range listen { // one puts it in on one domain, and all see it on the other
		if got := fetched(s.tab, "POST", "/"+language+"/basket", ""); !strings.HasPrefix(got, "200 ") {
			t.Errorf("%s: into the basket: %s", language, got)
		}
	}
	for language := range listen {
		got := fetched(second.tab, "GET", "/"+language+"/basket", "")
		for other := range listen {
			if !strings.Contains(got, `"`+other+`"`) {
				t.Errorf("%s sees the basket without what %s put in: %s", language, other, got)
			}
		}
		if who := fetched(second.tab, "GET", "/"+language+"/whoami", ""); !strings.Contains(who, user) {
			t.Errorf("%s on the other domain sees %s", language, who)
		}
	}

	// The operator takes the right away, and the next click is refused, by bff and by the services.
	if got := fetched(s.tab, "GET", "/edit/whoami", ""); !strings.HasPrefix(got, "200 ") {
		t.Errorf("with the right: %s", got)
	}
	s.service(1, "PATCH", "/users/"+user, `{"rights":[]}`)
	if got := fetched(s.tab, "GET", "/edit/whoami", ""); !strings.HasPrefix(got, "403 ") {
		t.Errorf("without the right: %s", got)
	}
	for language := range listen {
		if got := fetched(s.tab, "POST", "/"+language+"/orders", ""); !strings.HasPrefix(got, "403 ") {
			t.Errorf("%s without the right: %s", language, got)
		}
	}

	// Signed out everywhere, from the other browser: all refuse.
	second.everywhere()
	for language := range listen {
		if got := fetched(s.tab, "GET", "/"+language+"/whoami", ""); !strings.HasPrefix(got, "401 ") {
			t.Errorf("%s after the logout: %s", language, got)
		}
	}
	s.at(s.origin, "nobody")
}
