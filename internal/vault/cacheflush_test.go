package vault_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// A report without names means all of them: a store that was flushed holds nobody. What was written after the flush
// and has settled (rule 3 of the cache) comes behind that report, so from then on nothing is answered from before it,
// however young an entry is.
func TestAFlushedStoreEmptiesTheCache(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL, cached)
	ctx := context.Background()
	for range 4 {
		r := kinds(t, v)
		someone, _ := signIn(t, v, vault.NewSession{User: grace()})
		warm(t, v, r, server)
		must(t, server.Client().FlushAll(ctx).Err())
		must(t, v.Sessions.End(ctx, someone, "logout"))
		_, err := v.Sessions.Load(r)
		is(t, "a session of a store that was flushed", err, vault.ErrNotFound)
	}
}

// Rule 1 of the cache: a read whose answer comes behind the report that the session ended is not answered from.
func TestAReadThatAReportOvertookIsNotAnsweredFrom(t *testing.T) {
	server := testenv.Redis(t)
	url, meddle := between(t, server.Addr)
	key := ring(vault.NewKey())
	slow, other := open(t, url, key, cached), open(t, server.URL, key, cached)
	ctx := context.Background()
	for _, end := range []func(s *vault.Session) error{
		func(s *vault.Session) error { return other.Sessions.End(ctx, s, "logout") },
		func(s *vault.Session) error { _, err := other.Index.EndUser(ctx, s.User.ID, "provider"); return err },
	} {
		_, before := signIn(t, other, vault.NewSession{User: grace()})
		warm(t, slow, before, server) // it hears reports
		s, r := signIn(t, other, vault.NewSession{})
		value := "" // the record of the session: what is left of those before it is shorter
		for _, key := range server.Client().Keys(ctx, "bff:{"+s.Ticket().Reveal()[:20]+"*}:s:*").Val() {
			if v := server.Client().Get(ctx, key).Val(); len(v) > len(value) {
				value = v
			}
		}
		goOn := make(chan struct{})
		read := make(chan struct{})
		var once sync.Once
		meddle(func(b []byte) []byte {
			if bytes.Contains(b, []byte(value)) {
				once.Do(func() { close(read) })
				testenv.Receive(t, "leave to go on", goOn)
			}
			return b
		})
		done := make(chan error, 1)
		bound := time.After(20 * time.Second)
		go func() { _, err := slow.Sessions.Load(r); done <- err }()
		select {
		case <-read:
		case err := <-done:
			t.Fatalf("the read was not held up: %v", err)
		case <-bound:
			t.Fatal("the session is not read")
		}
		must(t, end(s))
		close(goOn)
		select {
		case <-done: // it was asked before the end: either answer is right
		case <-bound:
			t.Fatal("the read has no end")
		}
		meddle(nil)
		_, err := slow.Sessions.Load(r)
		is(t, "a call after the logout answered", err, vault.ErrNotFound)
	}
}
