package bench_test

import (
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/demo"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// A process under measurement.
type process struct {
	pid     int
	addr    string
	metrics func() string
	cookie  string                  // of somebody who is signed in
	signIn  func(*testing.B) string // makes a further session; its cookie
}

// calls has n calls made, so that everything is warm.
func (p process) calls(b *testing.B, n int) {
	b.Helper()
	run(b, task{To: p.addr, Path: "/api/items/items", Calls: n, AtOnce: 8, Cookies: cookieFile(b, p.cookie)})
}

// cookieFile writes cookie values for a process that makes load.
func cookieFile(b *testing.B, cookies ...string) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "cookies")
	if err := os.WriteFile(file, []byte(strings.Join(cookies, "\n")), 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

var countersLine = regexp.MustCompile(`(?m)^go_memstats_(mallocs_total|alloc_bytes_total) (\S+)$`)

// allocated is how many objects and bytes the process has allocated.
func (p process) allocated() (objects, bytes float64) {
	for _, m := range countersLine.FindAllStringSubmatch(p.metrics(), -1) {
		n, _ := strconv.ParseFloat(m[2], 64)
		if m[1] == "mallocs_total" {
			objects = n
		} else {
			bytes = n
		}
	}
	return objects, bytes
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is the value that so many of all are below; 0 the least, 1 the most.
func quantile(v []float64, share float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[min(int(share*float64(len(v))), len(v)-1)]
}

// A house is a store and a provider, with the keys and whatever instances of bff stand in front of them.
type house struct {
	store                        *testenv.RedisServer
	issuer, clientID, clientPass string
	approve                      func(url, person string, without ...string) (string, error)
	key                          string
	port                         int // of the next instance

	// left is how long the access token of the i-th of some people is still good; nil: three hours.
	left func(i int) time.Duration
}

func newHouse(b *testing.B) *house {
	b.Helper()
	h := &house{store: testenv.Redis(b), key: testenv.NewKey(b), port: testenv.FreePort(b)}
	d, err := demo.Start(demo.Config{Origin: fmt.Sprintf("http://127.0.0.1:%d", h.port), TokenLifetime: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.Close)
	h.issuer, h.clientID, h.clientPass, h.approve = d.Issuer, d.ClientID, d.ClientSecret, d.Approve
	return h
}

// instance is `bff serve` before these apis, by name. more is further configuration of the session, env further
// environment. The first one has the origin that people sign in at.
func (h *house) instance(b *testing.B, apis map[string]string, more string, env ...string) *testenv.BFFProcess {
	b.Helper()
	var yaml strings.Builder
	fmt.Fprintf(&yaml, `origin: http://127.0.0.1:%d
session:
  store: %s
  keys: [env:BFF_KEY]
  %s
providers:
  demo:
    issuer: %s
    client_id: %s
    client_secret: env:DEMO_SECRET
    scopes: [openid, email]
limits:
  login_per_minute: 100000
  session_concurrency: 100000
apis:
`, h.port, h.store.URL, more, h.issuer, h.clientID)
	for name, to := range apis {
		fmt.Fprintf(&yaml, `  %s:
    provider: demo
    upstream: %s
    allow: [GET /items, POST /sink, GET /source, GET /stream, GET /socket, "GET /{size}"]
  %s-app:
    path: /app/%s
    identity: app
    upstream: %s
    allow: ["GET /{size}"]
`, name, to, name, name, to)
	}
	h.port = testenv.FreePort(b)
	return testenv.BFF(b, yaml.String(), append(env, "DEMO_SECRET="+h.clientPass, "BFF_KEY="+h.key)...)
}

// product is one instance before one API, "items", with somebody signed in.
func product(b *testing.B, api string, cache bool, env ...string) process {
	b.Helper()
	h := newHouse(b)
	p := h.instance(b, map[string]string{"items": api}, fmt.Sprintf("cache: %t", cache), env...)
	signIn := func(b *testing.B) string { return signInAgain(b, p, h.approve) }
	return process{pid: p.PID(), addr: p.Addr, metrics: p.Metrics, signIn: signIn, cookie: signIn(b)}
}

// people writes n sessions into the store, each of a user of its own, as a sign-in with a provider like Google leaves
// them; their cookies.
func (h *house) people(b *testing.B, n int) []string {
	b.Helper()
	v := h.vault(b)
	defer v.Close()
	cookies := make([]string, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				left := tokenLife
				if h.left != nil {
					left = h.left(i)
				}
				cookie, err := person(v, h.issuer, left)
				if err != nil {
					b.Error(err)
					return
				}
				cookies[i] = cookie
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return cookies
}

// vault opens the store beside the instances.
func (h *house) vault(b *testing.B) *vault.Vault {
	b.Helper()
	key, err := vault.ParseKey(h.key)
	if err != nil {
		b.Fatal(err)
	}
	v, err := vault.Open(vault.Config{Store: h.store.URL, Keys: []vault.Key{key}, Prefix: "bff", Cookie: "bff",
		Idle: 30 * time.Minute, Lifetime: 12 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// tokenLife is how long an access token is good.
const tokenLife = 3 * time.Hour

// person makes one session, whose access token is still good for what is left.
func person(v *vault.Vault, issuer string, left time.Duration) (cookie string, err error) {
	r := httptest.NewRequest("GET", "/", nil)
	subject := rand.Text()
	email := "person." + strings.ToLower(subject[:8]) + "@example.com"
	picture := "https://lh3.example.com/a/" + strings.Repeat("p", 60)
	rec, _, err := v.Users.Register(r.Context(), vault.Identity{Provider: "demo", Issuer: issuer, Subject: subject},
		vault.Profile{Name: "Ada Lovelace", Email: email, EmailVerified: true, Picture: picture}, nil)
	if err != nil {
		return "", err
	}
	w := httptest.NewRecorder()
	_, err = v.Sessions.Create(w, r, vault.NewSession{User: rec.User(), Device: "Firefox on Linux",
		Connection: &vault.Connection{
			Provider: "demo", Keep: vault.KeepSession,
			Account: vault.Account{Subject: subject, Email: email, Name: "Ada Lovelace"},
			Scopes:  []string{"openid", "email", "https://www.googleapis.com/auth/calendar.readonly"},
			Tokens: vault.Tokens{Access: secret.New("ya29." + testText(214)), Expiry: time.Now().Add(left),
				ObtainedAt: time.Now().Add(left - tokenLife), Refresh: secret.New("1//" + testText(100))},
		}})
	if err != nil {
		return "", err
	}
	return w.Result().Cookies()[0].Value, nil
}

// testText is n random characters, as opaque tokens have.
func testText(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	return b.String()[:n]
}
