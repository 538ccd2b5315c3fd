package vault_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bff/internal/secret"
	"bff/internal/vault"
)

// place is where a sealed value belongs, as a test draws one.
type place struct {
	Kind, Owner string
	Half        *[32]byte
}

func drawPlace(t *rapid.T, label string) place {
	p := place{
		Kind: rapid.SampledFrom([]string{"session", "connection", "attempt", "index", "preferences", "job", "handle", ""}).
			Draw(t, label+" kind"),
		Owner: rapid.StringMatching(`[a-z./]{0,6}`).Draw(t, label+" owner"),
	}
	if rapid.Bool().Draw(t, label+" with a half") {
		p.Half = (*[32]byte)(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, label+" half"))
	}
	return p
}

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	key, newer := vault.NewKey(), vault.NewKey()
	v, turned, stranger := open(
		t,
		"memory:",
		ring(key),
	), open(
		t,
		"memory:",
		ring(newer, key),
	), open(
		t,
		"memory:",
		ring(newer),
	)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		here, there := drawPlace(t, "here"), drawPlace(t, "there")
		value := v.Seal(here.Kind, here.Owner, here.Half, plain)
		for name, v := range map[string]*vault.Vault{"the same ring": v, "a ring that was turned": turned} {
			if got, err := v.Open(here.Kind, here.Owner, here.Half, value); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%s: %q %v", name, got, err)
			}
			if got, err := v.Open(there.Kind, there.Owner, there.Half, value); err == nil && !cmp.Equal(here, there) {
				t.Fatalf("%s: %+v opened at %+v: %q", name, here, there, got)
			}
		}
		if _, err := stranger.Open(here.Kind, here.Owner, here.Half, value); err == nil {
			t.Fatal("opened without the key")
		}
		if again := v.Seal(here.Kind, here.Owner, here.Half, plain); bytes.Equal(again[:16], value[:16]) ||
			bytes.Equal(again[21:45], value[21:45]) {
			t.Fatal("two sealings share a version or a salt")
		}
		i := rapid.IntRange(0, len(value)-1).Draw(t, "byte")
		bent := bytes.Clone(value)
		bent[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if _, err := v.Open(here.Kind, here.Owner, here.Half, bent); err == nil {
			t.Fatalf("opened, bent at byte %d", i)
		}
	})
}

func TestAConnectionComesBackAsItWasWritten(t *testing.T) {
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		ms := rapid.Int64Range(0, 1<<42).Draw(t, "ms")
		if ms == 0 {
			return time.Time{}
		}
		return time.UnixMilli(ms).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		c := vault.Connection{
			ID:       text.Draw(t, "id"),
			Provider: text.Draw(t, "provider"),
			Keep:     vault.Keep(text.Draw(t, "keep")),
			Account: vault.Account{
				Subject: text.Draw(t, "subject"),
				Email:   text.Draw(t, "email"),
				Name:    text.Draw(t, "name"),
			},
			Status:      text.Draw(t, "status"),
			Reason:      text.Draw(t, "reason"),
			ConnectedAt: instant.Draw(t, "connected"),
			UsedAt:      instant.Draw(t, "used"),
			Tokens: vault.Tokens{
				Access:        secret.New(text.Draw(t, "access")),
				Refresh:       secret.New(text.Draw(t, "refresh")),
				ObtainedAt:    instant.Draw(t, "obtained"),
				Expiry:        instant.Draw(t, "expiry"),
				RefreshExpiry: instant.Draw(t, "refresh expiry"),
			},
		}
		if scopes := rapid.SliceOf(text).Draw(t, "scopes"); len(scopes) > 0 {
			c.Scopes = scopes
		}
		got, err := c.Record()
		if err != nil {
			t.Fatal(err)
		}
		secrets := cmp.Comparer(func(a, b secret.Text) bool { return a.Reveal() == b.Reveal() })
		if diff := cmp.Diff(c, got, secrets, cmp.FilterPath(func(p cmp.Path) bool {
			f, ok := p.Last().(cmp.StructField)
			return ok && strings.ToLower(f.Name()[:1]) == f.Name()[:1]
		}, cmp.Ignore())); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzOpen: whatever stands in the store is opened or refused, and only what was sealed opens.
func FuzzOpen(f *testing.F) {
	v := open(f, "memory:")
	value := v.Seal("session", "owner", nil, []byte("plain"))
	for _, seed := range [][]byte{nil, value, value[:45], value[:60], bytes.Repeat([]byte{1}, 61), append(bytes.Clone(value), 0), []byte("ended")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := v.Open("session", "owner", nil, b); err == nil &&
			(string(plain) != "plain" || !bytes.Equal(b, value)) {
			t.Fatalf("%x opened as %q", b, plain)
		}
		vault.Decode(b)
	})
}

// FuzzTicket: a cookie's value has one spelling, and everything else is refused.
func FuzzTicket(f *testing.F) {
	v := open(f, "memory:")
	s, _ := signIn(f, v, vault.NewSession{})
	good := s.Ticket().Reveal()
	for _, seed := range []string{good, "", good[:85], good + "A", good + "=", good[:85] + "B", strings.Repeat("A", 86), strings.Repeat("\n", 86),
		good[:40] + "\r" + good[41:], "é" + good[2:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		again, owner, half, ok := vault.Ticket(cookie)
		if ok && (again != cookie || owner == "" || half == nil || len(cookie) != 86) {
			t.Fatalf("%q is also %q", cookie, again)
		}
		if !ok && cookie == good {
			t.Fatal("a good one was refused")
		}
	})
}

// FuzzParseStore: a store's URL is read or refused, and the refusal repeats nothing of it: it may hold a password.
func FuzzParseStore(f *testing.F) {
	for url := range storeURLs {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		err := vault.ParseStore(url)
		if err == nil {
			return
		}
		words := strings.FieldsFunc(url, func(r rune) bool { return strings.ContainsRune(":/@?,&=", r) })
		for _, word := range words {
			if utf8.RuneCountInString(word) > 6 && strings.Contains(err.Error(), word) && !strings.Contains(refusal(), word) {
				t.Fatalf("the refusal of %q says %q", url, err)
			}
		}
	})
}

// refusal is what the fixed text is anyway.
func refusal() string { return vault.ParseStore("").Error() + "; the master's name is missing" }

// storeURLs are stores, and whether they are.
var storeURLs = map[string]bool{
	"redis://127.0.0.1:6379/0": true, "redis://localhost": true, "redis://user:secretpassword@h:1/2": true,
	"redis://:secretpassword@h": true, "rediss://h:6380": true, "redis://[::1]:6379": true,
	"unix:///run/redis.sock": true, "unix://user:secretpassword@/run/redis.sock?db=2": true, "memory:": true,
	"redis+sentinel://h1,h2/master/0": true, "redis+sentinel://h1:1,h2:2/master": true,
	"rediss+sentinel://u:secretpassword@h1,h2/m/3?sentinel_username=a&sentinel_password=secretpassword": true,
	"redis+sentinel://[::1],[::1]:26380/m": true, "redis+cluster://h1,h2": true,
	"redis+cluster://h1:7000,h2:7001,h3:7002": true, "rediss+cluster://:secretpassword@h1/0": true,

	"": false, "memory": false, "memory://": false, "redis": false, "redis:": false, "h:6379": false, "http://h": false,
	"postgres://u:secretpassword@h": false, "redis://h/x": false, "redis://h/-1": false, "redis://h?pool_size=9": false,
	"redis://h?nonsense=secretpassword": false, "redis://u:secretpassword@h:port": false,
	"redis+sentinel://h1,h2": false, "redis+sentinel://h1,h2/": false, "redis+sentinel://h1/m/x": false,
	"redis+sentinel://h1/m/-1": false, "redis+sentinel://,/m": false, "redis+sentinel://h1:0/m": false,
	"redis+sentinel://h1:99999/m": false, "redis+sentinel://h1:x/m": false, "redis+sentinel://h 1/m": false,
	"redis+sentinel:///m": false, "redis+sentinel://h1/m?sentinel_passwort=secretpassword": false,
	"redis+sentinel://u:%zz@h1/m": false, "redis+cluster://": false, "redis+cluster://h1/1": false,
	"redis+cluster://h1/m/0": false, "redis+cluster://h1?sentinel_password=secretpassword": false,
	"redis+cluster://h1?%zz": false, "redis+cluster://a@b@h": true,
}

func TestParseStore(t *testing.T) {
	for url, want := range storeURLs {
		if err := vault.ParseStore(url); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		} else if err != nil && strings.Contains(err.Error(), "secretpassword") {
			t.Errorf("%q: the refusal holds the password", url)
		}
	}
}
