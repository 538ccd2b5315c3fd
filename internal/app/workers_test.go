package app_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bff/internal/app"
	"bff/internal/audit"
	"bff/internal/testenv"
)

// A workerWalk is what one worker is caused to do, and the lines that there must be for it in the audit log, no fewer and no
// more: those of what causes it are among them.
type workerWalk struct {
	do   func(*testing.T, *running, *atomic.Int64)
	want []string
}

func workerWalks() map[string]workerWalk {
	again := func(r *running) { r.in.Reload() } // the workers of the next generation begin at once
	const reload, ended = "configuration_changed/reload by operator", "session_ended/logout by user"
	return map[string]workerWalk{
		"start": {func(*testing.T, *running, *atomic.Int64) {}, nil}, // its line is waited for before each walk
		"files": {func(_ *testing.T, r *running, _ *atomic.Int64) { r.write("secret", "second-secret\n") }, []string{reload}},
		"hangups": {func(t *testing.T, _ *running, _ *atomic.Int64) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}, []string{reload}},
		"outbox": {func(_ *testing.T, r *running, _ *atomic.Int64) { r.unlink() }, []string{"connection_unlinked by user", "grant_revoked by provider"}},
		"users": {func(_ *testing.T, r *running, ahead *atomic.Int64) {
			r.signOut()
			ahead.Store(0)
			again(r)
		}, []string{ended, reload, "user_erased/unused by bff"}},
		"commands": {func(t *testing.T, r *running, _ *atomic.Int64) {
			cfg, report := r.read()
			if report != "" {
				t.Fatal(report)
			}
			command, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler), Record: true, HandOver: true})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := command.Operator().SignOut(t.Context(), r.user()); n != 1 || err != nil {
				t.Errorf("signed out of %d sessions: %v", n, err)
			}
			if err := command.Close(t.Context()); err != nil {
				t.Error(err)
			}
			again(r)
		}, []string{"session_ended/ended_elsewhere by operator", reload}},
	}
}

// Each worker that may write to the audit log is caused to do what it is for, and has written exactly that.
func TestEveryWorkerIsWalked(t *testing.T) {
	all := workerWalks()
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			var ahead atomic.Int64
			if name == "users" {
				ahead.Store(-int64(48 * time.Hour)) // the sign-in is long ago
			}
			r := start(t, firstFile+"log: {audit: 'file:"+path+"'}\nusers: {forget: 24h}\n", func(o *app.Options) {
				o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			})
			for worker, writes := range r.in.Works() {
				if (len(writes) > 0) != (all[worker].do != nil) {
					t.Errorf("the worker %s writes %v, and is walked: %v", worker, writes, all[worker].do != nil)
				}
			}
			begun := []string{"configuration_changed/start by operator", "sign_in by user", "user_registered by user"}
			want := append(begun, c.want...)
			slices.Sort(want)
			testenv.Eventually(t, "what was done before is written", func() bool { return len(lines(t, path)) == len(begun) })
			c.do(t, r, &ahead)
			defer func() {
				if got := lines(t, path); !slices.Equal(got, want) {
					t.Errorf("written is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}()
			testenv.Eventually(t, "what the worker did is written", func() bool { return len(lines(t, path)) >= len(want) })
		})
	}
}

// lines are those of an audit log, sorted, as "kind/reason or code by actor".
func lines(t *testing.T, path string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e audit.Event
		if json.Unmarshal([]byte(line), &e) == nil {
			all = append(all, strings.TrimSuffix(string(e.Kind)+"/"+e.Reason+e.Code, "/")+" by "+string(e.Actor.Kind))
		}
	}
	slices.Sort(all)
	return all
}

func (r *running) user() string {
	r.t.Helper()
	var s struct{ User struct{ ID string } }
	if _, body := r.get(r.origin + "/bff/session"); json.Unmarshal([]byte(body), &s) != nil || s.User.ID == "" {
		r.t.Fatal("nobody is signed in: ", body)
	}
	return s.User.ID
}

func (r *running) signOut() { r.changes(http.MethodPost, "/bff/logout", http.StatusOK) }

// unlink takes the account away that was linked last.
func (r *running) unlink() {
	r.t.Helper()
	var s struct{ Connections []struct{ ID string } }
	if _, body := r.get(r.origin + "/bff/session"); json.Unmarshal([]byte(body), &s) != nil || len(s.Connections) == 0 {
		r.t.Fatal("no connection: ", body)
	}
	r.changes(http.MethodDelete, "/bff/connections/"+s.Connections[len(s.Connections)-1].ID, http.StatusNoContent)
}

func (r *running) changes(method, path string, status int) {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), method, r.origin+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := r.browser.Do(q)
	if err != nil || resp.StatusCode != status {
		r.t.Fatal(method, path, resp, err)
	}
	_ = resp.Body.Close()
}

// besides are the files that begin something which goes on beside its caller, and no worker: what it is. A new one is a
// worker, and in the list of workers, or has its reason here.
func besides() map[string]string {
	const (
		starts = "begins the workers, and waits for them"
		waits  = "is waited for by who began it, within a worker or a call that records what was done"
		reads  = "reads, and changes nothing"
		call   = "the end of a call, by whom it was recorded"
		renews = "renews a token ahead; the refresh records a refusal, as for a call"
	)
	return map[string]string{
		"api/background.go":           call,
		"api/live/streams.go":         reads, // ends streams of sessions that have ended
		"api/session.go":              waits,
		"app/workers.go":              starts,
		"app/signals.go":              starts,
		"app/reach.go":                waits,
		"app/generations.go":          waits, // the retiring generation
		"app/run.go":                  starts,
		"deliver/deliver.go":          waits,
		"explain/keeper.go":           call,
		"oauth/client/discovery.go":   reads,
		"oauth/identity.go":           call,
		"oauth/outbox.go":             waits,
		"oauth/refresh/background.go": call,
		"telemetry/gather.go":         reads, // hands on spans that have ended
		"oauth/refresh/write.go":      renews,
		"oauth/refresh/keeper.go":     renews,
		"oauth/refresh/operated.go":   renews,
		"oauth/refresh/token.go":      renews,
		"vault/create.go":             call,
		"vault/store/bus.go":          reads,
		"vault/store/combine.go":      waits,
		"vault/store/dial.go":         waits,
		"vault/store/tracker.go":      reads,
	}
}

// Nothing goes on in the background that is neither in the list of workers nor named above.
func TestNothingGoesOnBesideTheListOfWorkers(t *testing.T) {
	root := filepath.Join(testenv.Root(t), "internal")
	known, found := besides(), map[string]bool{}
	for _, name := range []string{"api", "app", "assertion", "audit", "deliver", "explain", "oauth", "telemetry", "users", "vault"} {
		err := filepath.WalkDir(filepath.Join(root, name), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			begins := false
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					begins = true
				case *ast.SelectorExpr:
					begins = begins || n.Sel.Name == "Go" || n.Sel.Name == "AfterFunc"
				}
				return true
			})
			if within, _ := filepath.Rel(root, path); begins {
				found[within] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for file := range found {
		if known[file] == "" {
			t.Errorf("%s begins something that goes on beside its caller: put it into workers.go, or say why not", file)
		}
	}
	for file := range known {
		if !found[file] {
			t.Errorf("%s begins nothing", file)
		}
	}
}
