package vault

import (
	"strings"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// names builds the store's keys: one page, so that nothing else spells one. See doc.go.

func (c *core) userKey(tag, what string) string { return c.db.Tagged(tag, what) }

// absent is the key below a tag that is never there: see store.Ask.
func (c *core) absent(tag string) string { return c.db.Tagged(tag, "w") }

// A location is where one session may be: a pair of keys for every key of the ring, the first in front.
type location struct {
	tag   string
	pairs []string // s, c, s, c, …
}

func (c *core) locate(t *seal.Ticket) location {
	l := location{tag: t.Tag(), pairs: make([]string, 0, 2*len(c.ring()))}
	for _, hash := range c.ring().Locations(t.Finder()) {
		l.pairs = append(l.pairs, c.userKey(l.tag, "s:"+hash), c.userKey(l.tag, "c:"+hash))
	}
	return l
}

// hash is the keyed hash in the first pair's keys.
func (l location) hash() string { return l.pairs[0][strings.LastIndexByte(l.pairs[0], ':')+1:] }

// hashSize is the length of such a hash; an index entry begins with it.
const hashSize = 22

// tag is what a user's keys have in common.
func tag(userID string) string { return seal.Encode(tagBytes(userID)) }

func tagBytes(userID string) []byte { return seal.Digest("bff partition v1", userID)[:seal.TagSize] }

// handleKeys are where a handle may be, the place of a new one in front.
func (c *core) handleKeys(handle string) []string { return c.ringKeys("h:", handle) }

// idKeys are where a session's user may be found by the session's public id.
func (c *core) idKeys(sessionID string) []string { return c.ringKeys("n:", sessionID) }

func (c *core) attemptKeys(state string) []string { return c.ringKeys("a:", state) }

func (c *core) ringKeys(kind, name string) []string {
	keys := c.ring().Locations([]byte(name))
	for i := range keys {
		keys[i] = c.db.Global(kind + keys[i])
	}
	return keys
}

// UserID derives a user's public id, "u_…", from the provider's name, its issuer and the subject. All three take part:
// a provider that is pointed at another issuer has other users.
func UserID(provider, issuer, subject string) string {
	return "u_" + seal.Encode(seal.Digest("bff user v1", provider, issuer, subject)[:16])
}

func newID(kind string) string { return kind + seal.Encode(seal.Random(12)) }

// onSession is a script on keys of one user, behind the pairs of one session.
func onSession(script string, l location, keys store.Keys, args store.Args) store.Call {
	return store.Call{Script: script, Pairs: l.pairs, Keys: keys, Args: args}
}
