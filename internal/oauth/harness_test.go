package oauth_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// A fleet is several instances over one store and one provider.
type fleet struct {
	t      testing.TB
	g      *rogue
	store  *testenv.RedisServer
	key    vault.Key
	change func(*providers.Config)
}

// An instance is a vault and a broker, as one process has them.
type instance struct {
	*oauth.Broker
	vault *vault.Vault
	logs  *logs
	shift time.Duration // of its clock
	mu    sync.Mutex
	count map[string]int // outcomes
}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	return &fleet{t: t, g: newRogue(t), store: testenv.Redis(t), key: vault.NewKey()}
}

func (f *fleet) provider() providers.Config {
	p := providers.Config{
		Name:   "rogue",
		Issuer: f.g.URL,
		Client: providers.Client{ID: "client", Secret: secret.New("sec:ret +")},
		Scopes: []string{"openid", "email", "profile"},
	}
	if f.change != nil {
		f.change(&p)
	}
	return p
}

// start starts an instance whose clock is off by shift.
func (f *fleet) start(shift time.Duration, change ...func(*oauth.Config)) *instance {
	f.t.Helper()
	i := &instance{shift: shift, count: map[string]int{}, logs: &logs{}}
	v, err := vault.Open(
		vault.Config{
			Store:    f.store.URL,
			Keys:     []vault.Key{f.key},
			Prefix:   "bff",
			Cookie:   "bff",
			Idle:     time.Hour,
			Lifetime: 12 * time.Hour,
			Now:      i.now,
		},
	)
	if err != nil {
		f.t.Fatal(err)
	}
	i.vault = v
	cfg := oauth.Config{
		Providers: []providers.Config{f.provider()},
		Vault:     v,
		Origin:    "http://localhost:8080",
		Now:       i.now,
		Patience:  30 * time.Second,
		Log:       slog.New(slog.NewTextHandler(i.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	cfg.OnRefresh = func(_ context.Context, _, outcome string, _ time.Duration) { i.note(outcome) }
	cfg.OnRevocation = func(_, outcome string) { i.note("revocation " + outcome) }
	for _, c := range change {
		c(&cfg)
	}
	if i.Broker, err = oauth.New(cfg); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = i.Drain(ctx)
		_ = v.Close()
	})
	return i
}

func (i *instance) now() time.Time { return time.Now().Add(i.shift) }

func (i *instance) note(what string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count[what]++
}

func (i *instance) noted(what string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count[what]
}

// signIn makes a session with one connection whose access token has so long to live.
func (f *fleet) signIn(i *instance, left time.Duration, change ...func(*vault.Connection)) *vault.Session {
	f.t.Helper()
	access, refresh := f.g.grant()
	c := &vault.Connection{
		Provider: "rogue",
		Keep:     vault.KeepSession,
		Account:  vault.Account{Subject: "1"},
		Scopes:   []string{"openid"},
		Tokens: vault.Tokens{
			Access:     secret.New(access),
			Refresh:    secret.New(refresh),
			ObtainedAt: i.now().Add(left - time.Hour),
			Expiry:     i.now().Add(left),
		},
	}
	for _, ch := range change {
		ch(c)
	}
	u := vault.User{ID: vault.UserID("rogue", f.g.URL, "1"), Provider: "rogue", Subject: "1"}
	s, err := i.vault.Sessions.Create(
		httptest.NewRecorder(),
		httptest.NewRequest("GET", "/", nil),
		vault.NewSession{User: u, Connection: c},
	)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// read reads the session's connection as a call would, on any instance.
func (i *instance) read(t testing.TB, s *vault.Session) vault.Connection {
	t.Helper()
	got, err := i.vault.Sessions.LoadTicket(context.Background(), s.Ticket())
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if len(got.Connections) != 1 {
		t.Fatalf("the session has %d connections", len(got.Connections))
	}
	return got.Connections[0]
}

// logs keeps what was logged.
type logs struct {
	mu sync.Mutex
	b  []byte
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
	return len(b), nil
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

func kind(t testing.TB, err error, want oauth.Kind) {
	t.Helper()
	if oauth.KindOf(err) != want {
		t.Fatalf("the error is %v, kind %d, and not of kind %d", err, oauth.KindOf(err), want)
	}
}

func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	testenv.Eventually(t, "it comes to be", ok)
}

// connectionOf is a connection as somebody read it.
func connectionOf(provider string, scopes []string) vault.Connection {
	return vault.Connection{Provider: provider, Status: vault.StatusActive, Scopes: scopes}
}
