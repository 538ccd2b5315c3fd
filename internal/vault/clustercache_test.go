package vault_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// warmOn loads until the answer comes without any server of a Cluster.
func warmOn(t *testing.T, v *vault.Vault, r *http.Request, c *testenv.Clustered) {
	t.Helper()
	all := func() (n int) {
		for _, s := range c.Servers {
			n += gets(t, s)
		}
		return n
	}
	testenv.Eventually(t, "an answer without the store", func() bool {
		before := all()
		_, err := v.Sessions.Load(r)
		return err == nil && all() == before
	})
}

// A Cluster has one connection for each master on which it reports. Sessions lie on all of them; each is answered
// without the store, and a logout on another instance wins.
func TestTheCacheOnACluster(t *testing.T) {
	t.Parallel()
	cluster := testenv.Cluster(t)
	a, b := pair(t, cluster.URL, cached)
	ctx := context.Background()
	met := map[int]bool{}
	for n := range 12 {
		s, r := signIn(t, a, vault.NewSession{User: userN(n), Connection: google(vault.KeepSession)})
		warmOn(t, a, r, cluster)
		warmOn(t, b, r, cluster)
		for _, key := range cluster.Keys() {
			if !strings.Contains(key, "}:s:") {
				continue
			}
			met[cluster.Owner(cluster.Slot(key))] = true
		}
		must(t, b.Sessions.End(ctx, s, "logout"))
		for _, v := range []*vault.Vault{a, b} {
			_, err := v.Sessions.Load(r)
			is(t, "after the logout", err, vault.ErrNotFound)
		}
		for _, server := range cluster.Servers { // the keys of the next one only
			must(t, server.Client().FlushAll(ctx).Err())
		}
	}
	if len(met) < 2 {
		t.Errorf("sessions were on %d servers: the attack is none", len(met))
	}
}

// A slot moves, and a server that the cache has not heard of reports what happens there: no logout is missed, whether
// it comes before, while or after the slot moves.
func TestLogoutWinsAgainstTheCacheWhereSlotsMove(t *testing.T) {
	t.Parallel()
	cluster := testenv.Cluster(t)
	a, b := pair(t, cluster.URL, cached)
	ctx := context.Background()
	for n := range 9 {
		s, r := signIn(t, a, vault.NewSession{})
		slot := -1
		for _, key := range cluster.Keys() {
			if strings.Contains(key, "}:s:") {
				slot = cluster.Slot(key)
			}
		}
		to := (cluster.Owner(slot) + 1) % 3
		warmOn(t, a, r, cluster)
		warmOn(t, b, r, cluster)
		moved := make(chan struct{})
		go func() {
			defer close(moved)
			if n%3 != 2 {
				cluster.Move(slot, to)
			}
		}()
		if n%3 == 1 {
			testenv.Receive(t, "the move", moved)
			_, err := a.Sessions.Load(r)
			is(t, "a session that moved", err, nil)
		}
		eventually(t, "the logout", func() error { return b.Sessions.End(ctx, s, "logout") })
		_, err := a.Sessions.Load(r)
		if err == nil {
			t.Fatalf("round %d: answered from before the logout", n)
		}
		testenv.Receive(t, "the move", moved)
		eventually(t, "a definite answer", func() error {
			if _, err := a.Sessions.Load(r); err == nil {
				t.Fatalf("round %d: it came back", n)
			} else if err != vault.ErrNotFound {
				return err
			}
			return nil
		})
	}
}
