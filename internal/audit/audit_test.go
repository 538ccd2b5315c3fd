package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bff/internal/audit"
	"bff/internal/testenv"
)

func written(t *testing.T, n int) string {
	t.Helper()
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogConfig{})
	for range n {
		log.Record(context.Background(), audit.Event{Kind: audit.SignIn, User: "u_ada", Session: "s_1", Provider: "google",
			Actor: audit.Actor{Kind: audit.ByUser, Name: "u_ada"}})
	}
	return out.String()
}

func TestAnUntouchedLogIsWhole(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		if lines, err := audit.Verify(strings.NewReader(written(t, n))); err != nil || lines != n {
			t.Errorf("%d lines: verified %d, %v", n, lines, err)
		}
	}
}

// Each row changes a log of five lines; the first line that is not as it was written is named.
func TestAChangedLogIsBrokenAtItsLine(t *testing.T) {
	lines := strings.SplitAfter(written(t, 5), "\n")[:5]
	for name, row := range map[string]struct {
		change func() string
		line   int
	}{
		"a name was changed": {func() string {
			return lines[0] + strings.Replace(lines[1], "u_ada", "u_bob", 1) + lines[2] + lines[3] + lines[4]
		}, 2},
		"a line was removed":       {func() string { return lines[0] + lines[1] + lines[3] + lines[4] }, 3},
		"two lines were swapped":   {func() string { return lines[0] + lines[2] + lines[1] + lines[3] + lines[4] }, 2},
		"a line was repeated":      {func() string { return lines[0] + lines[1] + lines[1] + lines[2] + lines[3] + lines[4] }, 3},
		"a line was put in":        {func() string { return lines[0] + written(t, 1) + lines[1] + lines[2] }, 2},
		"a line of something else": {func() string { return lines[0] + "{\"level\":\"INFO\"}\n" + lines[1] }, 2},
		"an empty line":            {func() string { return lines[0] + "\n" + lines[1] }, 2},
		"the end is cut off":       {func() string { return lines[0] + lines[1] + lines[2][:40] }, 3},
		"a hash of another line": {func() string {
			other := lines[3][len(lines[3])-46 : len(lines[3])-3]
			return lines[0] + lines[1][:len(lines[1])-46] + other + lines[1][len(lines[1])-3:] + lines[2]
		}, 2},
		"a line too long": {func() string { return lines[0] + strings.Repeat("x", 70_000) + "\n" + lines[1] }, 2},
	} {
		_, err := audit.Verify(strings.NewReader(row.change()))
		var broken *audit.Broken
		if !errors.As(err, &broken) || broken.Line != row.line {
			t.Errorf("%s: %v, want line %d", name, err, row.line)
		}
	}
}

func TestALogGoesOnAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for round := range 3 {
		log, err := audit.OpenLog(path, audit.LogConfig{})
		if err != nil {
			t.Fatal(err)
		}
		log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if round == 1 { // a crash in the middle of a line
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.WriteString(`{"event":"sign_in","at":"2026`)
			_ = f.Close()
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := audit.Verify(bytes.NewReader(text)); err != nil || n != 3 {
		t.Errorf("after two restarts and a crash: %d lines, %v\n%s", n, err, text)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

func TestARotatedLogKeepsItsChain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	log, err := audit.OpenLog(path, audit.LogConfig{})
	if err != nil {
		t.Fatal(err)
	}
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	_ = log.Close()
	first, _ := os.ReadFile(path + ".1")
	second, _ := os.ReadFile(path)
	if n, err := audit.Verify(io.MultiReader(bytes.NewReader(first), bytes.NewReader(second))); err != nil || n != 2 {
		t.Errorf("both files in a row: %d lines, %v", n, err)
	}
}

func TestOpenLogRefusesAFileOfSomethingElse(t *testing.T) {
	for _, notes := range []string{"my notes\n", "my notes", "bffk1_no-line-ends-here", `{"eve"`} {
		path := filepath.Join(t.TempDir(), "notes.txt")
		if err := os.WriteFile(path, []byte(notes), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.OpenLog(path, audit.LogConfig{}); err == nil {
			t.Errorf("%q was opened as an audit log", notes)
		}
		if text, _ := os.ReadFile(path); string(text) != notes {
			t.Errorf("%q was changed", notes)
		}
	}
}

func TestManyWritersMakeOneChain(t *testing.T) {
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogConfig{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 50 {
				log.Record(context.Background(), audit.Event{Kind: audit.Linked})
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if n, err := audit.Verify(&out); err != nil || n != 1000 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestWhatIsNotAuditedIsLeftOut(t *testing.T) {
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogConfig{})
	log.Record(t.Context(), audit.Event{Kind: audit.CallRefused, Code: "route_not_allowed"})
	if out.Len() > 0 {
		t.Errorf("a call that was refused is in the audit log: %s", out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestALogThatCannotBeWrittenSaysSo(t *testing.T) {
	failures := 0
	log := audit.NewLog(full{}, audit.LogConfig{Failed: func(audit.Event, error) { failures++ }})
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn, Reason: strings.Repeat("x", 70_000)})
	if failures != 2 {
		t.Errorf("%d failures were said, want 2", failures)
	}
}

func TestEveryKindIsDescribedOnce(t *testing.T) {
	seen := map[audit.Kind]bool{}
	for _, d := range audit.Kinds() {
		if seen[d.Kind] || d.Means == "" {
			t.Errorf("kind %q: described twice, or not at all", d.Kind)
		}
		seen[d.Kind] = true
	}
}

var update = flag.Bool("update", false, "write the table of docs/audit.md")

// The documentation lists the events that are written, in the words of the code, and no others (-update writes it).
func TestTheDocumentationListsTheEvents(t *testing.T) {
	const file, head, end = "../../docs/audit.md", "## Events\n\n| event | means |\n| --- | --- |\n", "\n\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), head)
	rows, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no table of events", file)
	}
	var want []string
	for _, d := range audit.Kinds() {
		if d.Audited {
			want = append(want, "| `"+string(d.Kind)+"` | "+d.Means+" |")
		}
	}
	made := strings.Join(want, "\n")
	if *update {
		if err := os.WriteFile(file, []byte(before+head+made+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if rows != made {
		t.Errorf("%s has\n%s\nthe code\n%s\ngo test ./internal/audit -run Documentation -update", file, rows, made)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"event":"sign_in","prev":"","hash":""}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := audit.Verify(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, l := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
			if len(text) > 0 && !json.Valid(l) {
				t.Errorf("a log of %d lines is called whole with the line %q", n, l)
			}
		}
	})
}
