package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// refusals are the errors with which a store says that it cannot answer, or not here, or not now.
var refusals = []string{
	"ASK 1 127.0.0.1:1", "BUSY Redis is busy running a script.", "BUSYKEY Target key name already exists.",
	"CLUSTERDOWN The cluster is down", "CROSSSLOT Keys in request don't hash to the same slot",
	"DENIED Redis is running in protected mode",
	"ERR max number of clients reached", "ERR operation not permitted", "ERR unknown command 'GET'", "ERR",
	"EXECABORT Transaction discarded because of previous errors.", "FAILOVER in progress", "INPROG failover",
	"IOERR error or timeout", "LOADING Redis is loading the dataset in memory", "MASTERDOWN Link with MASTER is down",
	"MISCONF Errors writing to the AOF file", "MOVED 1 127.0.0.1:1", "MOVED 1", "MOVED", "NOAUTH Authentication required.",
	"NOGOODSLAVE", "NOMASTERLINK Can't SYNC", "NOPERM this user has no permissions",
	"NOREPLICAS Not enough good replicas to write.",
	"NOSCRIPT No matching script.", "NOTBUSY No scripts in execution right now.", "NOTREADY",
	"OOM command not allowed when used memory > 'maxmemory'.",
	"READONLY You can't write against a read only replica.", "TRYAGAIN Multiple keys request during rehashing of slot",
	"UNBLOCKED the master changed", "UNKILLABLE Sorry the script already executed write commands",
	"WRONGPASS invalid username-password pair",
	"WRONGTYPE Operation against a key holding the wrong kind of value", "", "\x00\x01\xff",
}

// wrongTypes are answers that are whole, and of no type that was asked for.
var wrongTypes = map[string]string{
	"a status": "+OK\r\n", "an empty status": "+\r\n", "a queued command": "+QUEUED\r\n", "a number": ":1\r\n",
	"no array":       "*-1\r\n",
	"an empty array": "*0\r\n", "an array of nothing": "*1\r\n$-1\r\n", "an array of an error": "*1\r\n-ERR x\r\n",
	"a map": "%1\r\n+a\r\n+b\r\n",
	"a set": "~1\r\n+a\r\n", "a true": "#t\r\n", "a double": ",1.5\r\n", "a big number": "(12345678901234567890\r\n",
	"a push": ">2\r\n+message\r\n+x\r\n", "an attribute": "|1\r\n+a\r\n+b\r\n", "a type of its own": "?1\r\n",
	"no type":      "\r\n",
	"a web server": "HTTP/1.1 400 Bad Request\r\n\r\n", "bytes": "\x00\x01\x02\x03\r\n",
	"a negative length": "$-7\r\n", "an array below nothing": "*-7\r\n",
	"a string that ends early": "$3\r\nabcdef\r\n",
}

// Whatever a store answers that is no answer, it is an outage: nobody is signed out, nothing is taken for done, and the
// process lives.
func TestAWrongAnswerOfTheStoreIsAnOutage(t *testing.T) {
	real := open(t, testenv.Redis(t).URL)
	_, r := signIn(t, real, vault.NewSession{})
	s := load(t, real, r)
	answers := map[string]string{}
	for _, text := range refusals {
		answers["-"+text] = "-" + text + "\r\n"
	}
	for name, answer := range wrongTypes {
		answers[name] = answer
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, ctx := open(t, lying(t, answer)), context.Background()
			_, err := v.Sessions.Load(r)
			is(t, "load", err, vault.ErrUnavailable)
			is(t, "read again", v.Sessions.StillLive(ctx, s), vault.ErrUnavailable)
			if name != "an empty status" { // as the text that a session had ended
				is(t, "end", v.Sessions.End(ctx, s, "logout"), vault.ErrUnavailable)
			}
			if _, _, err = v.Attempts.Claim(ctx, "logout", "1"); name != "a number" { // which is what the script answers
				is(t, "claim", err, vault.ErrUnavailable)
			}
			is(t, "ping", v.Ping(ctx), vault.ErrUnavailable)
		})
	}
}

// between is the way to a store on which answers can be changed.
func between(t *testing.T, addr string) (url string, change func(func([]byte) []byte)) {
	t.Helper()
	var now atomic.Pointer[func([]byte) []byte]
	serve := func(near net.Conn) {
		defer func() { _ = near.Close() }()
		far, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer func() { _ = far.Close() }()
		go func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		}()
		buf := make([]byte, 64<<10)
		for {
			n, err := far.Read(buf)
			out := buf[:n]
			if f := now.Load(); f != nil && n > 0 {
				if out = (*f)(out); out == nil {
					return
				}
			}
			if _, werr := near.Write(out); err != nil || werr != nil {
				return
			}
		}
	}
	return falseStore(t, serve), func(f func([]byte) []byte) {
		if f == nil {
			now.Store(nil)
			return
		}
		now.Store(&f)
	}
}

// Answers that nobody asked for stand before the right ones, or the right ones come by half or twice: a session is
// found as it is or there is an outage. It is never another one's, and never gone.
func TestAnswersOutOfStepSignNobodyOut(t *testing.T) {
	server := testenv.Redis(t)
	before := func(extra string) func([]byte) []byte {
		return func(b []byte) []byte { return append([]byte(extra), b...) }
	}
	for name, change := range map[string]func([]byte) []byte{
		"an extra nothing":      before("$-1\r\n"),
		"an extra null":         before("_\r\n"),
		"an extra OK":           before("+OK\r\n"),
		"an extra number":       before(":0\r\n"),
		"an extra tombstone":    before("$5\r\nended\r\n"),
		"an extra empty hash":   before("*0\r\n"),
		"an extra error":        before("-ERR x\r\n"),
		"an extra push":         before(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"),
		"a push without end":    before(">3\r\n$7\r\nmessage\r\n"),
		"two extra of nothing":  before("$-1\r\n$-1\r\n"),
		"everything twice":      func(b []byte) []byte { return append(append([]byte(nil), b...), b...) },
		"half of it":            func(b []byte) []byte { return b[:len(b)/2] },
		"nothing, and an end":   func([]byte) []byte { return nil },
		"the end of it":         func(b []byte) []byte { return b[len(b)/2:] },
		"lines that are longer": func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "\r\n", " \r\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, meddle := between(t, server.Addr)
			v := open(t, url)
			_, ada := signIn(t, v, vault.NewSession{User: vault.User{ID: "u_ada", Provider: "acme", Subject: "1"}})
			_, bob := signIn(t, v, vault.NewSession{User: vault.User{ID: "u_bob", Provider: "acme", Subject: "2"}})
			mine, theirs := load(t, v, ada).ID, load(t, v, bob).ID
			meddle(change)
			for range 4 {
				for r, want := range map[*http.Request]string{ada: mine, bob: theirs} {
					s, err := v.Sessions.Load(r)
					if err != nil && !errors.Is(err, vault.ErrUnavailable) || err == nil && s.ID != want {
						t.Fatalf("%v %v, want %s", s, err, want)
					}
				}
			}
			meddle(nil)
			for r, want := range map[*http.Request]string{ada: mine, bob: theirs} {
				testenv.Eventually(t, "it is found again", func() bool {
					s, err := v.Sessions.Load(r)
					if errors.Is(err, vault.ErrNotFound) || err == nil && s.ID != want {
						t.Fatalf("afterwards: %v %v", s, err)
					}
					return err == nil
				})
			}
		})
	}
}

// An answer to somebody else stands where an own one is due, whole and of the right type: a record that does not open
// is asked for again before anybody is taken for signed out, or a connection for unlinked.
func TestAnAnswerToSomebodyElseSignsNobodyOut(t *testing.T) {
	server := testenv.Redis(t)
	url, meddle := between(t, server.Addr)
	v := open(t, url)
	_, mine := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	_, theirs := signIn(t, v, vault.NewSession{User: grace(), Connection: google(vault.KeepSession)})
	load(t, v, mine)
	own, other := load(t, v, mine), load(t, v, theirs)
	c, ctx := server.Client(), context.Background()
	values := map[string][2]string{}
	for _, key := range c.Keys(ctx, "bff:{*}:[sc]:*").Val() {
		kind, n := "session", 0
		if !strings.HasPrefix(key, "bff:{"+own.Ticket().Reveal()[:20]) {
			n = 1
		}
		value, err := c.Get(ctx, key).Result()
		if err != nil {
			kind = "connection"
			for _, value = range c.HGetAll(ctx, key).Val() {
			}
		}
		both := values[kind]
		both[n] = value
		values[kind] = both
	}
	bulk := func(s string) []byte { return fmt.Appendf(nil, "$%d\r\n%s\r\n", len(s), s) }
	for kind, both := range values {
		if both[0] == "" || both[1] == "" || both[0] == both[1] {
			t.Fatalf("%s: nothing to exchange", kind)
		}
		once := false
		meddle(func(b []byte) []byte {
			if !once && bytes.Contains(b, bulk(both[0])) {
				once = true
				return bytes.ReplaceAll(b, bulk(both[0]), bulk(both[1]))
			}
			return b
		})
		s, err := v.Sessions.Load(mine)
		if err != nil || s.ID != own.ID || len(s.Connections) != 1 || s.Connections[0].ID != own.Connections[0].ID {
			t.Errorf("another one's %s: %v %v", kind, s, err)
		}
		meddle(nil)
		if !once {
			t.Errorf("no %s was read", kind)
		}
	}
	if load(t, v, theirs).ID != other.ID {
		t.Error("the other one is somebody else")
	}
}
