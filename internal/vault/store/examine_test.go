package store_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault/store"
)

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{URL: url, Prefix: "bff", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestExamineKnowsServersOfOtherVersionsAndMakes(t *testing.T) {
	redis := testenv.Redis(t)
	s := open(t, redis.URL)
	server, warnings := s.Judge(t.Context(), map[string]string{"redis_version": "6.2.14"})
	if server != "redis 6.2.14 at "+redis.Addr ||
		!slices.Equal(warnings, []string{"is older than 7.0, the first that bff is tested with"}) {
		t.Errorf("an old one is %q, %q", server, warnings)
	}
	server, warnings = s.Judge(t.Context(), map[string]string{"redis_version": "7.2.4", "server_name": "valkey",
		"valkey_version": "8.1.0"})
	if server != "valkey 8.1.0 at "+redis.Addr || len(warnings) != 0 {
		t.Errorf("another make is %q, %q", server, warnings)
	}
}
