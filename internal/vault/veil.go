package vault

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// overlap is how long a deployment may take from the first instance of this version to the last one before.
const overlap = 30 * time.Minute

func veilBinding() seal.Binding { return seal.Binding{Kind: "veil", Owner: "store"} }

// veiling is what the store needs to veil whose keys stand there, and to move them: see doc.go.
func veiling(cfg *Config) store.Veiling {
	ring := seal.Ring(cfg.Keys)
	global := func(what string) string { return cfg.Prefix + ":" + what }
	of := store.Veiling{
		Seal:    func(plain []byte) []byte { return ring.Seal(veilBinding(), plain) },
		Open:    func(value string) ([]byte, error) { return ring.Open(veilBinding(), []byte(value)) },
		Overlap: cmp.Or(cfg.Overlap, overlap),
		Sets:    []string{global("users"), global("o")},
		Rewrite: rewriteQueued,
	}
	for _, hash := range ring.Locations([]byte("veil")) {
		of.Keys = append(of.Keys, global("v:"+hash))
	}
	alone := []string{"k", "i", "u", "g", "t", "d", "p", "o"}
	for _, p := range cfg.Programs {
		of.Sets = append(of.Sets, global("q:"+p.Name))
		alone = append(alone, "q:"+p.Name, "z:"+p.Name)
	}
	of.Below = func(name string, fields map[string]string) []string {
		if name == "" {
			return alone
		}
		return standBeside(name, fields)
	}
	return of
}

// standBeside are the names of what may stand beside a hash below the same tag.
func standBeside(name string, fields map[string]string) (names []string) {
	for id, value := range fields {
		switch {
		case name == "i":
			names = append(names, "b:"+id)
			if len(value) >= hashSize {
				names = append(names, "s:"+value[:hashSize], "c:"+value[:hashSize])
			}
		case name == "k", strings.HasPrefix(name, "c:"):
			names = append(names, "l:"+id, "n:"+id)
		}
	}
	return names
}

// rewriteQueued veils the user's id in a queued event of a version before.
func rewriteQueued(element string, veil func(string) string) string {
	var q queued
	if json.Unmarshal([]byte(element), &q) != nil || q.User == "" || seal.IsVeiled(q.User) {
		return element
	}
	q.User = veil(q.User)
	return q.encode()
}
