package assertion_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/assertion"
	"bff/internal/secret"
)

// A board in memory, which can be out of order.
type board struct {
	mu     sync.Mutex
	now    func() time.Time
	views  map[string]time.Time
	broken bool
	asked  int
}

var errBoard = errors.New("the board does not answer")

func (b *board) PublishKeys(_ context.Context, view string) (map[string]time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if b.broken {
		return nil, errBoard
	}
	b.views[view] = b.now()
	return maps.Clone(b.views), nil
}

// A clock that is set by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func seed(b byte) secret.Text { return secret.New(strings.Repeat(string(b), 32)) }

func newBoard(c *clock) *board { return &board{now: c.now, views: map[string]time.Time{}} }

func signer(t testing.TB, c *clock, b *board, seeds ...secret.Text) *assertion.Signer {
	t.Helper()
	s, err := assertion.New(assertion.Config{Seeds: seeds, Board: b, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func ada() assertion.Claims {
	return assertion.Claims{
		Issuer: "https://app.example.com", Subject: "u_1", Audience: "app", SessionID: "s_1", Rights: []string{"staff"},
		Email: "ada@example.com", EmailVerified: true, Name: "Ada", AppID: "42", AuthTime: 1_790_000_000, Provider: "google",
	}
}

func assert(t testing.TB, s *assertion.Signer, c assertion.Claims) string {
	t.Helper()
	token, err := s.Assert(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return token.Token.Reveal()
}

func part(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	m := map[string]any{}
	if err != nil || json.Unmarshal(raw, &m) != nil {
		t.Fatalf("part %d cannot be read", i)
	}
	return m
}

func keyIDs(t testing.TB, s *assertion.Signer) map[string]ed25519.PublicKey {
	t.Helper()
	doc, err := s.JWKS(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return readSet(t, doc)
}

func readSet(t testing.TB, doc []byte) map[string]ed25519.PublicKey {
	t.Helper()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(doc, &set); err != nil {
		t.Fatal(err)
	}
	out := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k["x"])
		if err != nil || k["kty"] != "OKP" || k["crv"] != "Ed25519" || k["alg"] != "EdDSA" || k["use"] != "sig" ||
			len(k) != 6 {
			t.Errorf("a key of the set: %v", k)
		}
		out[k["kid"]] = x
	}
	return out
}

func TestAnAssertionHasExactlyTheClaims(t *testing.T) {
	c := newClock()
	s := signer(t, c, newBoard(c), seed('a'))
	token := assert(t, s, ada())
	kid := slices.Collect(maps.Keys(keyIDs(t, s)))[0]
	if got := fmt.Sprint(part(t, token, 0)); got != "map[alg:EdDSA kid:"+kid+" typ:at+jwt]" {
		t.Errorf("header %s", got)
	}
	want := fmt.Sprintf(
		`{"iss":"https://app.example.com","sub":"u_1","aud":"app","sid":"s_1","iat":%d,"exp":%d,"rights":["staff"],`+
			`"email":"ada@example.com","email_verified":true,"name":"Ada","app_id":"42",`+
			`"auth_time":1790000000,"provider":"google"}`,
		c.now().Unix(),
		c.now().Unix()+60,
	)
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if string(raw) != want {
		t.Errorf("claims\n%s\nwant\n%s", raw, want)
	}
	bare := assertion.Claims{
		Issuer:    "https://app.example.com",
		Subject:   "u_2",
		Audience:  "app",
		SessionID: "s_2",
		Provider:  "google",
	}
	if got := part(t, assert(t, s, bare), 1); fmt.Sprint(got["rights"]) != "[]" || got["email"] != nil ||
		got["email_verified"] != false {
		t.Errorf("who has no rights and no e-mail: %v", got)
	}
}

// The ids are RFC 7638's, and the keys are the ring's: the same on every instance, in any order of the ring.
func TestKeysFollowTheRing(t *testing.T) {
	c := newClock()
	b := newBoard(c)
	one, other := keyIDs(t, signer(t, c, b, seed('a'), seed('b'))), keyIDs(t, signer(t, c, b, seed('b'), seed('a')))
	if len(one) != 2 || len(other) != 2 {
		t.Fatalf("%d and %d keys", len(one), len(other))
	}
	for id, key := range one {
		sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(key) + `"}`))
		if id != base64.RawURLEncoding.EncodeToString(sum[:]) || !key.Equal(other[id]) {
			t.Errorf("key %s", id)
		}
	}
}

func TestAnAssertionIsMadeOncePerSessionAndAudience(t *testing.T) {
	c := newClock()
	s := signer(t, c, newBoard(c), seed('a'))
	first := assert(t, s, ada())
	c.advance(29 * time.Second)
	if assert(t, s, ada()) != first {
		t.Error("made anew within half of its life")
	}
	for name, change := range map[string]func(*assertion.Claims){
		"another audience":     func(c *assertion.Claims) { c.Audience = "other" },
		"another session":      func(c *assertion.Claims) { c.SessionID = "s_2" },
		"another front":        func(c *assertion.Claims) { c.Issuer = "https://shop.example.org" },
		"a right taken away":   func(c *assertion.Claims) { c.Rights = nil },
		"another right":        func(c *assertion.Claims) { c.Rights = []string{"admin"} },
		"an e-mail unverified": func(c *assertion.Claims) { c.EmailVerified = false },
		"another name":         func(c *assertion.Claims) { c.Name = "Ada L." },
	} {
		claims := ada()
		change(&claims)
		if assert(t, s, claims) == first {
			t.Errorf("%s: the same assertion", name)
		}
	}
	again := assert(t, s, ada())
	c.advance(30 * time.Second)
	if renewed := assert(t, s, ada()); renewed == again || part(t, renewed, 1)["iat"] == part(t, again, 1)["iat"] {
		t.Error("not renewed ahead of its end")
	}
}

// What a caller does with its rights afterwards changes nothing that was signed.
func TestAnAssertionKeepsItsOwnRights(t *testing.T) {
	c := newClock()
	s := signer(t, c, newBoard(c), seed('a'))
	claims := ada()
	token := assert(t, s, claims)
	claims.Rights[0] = "admin"
	if got := assert(t, s, claims); got == token || fmt.Sprint(part(t, got, 1)["rights"]) != "[admin]" {
		t.Error("the cached rights changed with the caller's")
	}
}

func TestVerifyAcceptsItsOwnAndRefusesTheRest(t *testing.T) {
	c := newClock()
	b := newBoard(c)
	s := signer(t, c, b, seed('a'))
	token := assert(t, s, ada())
	if got, err := s.Verify(token); err != nil || got.Subject != "u_1" || got.SessionID != "s_1" ||
		got.Rights[0] != "staff" {
		t.Fatalf("its own: %+v, %v", got, err)
	}
	h, p, sig := split(token)
	_, strangerKey, _ := ed25519.GenerateKey(rand.Reader)
	sign := func(header, payload string) string {
		text := enc(header) + "." + enc(payload)
		return text + "." + enc(string(ed25519.Sign(strangerKey, []byte(text))))
	}
	header, payload := dec(h), dec(p)
	receipt, err := s.Sign(context.Background(), "receipt+jws", json.RawMessage(payload))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(context.Background(), "at+jwt", json.RawMessage(payload)); err == nil {
		t.Error("Sign makes assertions")
	}
	for name, bad := range map[string]string{
		"nothing":                       "",
		"a cookie's value":              strings.Repeat("A", 86),
		"a stranger's key":              sign(header, payload),
		"another payload":               h + "." + enc(strings.Replace(payload, "u_1", "u_2", 1)) + "." + sig,
		"another header":                enc(strings.Replace(header, "at+jwt", "AT+JWT", 1)) + "." + p + "." + sig,
		"no signature":                  h + "." + p + ".",
		"alg none":                      enc(`{"alg":"none","typ":"at+jwt"}`) + "." + p + ".",
		"HS256 with the public key":     enc(strings.Replace(header, "EdDSA", "HS256", 1)) + "." + p + "." + sig,
		"an unknown key id":             sign(strings.Replace(header, `"kid":"`, `"kid":"x`, 1), payload),
		"its own key in the header":     sign(`{"alg":"EdDSA","typ":"at+jwt","jwk":{"kty":"OKP"}}`, payload),
		"another type, of the same key": receipt,
		"a space behind":                token + " ",
		"a bit of the signature less":   token[:len(token)-2],
		"JSON serialization":            `{"payload":"` + p + `","protected":"` + h + `","signature":"` + sig + `"}`,
		"seventeen kilobytes":           token + strings.Repeat("A", 17<<10),
	} {
		if _, err := s.Verify(bad); !errors.Is(err, assertion.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := signer(t, c, b, seed('z')).Verify(token); !errors.Is(err, assertion.ErrInvalid) {
		t.Error("accepted by a ring without its key")
	}
	c.advance(60 * time.Second)
	if _, err := s.Verify(token); !errors.Is(err, assertion.ErrInvalid) {
		t.Error("accepted after a minute")
	}
}

func split(token string) (h, p, s string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

func enc(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func dec(s string) string {
	b, _ := base64.RawURLEncoding.DecodeString(s)
	return string(b)
}

// Nothing that is printed of a signer is its key.
func TestASignerPrintsNoKey(t *testing.T) {
	c := newClock()
	s := signer(t, c, newBoard(c), seed('q'))
	for _, text := range []string{fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s)} {
		if strings.Contains(text, strings.Repeat("q", 32)) || strings.Contains(text, strings.Repeat("113 ", 31)) ||
			strings.Contains(text, strings.Repeat("0x71, ", 31)) {
			t.Error("a seed is printed")
		}
	}
}

// Decoders of base64 pass over line breaks and over the bits behind the last byte; what is signed is the same.
func TestAnAssertionHasOneSpelling(t *testing.T) {
	c := newClock()
	s := signer(t, c, newBoard(c), seed('a'))
	token := assert(t, s, ada())
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, token[len(token)-1])
	for name, other := range map[string]string{
		"a line break in the header":    token[:9] + "\r" + token[9:],
		"a line break in the payload":   strings.Replace(token, ".", ".\n", 1),
		"a line break in the signature": token[:len(token)-5] + "\n" + token[len(token)-5:],
		"a space before":                " " + token,
		"a line break behind":           token + "\n",
		"a tab":                         strings.Replace(token, ".", ".\t", 1),
		"spare bits":                    token[:len(token)-1] + digits[last^1:last^1+1],
		"padding":                       token + "==",
	} {
		if claims, err := s.Verify(other); err == nil {
			t.Errorf("%s: accepted: %+v", name, claims)
		}
	}
	if _, err := s.Verify(token); err != nil {
		t.Error(err)
	}
}

func FuzzVerify(f *testing.F) {
	c := newClock()
	s := signer(f, c, newBoard(c), seed('a'))
	token := assert(f, s, ada())
	f.Add(token)
	f.Add(enc(`{"alg":"none"}`) + "..")
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := s.Verify(text)
		if err == nil && text != token {
			t.Errorf("accepted %q: %+v", text, claims)
		}
		if err == nil && !assertion.Looks(text) {
			t.Error("an assertion does not look like one")
		}
	})
}
