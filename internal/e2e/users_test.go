package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/webhook"
)

// A program is the operator's: the hook that is asked, and the receiver of events. It fails on request.
type program struct {
	t   testing.TB
	srv *httptest.Server
	key webhook.Key

	mu     sync.Mutex
	status int
	body   string
	got    []string // types of events
	last   string   // body of the latest
	ids    map[string]int
	tries  []attempt     // every request that was answered
	raw    []byte        // their bodies and headers
	hang   chan struct{} // requests wait for it, where there is one
	hung   int
}

const programSecret = "a secret of a program, long enough"

func newProgram(t testing.TB, body string) *program { return newProgramOf(t, programSecret, body) }

// newProgramOf is a program with a secret of its own.
func newProgramOf(t testing.TB, of, body string) *program {
	key, err := webhook.ParseKey(secret.New(of))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, key: key, status: 200, body: body, ids: map[string]int{}}
	p.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var m struct{ Type string }
		if key.Verify(r.Header, raw) != nil || json.Unmarshal(raw, &m) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		p.wait(r)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.note(r.Header.Get("webhook-id"), raw)
		if p.status == 200 {
			if p.ids[r.Header.Get("webhook-id")]++; p.ids[r.Header.Get("webhook-id")] == 1 {
				p.got, p.last = append(p.got, m.Type), string(raw)
			}
		}
		w.WriteHeader(p.status)
		_, _ = io.WriteString(w, p.body)
	}))
	t.Cleanup(p.srv.Close)
	return p
}

func (p *program) says(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *program) types() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.got, " ")
}

// The hook is asked, its rights open a mount, and what happens is reported: also what happened while the receiver was
// down and the instance was killed.
func TestUsersHookRightsAndEvents(t *testing.T) {
	hook := newProgram(t, `{"id": "42", "rights": ["staff"]}`)
	events := newProgram(t, ``)
	events.says(503, ``)
	r := build(t, parts{
		env: []string{"PROGRAM_SECRET=" + programSecret, "MANAGE_SECRET=manage-secret"},
		top: []string{
			"    require: [staff]",
			"users:",
			"  hook: {url: \"" + hook.srv.URL + "\", secret: env:PROGRAM_SECRET}",
			"events:",
			"  - {url: \"" + events.srv.URL + "\", secret: env:PROGRAM_SECRET, types: [\"user.*\", \"session.*\"]}",
			"clients:",
			"  backoffice: {secret: env:MANAGE_SECRET, manage: true}",
		},
	})
	r.c.SignIn("acme")
	user := r.c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)
	if user["app_id"] != "42" || fmt.Sprint(user["rights"]) != "[staff]" {
		t.Fatalf("the user: %v", user)
	}
	r.call(r.c)
	r.bff.Kill()
	r.bff.Restart()
	r.call(r.c)
	hook.says(403, `{"message": "blocked"}`)
	other := testenv.NewClient(r.bff)
	if a := other.Navigate("/bff/login/acme"); other.Session() != "" {
		t.Errorf("the hook refused, and a session began: %s", a.URL)
	}
	request, err := http.NewRequest("DELETE", r.bff.Admin+"/users/"+fmt.Sprint(user["id"]), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("backoffice", "manage-secret")
	resp, err := (&http.Client{}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || r.signedIn(r.c) {
		t.Errorf("erase: %d", resp.StatusCode)
	}
	events.says(200, ``)
	testenv.EventuallyAfterRetries(t, "all events arrive", func() bool {
		return events.types() == "user.created session.created session.ended user.erased"
	})
}
