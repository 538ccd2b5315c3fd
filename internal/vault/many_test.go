package vault_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// How many users TestAListOfManyUsersIsPagedInLittleMemory has.
var many = flag.Int("users", 20_000, "how many users the test of many users has")

// seed writes n users as registrations leave them, as fast as the store takes them.
func seed(t *testing.T, v *vault.Vault, server *testenv.RedisServer, n int) {
	t.Helper()
	ctx, at := context.Background(), time.Now()
	for from := 0; from < n; from += 1000 {
		_, err := server.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := from; i < min(n, from+1000); i++ {
				rec := vault.UserRecord{ID: fmt.Sprintf("u_%022d", i), CreatedAt: at, LastSeenAt: at, Provider: "p",
					Subject: fmt.Sprint(i), Identities: []vault.Identity{identityN(i)}, AppID: fmt.Sprint(i),
					Profile: vault.Profile{Name: "A person", Email: fmt.Sprintf("person%d@example.com", i), EmailVerified: true},
					Rights:  map[string][]string{vault.RightsHook: {"editor", "reader"}}}
				key, value, list := v.SealedUser(&rec)
				p.Set(ctx, key, value, 0)
				p.ZAdd(ctx, list, redis.Z{Member: rec.ID})
			}
			return nil
		})
		must(t, err)
	}
}

// heap is what lives on the heap, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated is what was allocated so far, in bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// ofAPage is what a page of 200 may allocate, however many users there are.
const ofAPage = 8 << 20

// listed goes over all users, page by page, calls look after each, and says how many there were.
func listed(t *testing.T, v *vault.Vault, look func(page int)) (seen, pages int) {
	t.Helper()
	last := ""
	for after := ""; ; {
		before := allocated()
		page, next, err := v.Users.List(context.Background(), vault.UserQuery{After: after, Limit: 200})
		must(t, err)
		if n := allocated() - before; n > ofAPage {
			t.Fatalf("a page of %d users allocated %d kB", len(page), n>>10)
		}
		if len(page) > 200 {
			t.Fatalf("a page of %d", len(page))
		}
		for i := range page {
			if page[i].ID <= last {
				t.Fatalf("%s comes after %s", page[i].ID, last)
			}
			last = page[i].ID
			seen++
		}
		look(pages)
		pages++
		if after = next; after == "" {
			return seen, pages
		}
	}
}

// A listing of many users goes page by page, meets each of them once, and keeps none: what lives on the heap meanwhile
// is what a page is. The same for the maintenance of all, and for a query that finds nobody.
func TestAListOfManyUsersIsPagedInLittleMemory(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	v := open(t, server.URL, ring(vault.NewKey()))
	seed(t, v, server, *many)
	_, _, err := v.Users.List(ctx, vault.UserQuery{Limit: 200}) // connections and scripts are there
	must(t, err)
	before, most := heap(), int64(0)
	grown := func(page int) {
		if page%40 == 0 {
			most = max(most, heap()-before)
		}
	}
	seen, pages := listed(t, v, grown)
	if seen != *many {
		t.Errorf("%d users are listed, of %d", seen, *many)
	}
	asked := 0
	for after := ""; ; asked++ {
		page, next, err := v.Users.List(ctx, vault.UserQuery{Email: "Person7@Example.com", After: after, Limit: 200})
		must(t, err)
		if len(page) > 1 || len(page) == 1 && page[0].ID != fmt.Sprintf("u_%022d", 7) {
			t.Fatalf("by e-mail: %d users", len(page))
		}
		grown(0)
		if after = next; after == "" {
			break
		}
	}
	if asked < *many/10_000-1 {
		t.Errorf("one query looked at everybody: %d queries for %d users", asked+1, *many)
	}
	for after, page := "", 0; ; page++ {
		m, err := v.Upkeep.MaintainUsers(ctx, after, time.Hour, func(vault.Connection) []byte { return nil })
		must(t, err)
		if m.Forgotten > 0 {
			t.Fatal("somebody was forgotten")
		}
		grown(page)
		if after = m.Next; after == "" || page == 20 {
			break
		}
	}
	t.Logf("%d users in %d pages; the heap grew by %d kB at most", seen, pages, most>>10)
	if most > 4<<20 {
		t.Errorf("the heap grew by %d kB", most>>10)
	}
}
