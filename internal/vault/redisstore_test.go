package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// What redisstore v9.0.0 gets wrong when it is used as it comes, row by row. Each test is about one row.

// Row: it adopts an unknown cookie value as the new session's id. Attack class 10: session fixation.
func TestRedisstoreNeverAdoptsAnUnknownCookie(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	_, other := signIn(t, open(t, testenv.Redis(t).URL), vault.NewSession{}) // well formed, and unknown here
	planted := other.CookiesNamed("bff")[0].Value
	_, err := v.Sessions.Load(withCookie(planted))
	is(t, "a planted cookie", err, vault.ErrNotFound)
	gs, err := v.Gorilla().New(withCookie(planted), "bff")
	if err != nil || !gs.IsNew || gs.ID != "" {
		t.Fatalf("gorilla's session has the id %q (%v)", gs.ID, err)
	}
	if keys := server.Client().Keys(context.Background(), "*").Val(); len(keys) != 0 {
		t.Fatalf("a look-up wrote %v", keys)
	}
	w := httptest.NewRecorder()
	if _, err := v.Sessions.Create(w, withCookie(planted), vault.NewSession{User: ada(),
		Previous: []secret.Text{secret.New(planted)}}); err != nil {
		t.Fatal(err)
	}
	if got := w.Result().Cookies()[0].Value; got == planted {
		t.Fatal("the sign-in took the planted value")
	}
	_, err = v.Sessions.Load(withCookie(planted))
	is(t, "the planted cookie after the sign-in", err, vault.ErrNotFound)
}

// Attack class 10: the session before a sign-in ends with it.
func TestEverySignInHasANewCookieAndEndsTheSessionBefore(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	first, r1 := signIn(t, v, vault.NewSession{})
	second, r2 := signIn(t, v, vault.NewSession{Previous: []secret.Text{first.Ticket()}})
	_, err := v.Sessions.Load(r1)
	is(t, "the session before", err, vault.ErrNotFound)
	if load(t, v, r2).ID != second.ID || first.Ticket().Equal(second.Ticket()) {
		t.Fatal("the sign-in did not make a session of its own")
	}
}

// Row: it stores plaintext gob under the raw id.
func TestRedisstoreStoresNothingInClear(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	s, _ := signIn(t, v, vault.NewSession{Device: "a-device", Connection: google(vault.KeepSession)})
	must(t, v.WritePreferences(context.Background(), s, []byte(`{"theme":"dark"}`), ""))
	dump := server.Dump()
	for _, clear := range []string{"at-1", "rt-1", "ada@example.com", "Ada", "a-device", "theme", s.Ticket().Reveal(), s.Ticket().Reveal()[22:44]} {
		if bytes.Contains(dump, []byte(clear)) {
			t.Errorf("%q is in the dump", clear)
		}
	}
}

// Row: the last write wins, so a stale save overwrites a rotated token.
func TestRedisstoreAStaleSaveOverwritesNothing(t *testing.T) {
	v, other := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	stale, fresh := load(t, v, r), load(t, other, r)
	next := fresh.Connections[0]
	next.Tokens.Refresh = secret.New("rt-2")
	if _, err := other.Connections.Update(ctx, &fresh.Connections[0], next); err != nil {
		t.Fatal(err)
	}
	must(t, v.Sessions.Touch(ctx, stale))
	if got := load(t, v, r).Connections[0].Tokens.Refresh.Reveal(); got != "rt-2" {
		t.Fatalf("after a save of what was read before: %q", got)
	}
	_, err := v.Connections.Update(ctx, &stale.Connections[0], stale.Connections[0])
	is(t, "a stale write of the token itself", err, vault.ErrConflict)
}

func TestRedisstoreAStaleTouchMovesNothingBack(t *testing.T) {
	clock := newClock()
	v, other := pair(t, testenv.Redis(t).URL, clock.set)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{})
	first, second, third := load(t, v, r), load(t, other, r), load(t, v, r)
	clock.advance(2 * time.Minute)
	must(t, v.Sessions.Touch(ctx, first))
	clock.advance(-time.Minute)
	must(t, other.Sessions.Touch(ctx, second)) // of what is no longer there
	if got := load(t, v, r).SeenAt; !got.Equal(first.SeenAt) {
		t.Errorf("seen at %v, and then at %v", first.SeenAt, got)
	}
	if !load(t, other, r).SeenAt.After(third.SeenAt) {
		t.Error("the first touch wrote nothing")
	}
}

// Row: a late save resurrects a session that logged out. Guarantee 6.
func TestRedisstoreALateSaveResurrectsNothing(t *testing.T) {
	v, other := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	late := load(t, other, r)
	must(t, v.Sessions.End(ctx, load(t, v, r), "logout"))
	must(t, other.Sessions.Touch(ctx, late))
	_, err := other.Connections.Update(ctx, &late.Connections[0], late.Connections[0])
	is(t, "a late token", err, vault.ErrNotFound)
	_, err = other.Connections.Link(ctx, late, *google(vault.KeepUser))
	is(t, "a late link", err, vault.ErrNotFound)
	is(t, "late preferences", other.WritePreferences(ctx, late, []byte(`{}`), ""), vault.ErrNotFound)
	is(
		t,
		"a late unlink",
		other.Connections.Unlink(ctx, late, late.Connections[0].ID, func(vault.Connection) []byte { return nil }),
		vault.ErrNotFound,
	)
	for _, v := range []*vault.Vault{v, other} {
		_, err = v.Sessions.Load(r)
		is(t, "after all that", err, vault.ErrNotFound)
	}
}

// Row: the cookie chooses the key: prefix crossing, a cluster slot, 200 KB accepted.
func TestRedisstoreTheCookieChoosesNoKey(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	s, r := signIn(t, v, vault.NewSession{})
	load(t, v, r)
	seen := server.Monitor()
	testenv.Eventually(
		t,
		"the monitor watches",
		func() bool { _ = v.Ping(context.Background()); return len(seen()) > 100 },
	)
	before := len(seen())
	good := s.Ticket().Reveal()
	for name, cookie := range map[string]string{
		"nothing":                   "",
		"another prefix":            "other:s:abc",
		"the bus":                   "bff:bus",
		"a hash tag":                "{slot}" + good[6:],
		"a wildcard":                strings.Repeat("*", len(good)),
		"a space":                   " " + good[1:],
		"one too short":             good[:len(good)-1],
		"one too long":              good + "A",
		"padding":                   good + "==",
		"another base64":            strings.Map(func(r rune) rune { return map[rune]rune{'-': '+', '_': '/'}[r] | r&^-1 }, good[:85]+"+"),
		"bits that are not its own": good[:85] + "B", // the last character has four bits to spare
		"a line end":                good[:40] + "\n" + good[41:],
		"200 KB":                    strings.Repeat("A", 200<<10),
	} {
		_, err := v.Sessions.Load(withCookie(cookie))
		is(t, name, err, vault.ErrNotFound)
		_, err = v.Sessions.LoadTicket(context.Background(), secret.New(cookie))
		is(t, name+", as a ticket", err, vault.ErrNotFound)
	}
	must(t, v.Ping(context.Background()))
	testenv.Eventually(
		t,
		"the monitor has seen the ping",
		func() bool { return bytes.Contains(seen()[before:], []byte("ping")) },
	)
	if n := bytes.Count(seen()[before:], []byte("\r\n")); n > 1+bytes.Count(seen()[before:], []byte(`"ping"`)) {
		t.Fatalf("malformed cookies reached the store:\n%s", seen()[before:])
	}
}

// Row: on a store error it returns a new session with the same id. Guarantee 4.
func TestRedisstoreAStoreErrorIsAnError(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	_, r := signIn(t, v, vault.NewSession{})
	server.Kill()
	s, err := v.Sessions.Load(r)
	is(t, "load", err, vault.ErrUnavailable)
	if s != nil {
		t.Fatal("a session came with the error")
	}
	gs, err := v.Gorilla().Get(r, "bff")
	is(t, "gorilla's Get", err, vault.ErrUnavailable)
	if gs != nil {
		t.Fatal("a gorilla session came with the error")
	}
	w := httptest.NewRecorder()
	_, err = v.Sessions.Create(w, r, vault.NewSession{User: ada()})
	is(t, "create", err, vault.ErrUnavailable)
	if len(w.Result().Cookies()) != 0 {
		t.Fatal("a cookie was set for a session that is not stored")
	}
}

// Nor is a cookie set where the store fails in the middle of a sign-in, wherever that is.
func TestRedisstoreNoCookieForASignInThatBrokeOff(t *testing.T) {
	server := testenv.Redis(t)
	url, meddle := between(t, server.Addr)
	v := open(t, url)
	create := func() (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		_, err := v.Sessions.Create(w, httptest.NewRequest("GET", "/", nil),
			vault.NewSession{User: ada(), Connection: google(vault.KeepUser), Handle: "google/sid"})
		return w, err
	}
	if _, err := create(); err != nil { // now the store knows the scripts
		t.Fatal(err)
	}
	refused, done := 0, 0
	for good := range 12 {
		answers := 0
		meddle(func(b []byte) []byte {
			if answers++; answers > good {
				return []byte("-OOM command not allowed\r\n")
			}
			return b
		})
		w, err := create()
		meddle(nil)
		cookies := w.Result().Cookies()
		if err != nil {
			refused++
			if len(cookies) != 0 {
				t.Errorf("a cookie was set for a sign-in that broke off after %d answers: %v", good, err)
			}
			continue
		}
		done++
		load(t, v, withCookie(cookies[0].Value))
	}
	if refused < 3 || done == 0 {
		t.Errorf("%d sign-ins broke off and %d did not", refused, done)
	}
}

// Row: HttpOnly, Secure and SameSite are off by default. B3 to B8 of RFC 10017 section 6.1.3.2.
func TestRedisstoreCookieAttributes(t *testing.T) {
	for _, secure := range []bool{true, false} {
		name := map[bool]string{true: "__Host-bff", false: "bff"}[secure]
		v := open(t, "memory:", func(c *vault.Config) { c.Cookie, c.Secure = name, secure })
		w := httptest.NewRecorder()
		if _, err := v.Sessions.Create(w, httptest.NewRequest("GET", "/", nil), vault.NewSession{User: ada()}); err != nil {
			t.Fatal(err)
		}
		if lines := w.Header().Values("Set-Cookie"); len(lines) != 1 || len(lines[0]) >= 200 {
			t.Fatalf("%q", lines)
		}
		c := w.Result().Cookies()[0]
		if c.Name != name || !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" ||
			c.Domain != "" ||
			!c.Expires.IsZero() {
			t.Errorf("%+v", c)
		}
		gone := httptest.NewRecorder()
		v.Sessions.ClearCookie(gone, vault.Front{})
		if g := gone.Result().Cookies()[0]; g.Name != name || g.Value != "" || g.MaxAge >= 0 || g.Path != "/" ||
			g.Secure != secure {
			t.Errorf("cleared by %+v", g)
		}
	}
}

// Row: MaxAge <= 0 deletes. Row: per-session options are not stored. Here nobody has options but the configuration,
// and only End deletes.
func TestRedisstoreNobodySavesOrDeletesPastTheVault(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	_, r := signIn(t, v, vault.NewSession{})
	for name, options := range map[string]*sessions.Options{
		"MaxAge 0": {}, "MaxAge -1": {MaxAge: -1}, "a domain and a year": {Domain: "example.com", MaxAge: 365 * 86400},
	} {
		gs, err := v.Gorilla().Get(r, "bff")
		if err != nil || gs.IsNew {
			t.Fatal(err)
		}
		gs.Options = options
		w := httptest.NewRecorder()
		if err := gs.Save(r, w); err == nil || len(w.Header()) != 0 {
			t.Errorf("%s: saved (%v), %v", name, err, w.Header())
		}
		load(t, v, r)
	}
	if err := sessions.NewSession(v.Gorilla(), "bff").Save(r, httptest.NewRecorder()); err == nil {
		t.Error("a session without an id was saved, and has one now")
	}
}

// Row: no absolute lifetime.
func TestRedisstoreAbsoluteLifetime(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	v := open(t, server.URL, clock.set)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	for range 23 { // never idle for 30 minutes
		clock.advance(30*time.Minute - time.Second)
		must(t, v.Sessions.Touch(ctx, load(t, v, r)))
	}
	clock.advance(20 * time.Minute)
	s := load(t, v, r)
	must(t, v.Sessions.Touch(ctx, s))
	left := s.ExpiresAt().Sub(clock.now())
	for _, key := range server.Client().Keys(ctx, "bff:{*}:[sc]:*").Val() {
		if ttl := server.Client().PTTL(ctx, key).Val(); ttl > left {
			t.Errorf("%s lives for %v, the session for %v", key, ttl, left)
		}
	}
	clock.advance(left + 2*time.Minute) // instances may be two minutes apart
	_, err := v.Sessions.Load(r)
	is(t, "after its lifetime", err, vault.ErrNotFound)
	must(t, v.Sessions.Touch(ctx, s))
	_, err = v.Sessions.Load(r)
	is(t, "after a touch past its lifetime", err, vault.ErrNotFound)
}

// Row: a save dies with the client's connection.
func TestRedisstoreASaveOutlivesTheRequest(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	w := httptest.NewRecorder()
	s, err := v.Sessions.Create(
		w,
		httptest.NewRequest("GET", "/", nil).WithContext(gone),
		vault.NewSession{User: ada(), Connection: google(vault.KeepUser)},
	)
	if err != nil {
		t.Fatal(err)
	}
	r := withCookie(s.Ticket().Reveal())
	must(t, v.Sessions.Touch(gone, s))
	must(t, v.WritePreferences(gone, s, []byte(`{"a":1}`), ""))
	if c, err := v.Connections.Link(gone, s, *google(vault.KeepSession)); err != nil {
		t.Fatal(err)
	} else if err := v.Connections.Unlink(gone, load(t, v,
		r), c.ID, func(vault.Connection) []byte { return []byte("job") }); err != nil {
		t.Fatal(err)
	}
	must(t, v.Sessions.End(gone, s, "logout"))
	_, err = v.Sessions.Load(r)
	is(t, "after a logout whose client hung up", err, vault.ErrNotFound)
	_, err = v.Sessions.Load(r.WithContext(gone))
	is(t, "a read for a client that hung up", err, context.Canceled)
}

// Row: of two cookies with one name the first wins. The vault reads one; that there are two is refused above it,
// where there is an answer for it.
func TestRedisstoreOfTwoCookiesOneIsRead(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	s, _ := signIn(t, v, vault.NewSession{})
	r := withCookie("planted; bff=" + s.Ticket().Reveal())
	_, err := v.Sessions.Load(r)
	is(t, "a planted cookie before the true one", err, vault.ErrNotFound)
}

// Attack class 13: a look-up by the id's own bytes leaks them by its time. Records are found by a keyed hash of the
// finder.
func TestTheStoreIsSearchedByKeyedHash(t *testing.T) {
	server := testenv.Redis(t)
	seen := server.Monitor()
	key := vault.NewKey()
	v := open(t, server.URL, ring(key))
	s, r := signIn(t, v, vault.NewSession{})
	load(t, v, r)
	ticket := s.Ticket().Reveal()
	testenv.Eventually(t, "the monitor has seen it", func() bool { return bytes.Count(seen(), []byte(`"get"`)) >= 2 })
	for i := 22; i+8 <= len(ticket); i++ { // behind the user's digest
		if bytes.Contains(seen(), []byte(ticket[i:i+8])) {
			t.Fatalf("characters %d to %d of the cookie reached the store", i, i+8)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(ticket)
	must(t, err)
	for i := 16; i+8 <= len(raw); i++ { // by themselves they are spelled with other characters
		part := base64.RawURLEncoding.EncodeToString(raw[i : i+8])[:10]
		if bytes.Contains(seen(), []byte(part)) || bytes.Contains(seen(), fmt.Appendf(nil, "%x", raw[i:i+8])) {
			t.Fatalf("bytes %d to %d of the cookie reached the store", i, i+8)
		}
	}
	locate := func() (found []string) {
		return server.Client().Keys(context.Background(), "bff:{*}:s:*").Val()
	}
	before := locate()
	if len(before) != 1 {
		t.Fatalf("%d sessions", len(before))
	}
	other := open(t, server.URL) // another key: the same cookie is looked for elsewhere
	until := len(seen())
	_, err = other.Sessions.Load(r)
	is(t, "the same cookie under another key", err, vault.ErrNotFound)
	must(t, other.Ping(context.Background()))
	testenv.Eventually(t, "the monitor has seen the ping", func() bool {
		return bytes.Contains(seen()[until:], []byte(`"ping"`))
	})
	if asked := seen()[until:]; !bytes.Contains(asked, []byte("}:s:")) || bytes.Contains(asked, []byte(before[0])) {
		t.Errorf("under another key the cookie is looked for at the same place:\n%s", asked)
	}
	if after := locate(); len(after) != len(before) {
		t.Fatal("the look-up wrote")
	}
}
