package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// Guarantee 2 and its two halves. marked are secrets that a search cannot mistake for anything else.
type marked struct{ access, refresh, kept, verifier string }

func newMarked(t testing.TB) marked {
	return marked{testenv.Random(t), testenv.Random(t), testenv.Random(t), testenv.Random(t)}
}

// live uses every feature once, so that everything that is ever stored is in the store and on its wire.
func (m marked) live(t testing.TB, v *vault.Vault) *vault.Session {
	t.Helper()
	ctx := context.Background()
	own := google(vault.KeepSession)
	own.Tokens = vault.Tokens{Access: secret.New(m.access), Refresh: secret.New(m.refresh)}
	_, r := signIn(t, v, vault.NewSession{Connection: own, Device: "a-device", Handle: "google/sid"})
	s := load(t, v, r)
	kept := google(vault.KeepUser)
	kept.Tokens = vault.Tokens{Access: secret.New(m.kept), Refresh: secret.New(m.kept)}
	if _, err := v.Connections.Link(ctx, s, *kept); err != nil {
		t.Fatal(err)
	}
	third := google(vault.KeepSession)
	third.Account.Subject = "3"
	linked, err := v.Connections.Link(ctx, s, *third)
	must(t, err)
	s = load(t, v, r)
	must(t, v.Connections.Unlink(ctx, s, linked.ID,
		func(vault.Connection) []byte { return []byte("revoke " + m.refresh) }))
	must(t, v.Sessions.Touch(ctx, s))
	must(t, v.WritePreferences(ctx, s, []byte(`{"theme":"dark"}`), ""))
	if _, _, err := v.Attempts.Put(ctx, []byte("verifier "+m.verifier), time.Minute); err != nil {
		t.Fatal(err)
	}
	c := s.Connections[0]
	lock, ok, err := v.Locks.Lock(ctx, &c)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := v.Locks.SetIntent(ctx, lock, &c); err != nil {
		t.Fatal(err)
	}
	return s
}

// encodings are the ways in which a secret could hide in a text.
func encodings(secret string) []string {
	out := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString([]byte(secret)))
	}
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil {
		out = append(out, string(raw), hex.EncodeToString(raw))
		if len(raw) == 64 { // a ticket: its opener alone, too
			out = append(out, string(raw[32:]), hex.EncodeToString(raw[32:]), base64.RawURLEncoding.EncodeToString(raw[32:]))
		}
	}
	return out
}

// Guarantee 1 and 2: neither the dump nor anything on the way to the store holds a token, a cookie or a key.
func TestNeitherTheDumpNorTheWireHoldsASecret(t *testing.T) {
	server := testenv.Redis(t)
	seen := server.Monitor()
	key := vault.NewKey()
	v := open(t, server.URL, ring(key))
	m := newMarked(t)
	s := m.live(t, v)
	must(t, v.Ping(context.Background()))
	testenv.Eventually(t, "the monitor has seen the ping", func() bool { return bytes.Contains(seen(), []byte(`"ping"`)) })
	for where, text := range map[string][]byte{"the dump": server.Dump(), "the wire": seen()} {
		if !bytes.Contains(text, []byte("bff")) {
			t.Fatalf("%s has nothing of us", where)
		}
		for name, secret := range map[string]string{
			"the access token": m.access, "the refresh token": m.refresh, "the kept token": m.kept, "the verifier": m.verifier,
			"the cookie": s.Ticket().Reveal(), "the key": strings.TrimPrefix(key.Reveal(), "bffk1_"),
		} {
			for i, form := range encodings(secret) {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("%s holds %s (form %d)", where, name, i)
				}
			}
		}
	}
}

// Guarantee 2, its second half: the adversary has the server's keys, a dump, every id and every owner, and lacks the
// cookie alone. They try every 32 bytes they have in the place of the cookie's half. Nothing of a session, nor of its
// connections, opens; what the user keeps, what waits for its provider and what the index says does, which shows that
// they know how.
func TestADumpWithTheKeysOpensNothingThatTheSessionKeeps(t *testing.T) {
	server := testenv.Redis(t)
	key := vault.NewKey()
	m := newMarked(t)
	s := m.live(t, open(t, server.URL, ring(key)))
	adversary := open(t, "memory:", ring(key))
	ticket := s.Ticket().Reveal()
	_, owner, half, ok := vault.Ticket(ticket)
	if !ok {
		t.Fatal("the ticket does not parse")
	}
	var own, kept vault.Connection // of connections linked in one millisecond either may be in front
	for _, c := range s.Connections {
		if c.Keep == vault.KeepUser {
			kept = c
		} else if c.Tokens.Access.Reveal() == m.access {
			own = c
		}
	}
	raw, _ := base64.RawURLEncoding.DecodeString(ticket)
	material := bytes.Join(
		[][]byte{
			make([]byte, 32),
			raw[:32],
			[]byte(key.Reveal()),
			[]byte(owner),
			[]byte(s.ID),
			[]byte(s.User.ID),
			server.Dump(),
		},
		nil,
	)
	halves := []*[32]byte{nil}
	for i := 0; i+32 <= len(material); i++ {
		halves = append(halves, (*[32]byte)(material[i:i+32]))
	}
	opened := map[string]int{}
	tried := 0
	for name, value := range sealedValues(t, server) {
		for _, of := range [][2]string{{"session", owner}, {"connection", owner + "/" + own.ID}} {
			if _, err := adversary.Open(of[0], of[1], half, value); err == nil {
				opened[of[0]]++ // with the cookie's half: the attack below is the right one
			}
			for _, h := range halves {
				tried++
				if plain, err := adversary.Open(of[0], of[1], h, value); err == nil {
					t.Fatalf("%s opened without the cookie: %q", name, plain)
				}
			}
		}
		if plain, err := adversary.Open("connection", "u."+s.User.ID+"/"+kept.ID, nil, value); err == nil &&
			bytes.Contains(plain, []byte(m.kept)) {
			opened["kept"]++
		}
	}
	if opened["session"] != 1 || opened["connection"] != 1 || opened["kept"] != 1 {
		t.Fatalf("the adversary does not know how: %v", opened)
	}
	t.Logf("%d tries", tried)
	jobs, err := open(t, server.URL, ring(key)).Outbox.Due(context.Background(), 10, time.Minute)
	if err != nil || len(jobs) != 1 || string(jobs[0].Payload) != "revoke "+m.refresh {
		t.Fatalf("what waits for its provider is opened by the ring alone, and is said to be: %v %v", jobs, err)
	}
}

// sealedValues are all values of the store, each hash field by itself, also without the location that an index entry
// begins with.
func sealedValues(t testing.TB, server *testenv.RedisServer) map[string][]byte {
	t.Helper()
	ctx, c := context.Background(), server.Client()
	out := map[string][]byte{}
	for _, key := range c.Keys(ctx, "*").Val() {
		switch c.Type(ctx, key).Val() {
		case "string":
			out[key] = []byte(c.Get(ctx, key).Val())
		case "hash":
			for field, value := range c.HGetAll(ctx, key).Val() {
				out[key+" "+field] = []byte(value)
				if strings.HasSuffix(key, ":i") {
					out[key+" "+field+" behind"] = []byte(value[22:])
				}
			}
		}
	}
	if len(out) < 8 {
		t.Fatalf("only %d values", len(out))
	}
	return out
}

// Every way of printing what the vault hands out, also below unexported fields, where fmt calls no method.
func TestPrintingShowsNoSecret(t *testing.T) {
	key := vault.NewKey()
	m := newMarked(t)
	v := open(t, "redis://user:hunter2hunter2@127.0.0.1:1/0", ring(key))
	live := open(t, "memory:", ring(key))
	s := m.live(t, live)
	jobs, err := live.Outbox.Due(context.Background(), 1, time.Second)
	must(t, err)
	type hidden struct {
		any
		s  vault.Session
		c  vault.Connection
		x  secret.Text
		k  vault.Key
		v  *vault.Vault
		ks []vault.Key
	}
	lock, _, err := live.Locks.Lock(context.Background(), &s.Connections[1])
	must(t, err)
	raw, _ := base64.RawURLEncoding.DecodeString(s.Ticket().Reveal())
	rawKey, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(key.Reveal(), "bffk1_"))
	secrets := []string{
		strings.Trim(fmt.Sprint(rawKey[:8]), "[]"),
		fmt.Sprintf("%x", rawKey[:8]),
		m.access,
		m.refresh,
		m.kept,
		s.Ticket().Reveal(),
		strings.TrimPrefix(key.Reveal(), "bffk1_"),
		"hunter2hunter2",
		strings.Trim(fmt.Sprint(raw[32:40]), "[]"),
		fmt.Sprintf("%x", raw[32:40]),
	}
	for _, value := range []any{*s, s, s.Connections, s.Ticket(), key, []vault.Key{key}, v, jobs, jobs[0], lock,
		hidden{s, *s, s.Connections[0], s.Ticket(), key, v, []vault.Key{key}}, struct{ h hidden }{hidden{any: s}}, map[string]secret.Text{"a": s.Ticket()}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows a secret", verb, value)
				}
			}
		}
	}
}
