package audit_test

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"bff/internal/audit"
	"bff/internal/testenv"
)

// opened opens a log, which records who could not be written.
func opened(t *testing.T, path string) (log *audit.Log, lost *[]audit.Event) {
	t.Helper()
	lost = &[]audit.Event{}
	log, err := audit.OpenLog(path, audit.LogConfig{Failed: func(e audit.Event, _ error) { *lost = append(*lost, e) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log, lost
}

// whole fails unless the files, in a row, are one chain of so many lines.
func whole(t *testing.T, lines int, paths ...string) {
	t.Helper()
	var all []byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	if n, err := audit.Verify(bytes.NewReader(all)); err != nil || n != lines {
		t.Errorf("%d lines, want %d: %v\n%s", n, lines, err, all)
	}
}

// Instances that share a file, as the old and the new one of a restart do, lose no line of each other, and write one
// chain.
func TestLogsThatShareAFileAreOneChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var all sync.WaitGroup
	for range 8 {
		log, _ := opened(t, path)
		all.Go(func() {
			for range 300 {
				log.Record(context.Background(), audit.Event{Kind: audit.Linked})
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	whole(t, 2400, path)
}

// A full disk costs the lines that did not fit, each of which is named, and no other: the log goes on when there is room
// again.
func TestALogGoesOnAfterAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, lost := opened(t, path)
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	full := syscall.Rlimit{Cur: uint64(info.Size()) + 20, Max: before.Max} // room for a part of a line
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn, Request: "lost"})
	log.Record(t.Context(), audit.Event{Kind: audit.Unlinked, Request: "lost too"})
	whole(t, 1, path) // nothing is left of them
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	whole(t, 2, path)
	if len(*lost) != 2 || (*lost)[0].Request != "lost" || (*lost)[1].Kind != audit.Unlinked {
		t.Errorf("lost, as is said: %+v", *lost)
	}
}

// A file that was renamed is left for the new one at its path, at the latest when the log is opened again, by everybody
// who shares it.
func TestARotatedLogThatIsSharedKeepsItsChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	one, _ := opened(t, path)
	two, _ := opened(t, path)
	signIn := audit.Event{Kind: audit.SignIn}
	one.Record(t.Context(), signIn)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	two.Record(t.Context(), signIn) // nobody has made the new file yet
	if err := one.Reopen(); err != nil {
		t.Fatal(err)
	}
	one.Record(t.Context(), signIn)
	two.Record(t.Context(), signIn)
	one.Record(t.Context(), signIn)
	whole(t, 2, path+".1")
	whole(t, 5, path+".1", path)
}

// A log that was copied and emptied goes on at its new end. Lines that somebody took away are missed by the next one.
func TestLinesThatAreTakenAwayShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, _ := opened(t, path)
	for range 3 {
		log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	copied := path + ".1"
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	whole(t, 4, copied, path)

	if err := os.WriteFile(path, []byte(lines[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	log, _ = opened(t, path)
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	if err := os.Truncate(path, int64(len(lines[0]))); err != nil {
		t.Fatal(err)
	}
	log.Record(t.Context(), audit.Event{Kind: audit.SignIn})
	if after, _ := os.ReadFile(path); strings.Count(string(after), "\n") != 2 {
		t.Fatalf("%s", after)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if n, err := audit.Verify(file); err == nil || n != 2 {
		t.Errorf("a line is missing, and %d lines are whole", n)
	}
}
