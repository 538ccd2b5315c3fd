package vault_test

import (
	"context"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// A report without names means all of them: a store that was flushed holds nobody. What was written after the flush
// and has settled (rule 3 of the cache) comes behind that report, so from then on nothing is answered from before it,
// however young an entry is.
func TestAFlushedStoreEmptiesTheCache(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL, cached)
	ctx := context.Background()
	for range 4 {
		r := kinds(t, v)
		someone, _ := signIn(t, v, vault.NewSession{User: grace()})
		warm(t, v, r, server)
		must(t, server.Client().FlushAll(ctx).Err())
		must(t, v.End(ctx, someone, "logout"))
		_, err := v.Load(r)
		is(t, "a session of a store that was flushed", err, vault.ErrNotFound)
	}
}
