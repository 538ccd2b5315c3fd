package explain_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/audit"
	"bff/internal/explain"
	"bff/internal/testenv"
)

// lists is a Store in memory that can be down or slow.
type lists struct {
	mu   sync.Mutex
	kept map[string][][]byte
	fail error
	wait chan struct{}
}

func (l *lists) Append(ctx context.Context, ids []string, entry []byte, most int, _ time.Duration) error {
	if l.wait != nil {
		select {
		case <-l.wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	for _, id := range ids {
		l.kept[id] = append(l.kept[id], entry)
		l.kept[id] = l.kept[id][max(0, len(l.kept[id])-most):]
	}
	return nil
}

func (l *lists) Read(_ context.Context, id string) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept[id], l.fail
}

func story(t *testing.T, l *lists, id string) explain.Story {
	t.Helper()
	s, err := explain.Tell(t.Context(), l, id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnEventIsFoundUnderEachOfItsIDs(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	k.Record(
		t.Context(),
		audit.Event{Kind: audit.SessionEnded, Request: "r1", User: "u_ada", Session: "s_1", Reason: "provider",
			Actor: audit.Actor{Kind: audit.ByProvider, Name: "acme"}},
	)
	k.Record(t.Context(), audit.Event{Kind: audit.CallRefused, Request: "r2", User: "u_ada", Code: "not_permitted",
		Missing: []string{"admin"}, API: "calendar"})
	k.Close()
	for id, want := range map[string]int{"r1": 1, "r2": 1, "u_ada": 2, "s_1": 1, "s_2": 0} {
		if got := len(story(t, l, id).Events); got != want {
			t.Errorf("%s has %d events, want %d", id, got, want)
		}
	}
	text := story(t, l, "u_ada").Text()
	for _, want := range []string{"The provider ordered it.", "by provider acme", "lacks a right", "Missing: admin", "What to do: Give the right"} {
		if !strings.Contains(text, want) {
			t.Errorf("the story lacks %q:\n%s", want, text)
		}
	}
	if nothing := story(t, l, "s_2").Text(); !strings.Contains(nothing, "Nothing is known of s_2") {
		t.Error(nothing)
	}
}

// Recording returns although the store takes nothing; what does not fit is dropped and counted.
func TestRecordingNeverWaitsForTheStore(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}, wait: make(chan struct{})}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	for range 5000 {
		k.Record(t.Context(), audit.Event{Kind: audit.CallFailed, Request: "r"})
	}
	if k.Dropped() == 0 {
		t.Error("5000 events fit into a queue that nobody reads")
	}
	close(l.wait)
	k.Close()
	if got := len(story(t, l, "r").Events); got != explain.MaxEvents {
		t.Errorf("%d events are kept of one id, want %d", got, explain.MaxEvents)
	}
}

func TestAStoreThatIsDownLosesExplanationsOnly(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}, fail: errors.New("down")}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	k.Record(t.Context(), audit.Event{Kind: audit.SignIn, User: "u_ada"})
	k.Close()
	if k.Dropped() != 1 {
		t.Errorf("%d were counted as dropped, want 1", k.Dropped())
	}
	if _, err := explain.Tell(t.Context(), l, "u_ada"); err == nil {
		t.Error("a store that is down tells a story")
	}
}

// A worker that is stuck does not keep Close from returning.
func TestCloseIsBounded(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}, wait: make(chan struct{})}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	k.Record(t.Context(), audit.Event{Kind: audit.SignIn, User: "u_ada"})
	done := make(chan struct{})
	go func() { k.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("Close still waits for the store")
	}
	k.Record(t.Context(), audit.Event{Kind: audit.SignIn, User: "u_ada"}) // a late one is no panic
}

// A service that asks all the time whose session it has takes no room from what happened to the session.
func TestAsksTakeNoRoomFromWhatMatters(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	k.Record(t.Context(), audit.Event{Kind: audit.SessionEnded, User: "u_ada", Reason: "logout"})
	k.Record(t.Context(), audit.Event{Kind: audit.TokenExchanged, User: "u_ada", Client: "worker", Reason: "the invoice"})
	for range 3 * explain.MaxEvents {
		k.Record(t.Context(), audit.Event{Kind: audit.Introspected, User: "u_ada", Client: "worker"})
	}
	k.Close()
	text := story(t, l, "u_ada").Text()
	for _, want := range []string{"The person signed out.", "the invoice"} {
		if !strings.Contains(text, want) {
			t.Errorf("the story lacks %q:\n%s", want, text)
		}
	}
}

// Failures are counted by where they happened; what a person did wrong is nobody's failure, nor is what is long ago.
func TestFailuresAreCountedByPlace(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	now := time.Now()
	for _, e := range []audit.Event{
		{Kind: audit.CallFailed, Code: "upstream_timeout", API: "things", User: "u_ada"},
		{Kind: audit.RefreshFailed, Code: "provider_unavailable", Provider: "acme", User: "u_ada"},
		{Kind: audit.RefreshFailed, Code: "provider_unavailable", Provider: "acme", User: "u_bob", Request: "last"},
		{Kind: audit.RefreshFailed, Code: "provider_unavailable", Provider: "other", User: "u_bob", At: now.Add(-2 * time.Hour)},
		{Kind: audit.RefreshFailed, Code: "provider_misconfigured", Provider: "acme", User: "u_ada"},
		{Kind: audit.CallRefused, Code: "csrf_rejected", API: "things", User: "u_ada"},
		{Kind: audit.SignInRefused, Code: "access_denied", Provider: "acme"},
	} {
		k.Record(t.Context(), e)
	}
	k.Close()
	places := []explain.Place{{Kind: explain.AtStore}, {Kind: explain.AtProvider, Name: "acme"},
		{Kind: explain.AtProvider, Name: "other"}, {Kind: explain.AtClient, Name: "acme"},
		{Kind: explain.AtUpstream, Name: "things"}}
	all, err := explain.FailuresSince(t.Context(), l, places, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range all {
		got[f.Whose()] = f.Count
	}
	if len(got) != 3 || got["the provider acme"] != 2 || got["the upstream of things"] != 1 ||
		got["our configuration of the provider acme"] != 1 {
		t.Errorf("failures: %v", got)
	}
	l.fail = errors.New("down")
	if _, err := explain.FailuresSince(t.Context(), l, places, now); err == nil {
		t.Error("a store that is down has no failures")
	}
}

// Recording returns although the queue is full, too: events of every class are more than it holds.
func TestRecordingNeverWaitsForRoomInTheQueue(t *testing.T) {
	l := &lists{kept: map[string][][]byte{}, wait: make(chan struct{})}
	k := explain.NewKeeper(l, time.Hour, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 600 {
			k.Record(t.Context(), audit.Event{Kind: audit.CallFailed, Request: "r", User: "u_ada"})
			k.Record(t.Context(), audit.Event{Kind: audit.CallFailed, Request: "r"})
			k.Record(t.Context(), audit.Event{Kind: audit.Introspected, User: "u_ada"})
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("recording waits for room in the queue")
	}
	close(l.wait)
	testenv.Receive(t, "the end of it", done)
	k.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		t.Error("nothing was kept")
	}
}
