package vault_test

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// recorded are the scripts that a monitor saw, with their arguments, as somebody would send them once more: go-redis
// after a lost answer, or a process that was frozen in the middle of a write.
func recorded(t testing.TB, server *testenv.RedisServer, seen func() []byte) [][]any {
	t.Helper()
	mark := testenv.Random(t)
	must(t, server.Client().Do(context.Background(), "ECHO", mark).Err())
	testenv.Eventually(t, "the monitor has seen the mark", func() bool { return bytes.Contains(seen(), []byte(mark)) })
	var out [][]any
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	for _, line := range bytes.Split(seen(), []byte("\r\n")) {
		var args []any
		for _, q := range quoted.FindAll(line, -1) {
			arg, err := strconv.Unquote(string(q))
			must(t, err)
			args = append(args, arg)
		}
		if len(args) > 2 && !bytes.Contains(line, []byte(" lua] ")) && (args[0] == "evalsha" || args[0] == "eval") {
			out = append(out, args)
		}
	}
	return out
}

func replay(t testing.TB, server *testenv.RedisServer, scripts [][]any) (answers []int) {
	t.Helper()
	for _, args := range scripts {
		n, err := server.Client().Do(context.Background(), args...).Int()
		if err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") && err != redis.Nil {
			t.Fatal(err)
		}
		answers = append(answers, n)
	}
	return answers
}

// once replays what was recorded since the scripts before, right away: the answer is that it is done.
func once(t testing.TB, what string, server *testenv.RedisServer, seen func() []byte, before int) (n int) {
	t.Helper()
	scripts := recorded(t, server, seen)
	for _, answer := range replay(t, server, scripts[before:]) {
		if answer != 1 {
			t.Errorf("%s, twice: %d", what, answer)
		}
	}
	return len(recorded(t, server, seen))
}

// Rule of the scripts: what is written twice is written once, and what comes late changes nothing.
func TestAWriteThatArrivesTwiceOrLate(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	ctx, c := context.Background(), server.Client()
	seen := server.Monitor()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession), Handle: "google/sid"})
	at := once(t, "a sign-in", server, seen, 0)
	s := load(t, v, r)
	must(t, v.Sessions.Touch(ctx, s))
	at = once(t, "a touch", server, seen, at)
	next := s.Connections[0]
	next.Tokens.Refresh = secret.New("rt-2")
	if _, err := v.Connections.Update(ctx, &s.Connections[0], next); err != nil {
		t.Fatal(err)
	}
	at = once(t, "a token", server, seen, at)
	must(t, v.WritePreferences(ctx, s, []byte(`{"a":1}`), ""))
	at = once(t, "preferences", server, seen, at)
	for _, keep := range []vault.Keep{vault.KeepSession, vault.KeepUser} {
		another := google(keep)
		another.Account.Subject = "2 " + string(keep)
		if _, err := v.Connections.Link(ctx, s, *another); err != nil {
			t.Fatal(err)
		}
		at = once(t, "a link", server, seen, at)
	}
	scripts := recorded(t, server, seen)
	if len(scripts) < 5 {
		t.Fatalf("%d scripts recorded", len(scripts))
	}
	replay(t, server, scripts)
	if got := load(t, v, r); !got.SeenAt.Equal(s.SeenAt) || len(got.Connections) != 3 ||
		got.Connections[0].Tokens.Refresh.Reveal() != "rt-2" {
		t.Error("written twice, it is something else")
	}
	must(t, v.Connections.Unlink(ctx, load(t, v, r), keptID(t, load(t, v, r)),
		func(vault.Connection) []byte { return nil }))
	must(t, v.Sessions.End(ctx, s, "logout"))
	replay(t, server, scripts)
	_, err := v.Sessions.Load(r)
	is(t, "after the logout, everything that was ever written comes once more", err, vault.ErrNotFound)
	if keys := c.Keys(ctx, "bff:{*}:c:*").Val(); len(keys) != 0 {
		t.Errorf("its connections are back: %v", keys)
	}
	if keys := c.Keys(ctx, "bff:{*}:k").Val(); len(keys) != 0 {
		t.Errorf("what was unlinked before it is back: %v", keys)
	}
	if index := c.Keys(ctx, "bff:{*}:i").Val(); len(index) != 0 {
		t.Error("it is in the index again")
	}
}

// A provider's logout that comes while the sign-in is between its handle and its session: the session is never made.
func TestEndHandleWinsAgainstTheSignInThatIsUnderWay(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	ctx, c := context.Background(), server.Client()
	seen := server.Monitor()
	_, r := signIn(t, v, vault.NewSession{Handle: "google/sid"})
	scripts := recorded(t, server, seen)
	handle := c.Keys(ctx, "bff:h:*").Val()[0]
	for _, key := range c.Keys(ctx, "*").Val() {
		if key != handle {
			c.Del(ctx, key) // back to where the handle is written, and nothing else
		}
	}
	if n, err := v.Index.EndHandle(ctx, "google/sid", "provider"); n != 0 || err != nil {
		t.Fatalf("ended %d %v", n, err)
	}
	replay(t, server, scripts)
	_, err := v.Sessions.Load(r)
	is(t, "the sign-in that was under way", err, vault.ErrNotFound)
}

func keptID(t *testing.T, s *vault.Session) string { return connectionOf(t, s, vault.KeepUser).ID }
