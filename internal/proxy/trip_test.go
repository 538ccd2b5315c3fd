package proxy_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/proxy"
	"bff/internal/secret"
)

const ticket = "dGlja2V0LW9mLWEtc2Vzc2lvbi10aGF0LWlzLTY0LWJ5dGVzLWxvbmctYW5kLW5vYm9keS1rbm93cy1pdC1hdC1hbGw"

// wired is a rig with all three secrets, a counter and a log.
func wired(t testing.TB, h http.HandlerFunc) (*rig, *atomic.Int32, *bytes.Buffer) {
	var trips atomic.Int32
	var log bytes.Buffer
	r := newRig(t, h, func(c *proxy.Config) {
		c.Log, c.OnTrip = slog.New(slog.NewTextHandler(&log,
			&slog.HandlerOptions{Level: slog.LevelDebug})), func(string) { trips.Add(1) }
	})
	r.set(func(c *proxy.Caller) {
		c.Secrets = []secret.Text{secret.New(refresh), secret.New(ticket)}
	})
	return r, &trips, &log
}

// forms are the ways an upstream may echo a secret.
func forms(s string) map[string]string {
	enc := base64.StdEncoding
	return map[string]string{
		"as it is":                  s,
		"base64":                    enc.EncodeToString([]byte(s)),
		"base64 behind one byte":    enc.EncodeToString([]byte("x" + s)),
		"base64 behind two bytes":   enc.EncodeToString([]byte("xy" + s)),
		"base64 of Basic":           enc.EncodeToString([]byte("user:" + s)),
		"base64url":                 base64.RawURLEncoding.EncodeToString([]byte(s)),
		"hex":                       hex.EncodeToString([]byte(s)),
		"hex in upper case":         strings.ToUpper(hex.EncodeToString([]byte(s))),
		"percent":                   url.QueryEscape(s),
		"percent of a path":         url.PathEscape(s),
		"percent in lower case":     strings.ReplaceAll(url.QueryEscape(s), "%2F", "%2f"),
		"JSON with escaped slashes": strings.ReplaceAll(s, "/", `\/`),
	}
}

// leaks says whether a piece of 20 bytes of what must not be read can be read.
func leaks(got, secret string) bool {
	for i := 0; i+20 <= len(secret); i++ {
		if strings.Contains(got, secret[i:i+20]) {
			return true
		}
	}
	return false
}

func TestAnEchoedSecretIsMasked(t *testing.T) {
	var header, body string
	var flush int
	r, trips, log := wired(t, func(w http.ResponseWriter, req *http.Request) {
		a := answerer{header: http.Header{"X-Echo": {header}, "Trailer": {"X-Late"}}, body: []byte(body), flush: flush}
		a.ServeHTTP(w, req)
		w.Header().Set("X-Late", header)
	})
	for _, secret := range []string{token, refresh, ticket} {
		for name, echo := range forms(secret) {
			for _, flush = range []int{0, 1, 5, 16, 64} {
				trips.Store(0)
				header = "v=" + echo + ";"
				body = strings.Repeat("before ", 40) + echo + " between " + echo + strings.Repeat(" after", 40)
				res := r.do("GET", "/api/x/a", nil)
				got := text(t, res)
				if len(got) != len(body) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got,
					" after") || !strings.Contains(got, " between ") {
					t.Fatalf("%s, flushed every %d bytes: what stands around it changed: %q", name, flush, got)
				}
				for where, s := range map[string]string{"header": res.Header.Get("X-Echo"), "body": got,
					"trailer": res.Trailer.Get("X-Late")} {
					if leaks(s, echo) {
						t.Errorf("%s, flushed every %d bytes: %s holds it: %q", name, flush, where, s)
					}
				}
				if trips.Load() != 1 {
					t.Errorf("%s: counted %d times", name, trips.Load())
				}
			}
		}
	}
	if leaks(log.String(), token) || !strings.Contains(log.String(), "upstream echoed a secret") {
		t.Errorf("log: %.200q", log)
	}
}

func TestWhatIsNoSecretIsNotTouched(t *testing.T) {
	body := []byte(token[:len(token)-1] + "x" + token[1:] + strings.Repeat("ya29.a0AfB_byC-",
		20) + "0171" + ticket[:80] + " 1//0g")
	var flush int
	r, trips, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
		(&answerer{body: body, flush: flush}).ServeHTTP(w, req)
	})
	for _, flush = range []int{0, 1, 3, 17} {
		if got := text(t, r.do("GET", "/api/x/a", nil)); got != string(body) || trips.Load() != 0 {
			t.Errorf("flushed every %d bytes: %d trips, %q", flush, trips.Load(), got)
		}
	}
}

// What cannot be part of a secret is never held back: an interactive stream would hang.
func TestTheTripwireHoldsNothingBackThatIsNoBeginningOfASecret(t *testing.T) {
	step := make(chan string)
	r, _, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
		for s := range step {
			_, _ = io.WriteString(w, s)
			_ = http.NewResponseController(w).Flush()
		}
	})
	go func() { step <- "hello " }()
	res := r.do("GET", "/api/x/a", nil)
	read := func(want string) {
		t.Helper()
		b := make([]byte, len(want))
		if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != want {
			t.Fatalf("%q, %v; want %q", b, err, want)
		}
	}
	read("hello ")
	for _, s := range []string{"ya29", "y", token[:7], " 1//0g", "\n", "data: x\n\n"} {
		step <- s
		read(s)
	}
	step <- token[:30]
	step <- token[30:]
	close(step)
	read(strings.Repeat("*", len(token)))
}

func TestARefusalThatEchoesTheTokenIsMaskedToo(t *testing.T) {
	r, trips, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="a b"`)
		w.WriteHeader(403)
		fmt.Fprintf(w, `{"you_sent":%q}`, req.Header.Get("Authorization"))
	})
	r.do("GET", "/api/x/a", nil)
	challenge := challengeFrom(t, r.err())
	if leaks(string(challenge.Body), token) || trips.Load() != 1 || !strings.Contains(string(challenge.Body),
		"you_sent") {
		t.Errorf("%d trips, %s", trips.Load(), challenge.Body)
	}
}
