package assertion_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"bff/internal/assertion"
)

// A verifier keeps a JWK Set for an hour and fetches it no earlier, from whichever instance it meets, through a cache
// that keeps it for five minutes.
type verifier struct {
	keys    map[string]ed25519.PublicKey
	fetched time.Time
	every   time.Duration
}

func (v *verifier) knows(token string) bool {
	h, p, sig := split(token)
	key := v.keys[kidOf(h)]
	return key != nil && ed25519.Verify(key, []byte(h+"."+p), []byte(dec(sig)))
}

func kidOf(header string) string {
	var kid string
	_, _ = fmt.Sscanf(dec(header), `{"alg":"EdDSA","kid":%q`, &kid)
	return kid
}

// Three instances get a new key in front, one by one and far apart, while six verifiers fetch at odd times and hold
// for an hour. Nobody refuses anything, then the new key signs everywhere, and the old one can go, again one by one.
func TestARotationRefusesNobody(t *testing.T) {
	c := newClock()
	b := newBoard(c)
	instances := []*assertion.Signer{signer(t, c, b, seed('o')), signer(t, c, b, seed('o')), signer(t, c, b, seed('o'))}
	verifiers := make([]verifier, 6)
	for i := range verifiers {
		verifiers[i].every = time.Hour - time.Duration(i)*7*time.Minute
	}
	changes := map[time.Duration]func(){}
	for i, at := range []time.Duration{2 * time.Hour, 2*time.Hour + 20*time.Minute, 3 * time.Hour} {
		changes[at] = func() { instances[i] = signer(t, c, b, seed('n'), seed('o')) }
		changes[at+5*time.Hour] = func() { instances[i] = signer(t, c, b, seed('n')) }
	}
	newID := onlyKey(t, c)
	start, signedByNew := c.now(), map[int]time.Duration{}
	for step := 0; c.now().Sub(start) < 10*time.Hour; step++ {
		since := c.now().Sub(start)
		if change := changes[since]; change != nil {
			change()
		}
		for i := range verifiers {
			if v := &verifiers[i]; v.keys == nil || c.now().Sub(v.fetched) >= v.every {
				v.keys, v.fetched = keyIDs(t, instances[(step+i)%3]), c.now()
			}
		}
		for i, s := range instances {
			claims := ada()
			claims.SessionID = fmt.Sprint("s_", step)
			token := assert(t, s, claims)
			for j := range verifiers {
				if !verifiers[j].knows(token) {
					t.Fatalf("after %v: verifier %d refuses what instance %d signed", since, j, i)
				}
			}
			if h, _, _ := split(token); kidOf(h) == newID && signedByNew[i] == 0 {
				signedByNew[i] = since
			}
		}
		c.advance(time.Minute)
	}
	for i := range instances {
		if at := signedByNew[i]; at < 4*time.Hour || at > 4*time.Hour+30*time.Minute {
			t.Errorf("instance %d signs with the new key after %v", i, at)
		}
	}
}

// onlyKey is the id of the key of seed n.
func onlyKey(t *testing.T, c *clock) string {
	for id := range keyIDs(t, signer(t, c, newBoard(c), seed('n'))) {
		return id
	}
	return ""
}

// A first start signs with the first key at once, and a new key that came second everywhere and long ago signs as
// soon as it is in front.
func TestAKeyThatWasPublishedLongEnoughSignsAtOnce(t *testing.T) {
	c := newClock()
	b := newBoard(c)
	newID := onlyKey(t, c)
	if h, _, _ := split(assert(t, signer(t, c, b, seed('n'), seed('o')), ada())); kidOf(h) != newID {
		t.Error("a first start does not sign with the first key")
	}
	b = newBoard(c)
	old := signer(t, c, b, seed('o'), seed('n'))
	for range 80 {
		if h, _, _ := split(assert(t, old, ada())); kidOf(h) == newID {
			t.Fatal("the second key signs")
		}
		c.advance(time.Minute)
	}
	if h, _, _ := split(assert(t, signer(t, c, b, seed('n'), seed('o')), ada())); kidOf(h) != newID {
		t.Error("in front, and it does not sign")
	}
}

// A board that does not answer stops neither assertions nor, for four minutes, the JWK Set; without ever an answer
// nothing is signed.
func TestABoardThatDoesNotAnswer(t *testing.T) {
	c := newClock()
	b := newBoard(c)
	b.broken = true
	s := signer(t, c, b, seed('a'))
	ctx := context.Background()
	if _, err := s.Assert(ctx, ada()); !errors.Is(err, errBoard) {
		t.Errorf("never an answer, and an assertion: %v", err)
	}
	if _, err := s.JWKS(ctx); !errors.Is(err, errBoard) {
		t.Errorf("never an answer, and a set: %v", err)
	}
	b.broken = false
	token := assert(t, s, ada())
	b.broken = true
	c.advance(3 * time.Minute)
	if _, err := s.JWKS(ctx); err != nil {
		t.Errorf("after three minutes: %v", err)
	}
	c.advance(2 * time.Minute)
	if _, err := s.JWKS(ctx); !errors.Is(err, errBoard) {
		t.Errorf("after five minutes: %v", err)
	}
	if got := assert(t, s, ada()); got == token {
		t.Error("an assertion of five minutes ago")
	}
	b.broken = false
	if _, err := s.JWKS(ctx); err != nil {
		t.Errorf("the board is back: %v", err)
	}
}

// The board is asked now and then, not for every call.
func TestTheBoardIsAskedNowAndThen(t *testing.T) {
	c := newClock()
	b := newBoard(c)
	s := signer(t, c, b, seed('a'))
	for i := range 100 {
		claims := ada()
		claims.SessionID = fmt.Sprint("s_", i)
		assert(t, s, claims)
	}
	c.advance(21 * time.Second)
	keyIDs(t, s)
	if b.asked != 2 {
		t.Errorf("asked %d times", b.asked)
	}
}
