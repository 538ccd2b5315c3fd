package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// What happened to an id is read on every instance, also after the ring has turned; the last entries stay, for their
// time, and neither the store's names nor its values say what or about whom.
func TestExplanationsAreSealedBoundedAndShared(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	old, next := vault.NewKey(), vault.NewKey()
	v, turned, stranger := open(t, server.URL, ring(old)), open(t, server.URL, ring(next, old)), open(t, server.URL)
	for n := range 5 {
		must(t, v.Explanations.Append(ctx, []string{"u_ada", "s_1"}, fmt.Appendf(nil, "entry %d", n), 3, time.Hour))
	}
	must(t, turned.Explanations.Append(ctx, []string{"u_ada"}, []byte("entry 5"), 3, time.Hour))
	got, err := turned.Explanations.Read(ctx, "u_ada")
	if err != nil || string(bytes.Join(got, []byte(","))) != "entry 2,entry 3,entry 4,entry 5" {
		t.Errorf("%q %v", got, err)
	}
	for id, by := range map[string]*vault.Vault{"u_ada": stranger, "u_nobody": v} {
		if got, err := by.Explanations.Read(ctx, id); err != nil || len(got) != 0 {
			t.Errorf("%s: %q %v", id, got, err)
		}
	}
	dump := server.Dump()
	for _, clear := range []string{"u_ada", "s_1", "entry"} {
		if bytes.Contains(dump, []byte(clear)) {
			t.Errorf("%q is in the dump", clear)
		}
	}
	for _, key := range server.Client().Keys(ctx, "bff:e:*").Val() {
		if left := server.Client().PTTL(ctx, key).Val(); left <= 0 || left > time.Hour {
			t.Errorf("a list lives for %v", left)
		}
	}
	server.Kill()
	_, err = v.Explanations.Read(ctx, "u_ada")
	is(t, "without a store", err, vault.ErrUnavailable)
}
