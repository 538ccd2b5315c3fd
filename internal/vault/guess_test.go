package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
	"bff/internal/vault/seal"
)

// guesses are all that somebody can compute who knows a person's account and profile, and how the store's names are
// made, and lacks the keys: the words themselves, and every digest in use, of the account and of the id that follows
// from it, in every coding and down to half of a tag's length.
func guesses(i vault.Identity, p vault.Profile) map[string][]byte {
	all := map[string][]byte{"the subject": []byte(i.Subject), "the name": []byte(p.Name), "the address": []byte(p.Email)}
	id := vault.UserID(i.Provider, i.Issuer, i.Subject)
	all["the id of before"] = []byte(id)
	sum := sha256.Sum256([]byte(i.Provider + i.Issuer + i.Subject))
	for what, raw := range map[string][]byte{
		"a digest of the account": sum[:],
		"the account's digest":    seal.Digest("bff identity v1", i.Provider, i.Issuer, i.Subject),
		"the id's digest":         seal.Digest("bff user v1", i.Provider, i.Issuer, i.Subject),
		"the keyed id's input":    seal.Digest("bff user v2", "0", i.Provider, i.Issuer, i.Subject),
		"the tag of before":       seal.Digest("bff partition v1", id),
	} {
		raw = raw[:seal.TagSize/2]
		all[what] = raw
		all[what+", in hex"] = []byte(hex.EncodeToString(raw))
		text := base64.RawURLEncoding.EncodeToString(raw)
		all[what+", in base64"] = []byte(text[:len(text)-1]) // the last character holds bits of the next byte
	}
	return all
}

// A dump of the store names nobody: not even whoever guesses who could be in it, and knows all about them, finds them
// without the keys. With a key the name is found, which shows that the search works. Nor does what is sent to the store
// say who it is about, but for one question: whether the version before, which had other names, kept something.
func TestADumpNamesNobodyNotEvenAGuess(t *testing.T) {
	server := testenv.Redis(t, "--rdbcompression", "no")
	seen := server.Monitor()
	ctx := context.Background()
	v := open(t, server.URL, ring(vault.NewKey()), func(c *vault.Config) {
		c.Programs = []vault.Program{{Name: "a", Wants: func(string) bool { return true }}}
	})
	i := vault.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "109876543210987654321"}
	second := vault.Identity{Provider: "github", Subject: "583231583231"}
	profile := vault.Profile{Name: "Ada Lovelace-Byron", Email: "ada.lovelace@example.com", EmailVerified: true}
	rec, _, err := v.Users.Register(ctx, i, profile, func(r *vault.UserRecord) error {
		r.Rights[vault.RightsOf(i.Provider, i.Subject)] = []string{"staff"}
		return nil
	})
	must(t, err)
	_, err = v.Users.AddIdentity(ctx, rec.ID, second)
	must(t, err)
	account := google(vault.KeepUser)
	account.Account.Subject, account.Account.Email, account.Account.Name = i.Subject, profile.Email, profile.Name
	s, r := signIn(t, v, vault.NewSession{User: rec.User(), Connection: account, Handle: "google/" + i.Subject})
	must(t, v.WritePreferences(ctx, s, []byte(`{"name":"`+profile.Name+`"}`), ""))
	_, err = v.Documents.SetUserData(ctx, rec.ID, "billing", []byte(`{"to":"`+profile.Email+`"}`), "")
	must(t, err)
	must(t, v.Users.NoteUse(ctx, rec.ID, vault.Use{Client: "billing", Reason: "for " + profile.Name}))
	now := load(t, v, r)
	must(t, v.Sessions.Touch(ctx, now))
	must(t, v.Connections.Unlink(ctx, now, now.Connections[0].ID,
		func(vault.Connection) []byte { return []byte(i.Subject) }))
	dump := server.Dump()
	must(t, v.Ping(ctx))
	testenv.Eventually(t, "the monitor has seen the ping", func() bool { return bytes.Contains(seen(), []byte(`"ping"`)) })
	for where, text := range map[string][]byte{"the dump": dump, "what was sent": seen()} {
		if !bytes.Contains(text, []byte(rec.ID)) {
			t.Errorf("%s does not hold the id that only a key finds: nothing was shown", where)
		}
		for _, of := range []vault.Identity{i, second} {
			for what, guess := range guesses(of, profile) {
				if where != "the dump" && strings.HasPrefix(what, "the tag of before") {
					continue
				}
				if bytes.Contains(text, guess) || where != "the dump" && bytes.Contains(text, []byte(escaped(guess))) {
					t.Errorf("%s holds %s", where, what)
				}
			}
		}
	}
}

// escaped is what MONITOR writes for bytes.
func escaped(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		if c < ' ' || c > '~' {
			out.WriteString(`\x` + hex.EncodeToString([]byte{c}))
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
