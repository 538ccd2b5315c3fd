package vault

import "strings"

// names builds the store's keys: one page, so that nothing else spells one. See doc.go.

func (v *Vault) userKey(user, what string) string { return v.cfg.Prefix + ":{" + user + "}:" + what }

func (v *Vault) channel() string { return v.cfg.Prefix + ":bus" }
func (v *Vault) dueKey() string  { return v.cfg.Prefix + ":o" }
func (v *Vault) keysKey() string { return v.cfg.Prefix + ":j" }

// A place is where one session may be: a pair of keys for every key of the ring, the first in front.
type place struct {
	user string   // base64url of the user digest
	keys []string // s, c, s, c, …
}

func (v *Vault) placeOf(t *ticket) place {
	p := place{user: t.user(), keys: make([]string, 0, 2*len(v.keys))}
	for i := range v.keys {
		loc := v.keys[i].location(t.finder())
		p.keys = append(p.keys, v.userKey(p.user, "s:"+loc), v.userKey(p.user, "c:"+loc))
	}
	return p
}

// location is the keyed hash in the first pair's keys.
func (p place) location() string { return p.keys[0][strings.LastIndexByte(p.keys[0], ':')+1:] }

// partition is the part of a user's keys that names the user.
func partition(userID string) string { return b64.EncodeToString(userDigest(userID)) }

// userOf is the partition that a key is in, or "".
func (v *Vault) userOf(key string) string {
	rest, ok := strings.CutPrefix(key, v.cfg.Prefix+":{")
	user, _, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return ""
	}
	return user
}

// handleKeys are where a handle may be, the place for a new one in front.
func (v *Vault) handleKeys(handle string) []string {
	keys := make([]string, len(v.keys))
	for i := range v.keys {
		keys[i] = v.cfg.Prefix + ":h:" + v.keys[i].location([]byte(handle))
	}
	return keys
}

func (v *Vault) attemptKeys(state string) []string {
	keys := make([]string, len(v.keys))
	for i := range v.keys {
		keys[i] = v.cfg.Prefix + ":a:" + v.keys[i].location([]byte(state))
	}
	return keys
}
