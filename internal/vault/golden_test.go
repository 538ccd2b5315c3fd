package vault_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

var update = flag.Bool("update", false, "write the golden files anew: only for a new format, under a new name")

// goldenStore is everything that a store held once, with what opens it. A version that cannot read it logs everybody
// out, and forgets what they keep.
type goldenStore struct {
	Key     string
	Cookie  string
	State   string
	Half    string
	Now     time.Time
	Strings map[string][]byte            // of the store
	Hashes  map[string]map[string][]byte // of the store
	Due     map[string]float64           // the store's one sorted set
	Raw     map[string][]byte            // sealed values by themselves
}

func goldenPath() string { return filepath.Join("testdata", "store-v1.json") }

// The format of sealed values, the names of keys and the encoding of records: what version 1 wrote still opens.
func TestAStoreOfVersion1Opens(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	b, err := os.ReadFile(goldenPath())
	must(t, err)
	var g goldenStore
	must(t, json.Unmarshal(b, &g))
	server := testenv.Redis(t)
	ctx := context.Background()
	g.fill(t, server.Client())
	key, err := vault.ParseKey(g.Key)
	must(t, err)
	v := open(
		t,
		server.URL,
		ring(vault.NewKey(), key),
		func(c *vault.Config) { c.Now = func() time.Time { return g.Now.Add(time.Minute) } },
	)

	s := load(t, v, withCookie(g.Cookie))
	u := s.User
	if u.ID != "u_golden" || u.Provider != "google" || u.Subject != "1098" || u.Name != "Ada" ||
		u.Email != "ada@example.com" ||
		!u.EmailVerified ||
		u.Picture != "https://p" {
		t.Errorf("user: %+v", u)
	}
	if s.Device != "Firefox on Linux" || !s.CreatedAt.Equal(g.Now) || !s.SeenAt.Equal(g.Now) {
		t.Errorf("session: %s, made %v, seen %v", s.Device, s.CreatedAt, s.SeenAt)
	}
	if len(s.Connections) != 2 {
		t.Fatalf("%d connections", len(s.Connections))
	}
	for i := range s.Connections {
		got, want := s.Connections[i], goldenConnection(g.Now, s.Connections[i].Keep)
		if got.Account != want.Account || got.Provider != want.Provider || got.Status != want.Status || got.Reason != want.Reason || len(got.Scopes) != 2 ||
			!got.ConnectedAt.Equal(want.ConnectedAt) || !got.UsedAt.Equal(want.UsedAt) ||
			!got.Tokens.Access.Equal(want.Tokens.Access) ||
			!got.Tokens.Refresh.Equal(want.Tokens.Refresh) ||
			!got.Tokens.Expiry.Equal(want.Tokens.Expiry) ||
			!got.Tokens.ObtainedAt.Equal(want.Tokens.ObtainedAt) ||
			!got.Tokens.RefreshExpiry.Equal(want.Tokens.RefreshExpiry) {
			t.Errorf("connection: %+v", got)
		}
	}
	if doc, _, err := v.Sessions.Preferences(ctx, s); err != nil || string(doc) != `{"theme":"dark"}` {
		t.Errorf("preferences: %s %v", doc, err)
	}
	if list, err := v.Index.Sessions(ctx, s); err != nil || len(list) != 1 || list[0].ID != s.ID ||
		list[0].Device != "Firefox on Linux" {
		t.Errorf("index: %+v %v", list, err)
	}
	if payload, err := v.Attempts.Take(ctx, g.State, secret.New(g.Half)); err != nil || string(payload) != "attempt" {
		t.Errorf("attempt: %s %v", payload, err)
	}
	if jobs, err := v.Outbox.Due(ctx, 1, time.Minute); err != nil || len(jobs) != 1 || string(jobs[0].Payload) != "job" ||
		jobs[0].Attempts != 1 ||
		!jobs[0].Created.Equal(g.Now) {
		t.Errorf("outbox: %d %v", len(jobs), err)
	}
	for name, half := range map[string]*[32]byte{"open": nil, "with a half": goldenHalf()} {
		if plain, err := v.Open("kind", "owner", half, g.Raw[name]); err != nil || string(plain) != "plain" {
			t.Errorf("a sealed value, %s: %q %v", name, plain, err)
		}
	}
	if n, err := v.Index.EndHandle(ctx, "google/sid", "provider"); n != 1 || err != nil {
		t.Errorf("handle: %d %v", n, err)
	}
}

func goldenHalf() *[32]byte { return (*[32]byte)([]byte("the half that only a browser has")) }

func goldenConnection(now time.Time, keep vault.Keep) *vault.Connection {
	return &vault.Connection{
		Provider:    "google",
		Keep:        keep,
		Account:     vault.Account{Subject: "1098", Email: "ada@example.com", Name: "Ada"},
		Status:      vault.StatusNeedsReauth,
		Reason:      "session_policy",
		Scopes:      []string{"openid", "email"},
		ConnectedAt: now.Add(-time.Hour),
		UsedAt:      now.Add(-time.Minute),
		Tokens: vault.Tokens{
			Access:        secret.New("at"),
			Refresh:       secret.New("rt"),
			ObtainedAt:    now.Add(-2 * time.Minute),
			Expiry:        now.Add(time.Hour),
			RefreshExpiry: now.Add(48 * time.Hour),
		},
	}
}

// fill puts everything into a store.
func (g *goldenStore) fill(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	ctx := context.Background()
	for key, value := range g.Strings {
		must(t, c.Set(ctx, key, value, time.Hour).Err())
	}
	for key, fields := range g.Hashes {
		for field, value := range fields {
			must(t, c.HSet(ctx, key, field, value).Err())
		}
	}
	for user, due := range g.Due {
		must(t, c.ZAdd(ctx, "bff:o", redis.Z{Score: due, Member: user}).Err())
	}
}

func writeGolden(t *testing.T) {
	t.Helper()
	server := testenv.Redis(t)
	ctx, c := context.Background(), server.Client()
	now := time.Now().Truncate(time.Second).UTC()
	clock := now
	key := vault.NewKey()
	v := open(t, server.URL, ring(key), func(c *vault.Config) { c.Now = func() time.Time { return clock } })
	user := vault.User{
		ID:            "u_golden",
		Provider:      "google",
		Subject:       "1098",
		Name:          "Ada",
		Email:         "ada@example.com",
		EmailVerified: true,
		Picture:       "https://p",
	}
	_, r := signIn(
		t,
		v,
		vault.NewSession{
			User:       user,
			Device:     "Firefox on Linux",
			Connection: goldenConnection(now, vault.KeepSession),
			Handle:     "google/sid",
		},
	)
	s := load(t, v, r)
	if _, err := v.Connections.Link(ctx, s, *goldenConnection(now, vault.KeepUser)); err != nil {
		t.Fatal(err)
	}
	other, err := v.Connections.Link(ctx, s, *google(vault.KeepSession))
	must(t, err)
	must(t, v.Connections.Unlink(ctx, load(t, v, r), other.ID, func(vault.Connection) []byte { return []byte("job") }))
	jobs, err := v.Outbox.Due(ctx, 1, time.Second)
	must(t, err)
	must(t, v.Outbox.Retry(ctx, jobs[0], now))
	must(t, v.WritePreferences(ctx, s, []byte(`{"theme":"dark"}`), ""))
	state, half, err := v.Attempts.Put(ctx, []byte("attempt"), time.Hour)
	must(t, err)
	g := goldenStore{Key: key.Reveal(), Cookie: s.Ticket().Reveal(), State: state, Half: half.Reveal(), Now: now,
		Strings: map[string][]byte{}, Hashes: map[string]map[string][]byte{}, Due: map[string]float64{}, Raw: map[string][]byte{
			"open": v.Seal(
				"kind",
				"owner",
				nil,
				[]byte("plain"),
			), "with a half": v.Seal("kind", "owner", goldenHalf(), []byte("plain"))}}
	for _, key := range c.Keys(ctx, "*").Val() {
		switch c.Type(ctx, key).Val() {
		case "string":
			g.Strings[key] = []byte(c.Get(ctx, key).Val())
		case "hash":
			g.Hashes[key] = map[string][]byte{}
			for field, value := range c.HGetAll(ctx, key).Val() {
				g.Hashes[key][field] = []byte(value)
			}
		case "zset":
			for _, z := range c.ZRangeWithScores(ctx, key, 0, -1).Val() {
				g.Due[z.Member.(string)] = z.Score
			}
		}
	}
	b, err := json.MarshalIndent(g, "", "\t")
	must(t, err)
	must(t, os.MkdirAll("testdata", 0o755))
	must(t, os.WriteFile(goldenPath(), append(b, '\n'), 0o644))
}
