package webhook_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/webhook"
)

func key(t *testing.T, text string) webhook.Key {
	t.Helper()
	k, err := webhook.ParseKey(secret.New(text))
	if err != nil {
		t.Fatalf("the key is refused: %v", err)
	}
	return k
}

var encoded = "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))

func TestKeysOfFewerThan24BytesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                             "",
		"a short string":                      "hunter2",
		"a string of 23 bytes":                strings.Repeat("x", 23),
		"the prefix alone":                    "whsec_",
		"23 bytes in base64":                  "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 23))),
		"no base64 behind the prefix":         "whsec_" + strings.Repeat("!", 40),
		"base64 with a line break in between": "whsec_ " + strings.Repeat("A", 40),
	} {
		_, err := webhook.ParseKey(secret.New(text))
		if err == nil {
			t.Errorf("%s is taken as a key", name)
		} else if len(text) > 6 && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error quotes the secret", name)
		}
	}
	for name, text := range map[string]string{
		"24 bytes in base64":          encoded,
		"24 bytes in unpadded base64": "whsec_" + base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("k", 25))),
		"any string of 24 bytes":      strings.Repeat("x", 24),
	} {
		if _, err := webhook.ParseKey(secret.New(text)); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
}

// The example of the specification's reference implementations.
func TestSignatureIsThatOfTheSpecification(t *testing.T) {
	k := key(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	h, err := k.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Get(webhook.HeaderSignature); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("the signature is %s", got)
	}
	if h.Get(webhook.HeaderTimestamp) != "1614265330" {
		t.Errorf("the time is %s", h.Get(webhook.HeaderTimestamp))
	}
}

func TestVerifyRefusesWhatThisKeyDidNotSignNow(t *testing.T) {
	k, other := key(t, encoded), key(t, strings.Repeat("o", 30))
	body := []byte(`{"type":"user.created"}`)
	signed := func(k webhook.Key, at time.Time) http.Header {
		h, err := k.Sign("msg_1", at, body)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if err := k.Verify(signed(k, time.Now()), body); err != nil {
		t.Fatalf("a signed message is refused: %v", err)
	}
	without := func(name string) http.Header { h := signed(k, time.Now()); h.Del(name); return h }
	with := func(name, value string) http.Header { h := signed(k, time.Now()); h.Set(name, value); return h }
	for name, row := range map[string]struct {
		header http.Header
		body   string
	}{
		"another key signed it":     {signed(other, time.Now()), string(body)},
		"the body was changed":      {signed(k, time.Now()), `{"type":"user.erased"}`},
		"it was signed an hour ago": {signed(k, time.Now().Add(-time.Hour)), string(body)},
		"it is from the future":     {signed(k, time.Now().Add(time.Hour)), string(body)},
		"its id was changed":        {with(webhook.HeaderID, "msg_2"), string(body)},
		"its time was changed":      {with(webhook.HeaderTimestamp, fmt.Sprint(time.Now().Unix()+1)), string(body)},
		"it has no id":              {without(webhook.HeaderID), string(body)},
		"it has no time":            {without(webhook.HeaderTimestamp), string(body)},
		"it has no signature":       {without(webhook.HeaderSignature), string(body)},
		"its signature is empty":    {with(webhook.HeaderSignature, "v1,"), string(body)},
	} {
		if err := k.Verify(row.header, []byte(row.body)); !errors.Is(err, webhook.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (webhook.Key{}).Verify(signed(k, time.Now()), body); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("the zero key verifies: %v", err)
	}
	if _, err := (webhook.Key{}).Sign("msg_1", time.Now(), body); err == nil {
		t.Error("the zero key signs")
	}
}

func TestAddressesThatAreNotEncryptedOrHoldCredentialsAreRefused(t *testing.T) {
	for name, address := range map[string]string{
		"http elsewhere":                   "http://app.internal/hook",
		"http to a name like loopback":     "http://localhost.evil.example/hook",
		"http to an address like loopback": "http://127.0.0.1.evil.example/",
		"no scheme":                        "app.internal/hook",
		"a path":                           "/hook",
		"another scheme":                   "ftp://app.internal/",
		"a file":                           "file:///etc/passwd",
		"no host":                          "https:///hook",
		"a port without a host":            "https://:443/hook",
		"user and password":                "https://me:pw@app.internal/",
		"a fragment":                       "https://app.internal/#x",
		"nothing":                          "",
	} {
		if webhook.CheckURL(address, false) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, address := range []string{"https://app.internal/hook?tenant=1", "http://127.0.0.1:3000/", "http://[::1]/",
		"http://localhost:3000/x"} {
		if err := webhook.CheckURL(address, false); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := webhook.CheckURL("http://app.internal/hook", true); err != nil {
		t.Errorf("insecure: %v", err)
	}
}

func TestSendDeliversASignedMessage(t *testing.T) {
	k := key(t, encoded)
	var seen atomic.Pointer[http.Request]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // bounded by the test
		if k.Verify(r.Header, body) != nil || string(body) != `{"a":1}` {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		seen.Store(r)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "later")
	}))
	defer srv.Close()
	sender := webhook.NewSender(webhook.Transport(), nil)
	got, err := sender.Send(
		t.Context(),
		webhook.Endpoint{URL: srv.URL, Key: k},
		webhook.Message{ID: "msg_1", Body: []byte(`{"a":1}`)},
	)
	if err != nil || got.Status != 429 || string(got.Body) != "later" || got.RetryAfter != 7*time.Second {
		t.Fatalf("%+v, %v", got, err)
	}
	r := seen.Load()
	if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != "msg_1" {
		t.Errorf("%s %v", r.Method, r.Header)
	}
}

// A program may be down, slow, endless, broken or lead elsewhere: each has a bound, and no error repeats the address.
func TestSendIsBoundedWhateverTheProgramDoes(t *testing.T) {
	released := make(chan struct{})
	elsewhere := atomic.Int32{}
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer trap.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-released:
		}
	})
	mux.HandleFunc("/drips", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-time.After(10 * time.Millisecond):
			case <-released:
				return
			}
		}
	})
	mux.HandleFunc(
		"/huge",
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, webhook.MaxAnswer+1)) },
	)
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc(
		"/headers",
		func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Big", strings.Repeat("x", 1<<20)) },
	)
	mux.HandleFunc("/breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/redirects", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, trap.URL, http.StatusTemporaryRedirect)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer close(released)

	sender := webhook.NewSender(webhook.Transport(), nil)
	send := func(address string) (webhook.Answer, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return sender.Send(ctx, webhook.Endpoint{URL: address, Key: key(t, encoded), Timeout: 300 * time.Millisecond},
			webhook.Message{ID: "msg_1", Body: []byte("{}")})
	}
	for name, row := range map[string]struct {
		address string
		want    error
	}{
		"it does not answer":           {srv.URL + "/silent", webhook.ErrNoAnswer},
		"its answer never ends":        {srv.URL + "/drips", webhook.ErrNoAnswer},
		"its answer is too large":      {srv.URL + "/huge", webhook.ErrTooLarge},
		"it pours without an end":      {srv.URL + "/endless", webhook.ErrTooLarge},
		"its headers are too large":    {srv.URL + "/headers", webhook.ErrNoAnswer},
		"it breaks off":                {srv.URL + "/breaks", webhook.ErrNoAnswer},
		"nobody listens":               {"http://127.0.0.1:1/", webhook.ErrNoAnswer},
		"the address does not parse":   {"http://127.0.0.1:x/", webhook.ErrNoAnswer},
		"the scheme is not of the web": {"ftp://127.0.0.1/", webhook.ErrNoAnswer},
	} {
		_, err := send(row.address + "?credential=xyzzy")
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "xyzzy") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: the error repeats the address: %v", name, err)
		}
	}
	if got, err := send(srv.URL + "/redirects"); err != nil || got.Status != http.StatusTemporaryRedirect ||
		elsewhere.Load() != 0 {
		t.Errorf("a redirect: %+v, %v, followed %d times", got, err, elsewhere.Load())
	}
}

func TestAKeyPrintsNothing(t *testing.T) {
	raw := strings.Repeat("s3cr3t-", 5)
	k := key(t, raw)
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k),
		fmt.Sprintf("%+v", webhook.Endpoint{Key: k})} {
		if strings.Contains(text, "s3cr3t") {
			t.Errorf("%s", text)
		}
	}
}
