package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// Guarantees 3 to 5, all at once: three instances whose clocks differ keep the short-lived tokens of many sessions
// fresh, while the provider fails without having acted or is slow, and the store freezes for longer than a lock's
// lease. No answer is ever lost here, so no connection may end, no refresh token may be used twice, and when it is
// over everything works.
func TestNobodyIsLoggedOutWhateverFails(t *testing.T) {
	f := newFleet(t)
	f.g.life = 3
	fleet := []*instance{f.start(0), f.start(20 * time.Second), f.start(-20 * time.Second)}
	var sessions []*vault.Session
	for range 20 {
		sessions = append(sessions, f.signIn(fleet[0], time.Second))
	}
	var n atomic.Int64
	f.g.misbehave(func(w http.ResponseWriter, r *http.Request, form url.Values) bool {
		switch n.Add(1) % 11 {
		case 2, 3:
			return status(503, "", "", "")(w, r, form)
		case 5:
			return broken(w, r, form)
		case 7:
			return status(429, "Retry-After", "1", "")(w, r, form)
		case 8:
			<-time.After(1500 * time.Millisecond)
		}
		return false
	})
	over := make(chan struct{})
	var group sync.WaitGroup
	for k := range 12 {
		group.Go(func() {
			for call := k; ; call++ {
				select {
				case <-over:
					return
				case <-time.After(20 * time.Millisecond):
				}
				i, s := fleet[call%3], sessions[call*7%len(sessions)]
				got, err := i.vault.Sessions.LoadTicket(context.Background(), s.Ticket())
				if err != nil {
					if errors.Is(err, vault.ErrNotFound) {
						t.Error("a session is gone")
					}
					continue
				}
				switch _, err := i.Token(context.Background(), got.Connections[0]); oauth.KindOf(err) {
				case 0, oauth.KindUnavailable, oauth.KindStore:
				default:
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		<-time.After(2500 * time.Millisecond)
		f.store.Pause()
		<-time.After(vault.LockLease * 6 / 5)
		f.store.Resume()
	}
	close(over)
	testenv.Finished(t, "all of them", group.Wait)
	f.g.misbehave(nil)
	for _, s := range sessions { // all at once, for some wait for an answer that is not coming
		c := fleet[2].read(t, s)
		group.Go(func() { _, _ = fleet[1].Token(context.Background(), c) })
	}
	testenv.Finished(t, "all of them", group.Wait)
	for _, s := range sessions {
		testenv.Eventually(t, "every connection works", func() bool {
			got, err := fleet[1].Token(context.Background(), fleet[2].read(t, s))
			return err == nil && f.g.alive(got.Tokens.Refresh.Reveal())
		})
	}
	if reuse, refused := f.g.count("reuse"), f.g.count("refused"); reuse != 0 || refused != 0 {
		t.Fatalf(
			"%d tokens were used twice, %d refused; %d refreshes, %d calls",
			reuse,
			refused,
			f.g.count("refreshes"),
			f.g.count("token"),
		)
	}
	t.Logf("%d refreshes, %d calls", f.g.count("refreshes"), f.g.count("token"))
}
