package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"bff/internal/audit"
	"bff/internal/testenv"
)

// What `bff user` does at the store reaches the audit log of a running instance, its programs and its streams.
func TestWhatACommandDoesReachesAuditLogAndPrograms(t *testing.T) {
	events := newProgram(t, ``)
	log := t.TempDir() + "/audit.jsonl"
	r := build(t, parts{
		env: []string{"PROGRAM_SECRET=" + programSecret},
		top: []string{
			"log: {audit: \"file:" + log + "\"}",
			"events:",
			"  - {url: \"" + events.srv.URL + "\", secret: env:PROGRAM_SECRET, types: [\"user.*\", \"session.*\"]}",
		},
	})
	r.c.SignIn("acme")
	user, _ := r.c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)
	id, _ := user["id"].(string)
	if out, code := r.bff.Run("user", "list"); code != 0 || !strings.Contains(out, id) || !strings.Contains(out, "ada@example.com") {
		t.Errorf("bff user list: %d %s", code, out)
	}
	if out, code := r.bff.Run("user", "show", id); code != 0 || !strings.Contains(out, `"subject": "ada"`) {
		t.Errorf("bff user show: %d %s", code, out)
	}
	for _, command := range []string{"show", "sign-out", "erase"} {
		for _, wrong := range []string{"u_nobody", "ada@example.com", "s_" + id[2:]} {
			if out, code := r.bff.Run("user", command, wrong); code != 1 || !strings.Contains(out, "no such user") {
				t.Errorf("bff user %s %s: %d %s", command, wrong, code, out)
			}
		}
	}
	if out, code := r.bff.Run("user", "sign-out", id); code != 0 || out != "ended 1 session\n" {
		t.Errorf("bff user sign-out: %d %s", code, out)
	}
	if r.signedIn(r.c) {
		t.Error("the person is still signed in")
	}
	r.c.SignIn("acme")
	if out, code := r.bff.Run("user", "erase", id); code != 0 || strings.Count(out, ".") != 2 {
		t.Errorf("bff user erase: %d %s", code, out)
	}
	if r.signedIn(r.c) {
		t.Error("who was erased is still signed in")
	}
	testenv.EventuallyAfterRetries(t, "the program hears of it", func() bool {
		return events.types() == "user.created session.created session.ended session.created session.ended user.erased"
	})
	var lines []string
	testenv.Eventually(t, "the audit log has it", func() bool {
		lines = byOperator(t, log)
		return len(lines) >= 3
	})
	want := []string{"session_ended ended_elsewhere", "session_ended erased", "user_erased"}
	for _, w := range want {
		if n := count(lines, w); n != 1 {
			t.Errorf("%d lines say %q: %q", n, w, lines)
		}
	}
	if out, code := testenv.Command(t, nil, "audit", "verify", log); code != 0 {
		t.Errorf("the audit log is not whole: %s", out)
	}
	r.bff.Kill() // no instance runs: the command works all the same
	if out, code := r.bff.Run("user", "list"); code != 0 || out != "nobody has signed in yet\n" {
		t.Errorf("bff user list without an instance: %d %s", code, out)
	}
}

// A session that nobody used ends by the clock: whoever looks at the user's sessions sees it, and the program hears
// of it once.
func TestAnExpiredSessionReachesThePrograms(t *testing.T) {
	events := newProgram(t, ``)
	r := build(t, parts{
		session: []string{"idle: 10s"},
		env:     []string{"PROGRAM_SECRET=" + programSecret, "OFFICE_SECRET=office-secret"},
		top: []string{
			"events:",
			"  - {url: \"" + events.srv.URL + "\", secret: env:PROGRAM_SECRET, types: [\"session.*\"]}",
			"clients:",
			"  office: {secret: env:OFFICE_SECRET, manage: true}",
		},
	})
	r.c.SignIn("acme")
	user, _ := r.c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)
	id, _ := user["id"].(string)
	testenv.EventuallyAfterRetries(t, "the program hears that the session expired", func() bool {
		request, err := http.NewRequest("GET", r.bff.Admin+"/users/"+id+"/sessions", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("office", "office-secret")
		resp, err := (&http.Client{}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return events.types() == "session.created session.ended"
	})
	if reason := events.reason(); reason != "expired" {
		t.Errorf("the reason is %q", reason)
	}
}

// reason is the reason that the latest event gives for the end of a session.
func (p *program) reason() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var m struct {
		Data struct {
			Reason  string
			Session struct{ Reason string }
		}
	}
	if err := json.Unmarshal([]byte(p.last), &m); err != nil {
		p.t.Fatal(err)
	}
	return m.Data.Session.Reason + m.Data.Reason
}

// byOperator is what an audit log says that an operator did to people, a line each.
func byOperator(t *testing.T, file string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e audit.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Actor.Kind == audit.ByOperator && e.Kind != audit.ConfigurationRead {
			lines = append(lines, strings.TrimSpace(string(e.Kind)+" "+e.Reason))
		}
	}
	return lines
}

func count(lines []string, of string) (n int) {
	for _, l := range lines {
		if l == of {
			n++
		}
	}
	return n
}
