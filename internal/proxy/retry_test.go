package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/testenv"
)

func challengeFrom(t *testing.T, err error) *proxy.ScopeChallenge {
	t.Helper()
	var c *proxy.ScopeChallenge
	if !errors.As(err, &c) {
		t.Fatalf("no challenge, but %v", err)
	}
	return c
}

// renewing makes the rig renew its token once to "token-2…" and counts.
const second = "token-2-0123456789abcdefghijklmnop"

func (r *rig) renewing(err error) *atomic.Int32 {
	var n atomic.Int32
	r.set(func(c *proxy.Caller) {
		c.Renew = func(context.Context) (proxy.Credential, error) {
			n.Add(1)
			if err != nil {
				return nil, err
			}
			return r.mount.Token(secret.New(second)), nil
		}
	})
	return &n
}

// refusing answers 401 to the first token.
func refusing(challenge string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") == "Bearer "+second {
			then(w, req)
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		w.WriteHeader(401)
		_, _ = io.WriteString(w, "bad credentials")
	}
}

func TestA401ThatMeansTheTokenIsTriedOnceMore(t *testing.T) {
	big := strings.Repeat("0123456789", 10<<10)
	for _, row := range []struct {
		name, challenge, method, body string
		renewed                       int32
		status                        int
	}{
		{"invalid_token", `Bearer realm="x", error="invalid_token", error_description="a, b"`, "GET", "", 1, 200},
		{"no reason given", `Bearer realm="x"`, "GET", "", 1, 200},
		{"no challenge at all, as GitHub does", "", "DELETE", "", 1, 200},
		{"another scheme", `Basic realm="x"`, "GET", "", 1, 200},
		{"a body that was kept", `Bearer error="invalid_token"`, "POST", "small", 1, 200},
		{"a body of exactly the limit", `Bearer error="invalid_token"`, "PUT", big[:64<<10], 1, 200},
		{"a body that is too large to keep: the token is renewed, the answer stays", `Bearer error="invalid_token"`,
			"POST", big, 1, 401},
		{"another reason", `Bearer error="invalid_request"`, "GET", "", 0, 401},
		{"a reason of the provider's own", `Bearer error="insufficient_claims", claims="e30="`, "GET", "", 0, 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, refusing(row.challenge, func(w http.ResponseWriter, req *http.Request) {
				body, _ := io.ReadAll(req.Body)
				fmt.Fprintf(w, "%s %d %v", req.Method, len(body), string(body) == row.body)
			}))
			n := r.renewing(nil)
			for _, chunked := range []bool{false, true} {
				n.Store(0)
				var body io.Reader
				if row.body != "" {
					body = strings.NewReader(row.body)
				}
				if chunked && body != nil {
					body = struct{ io.Reader }{body}
				}
				res := r.do(row.method, "/api/x/a", body)
				got := text(t, res)
				if res.StatusCode != row.status || n.Load() != row.renewed {
					t.Errorf("%d %q, renewed %d times", res.StatusCode, got, n.Load())
				}
				if want := fmt.Sprintf("%s %d true", row.method, len(row.body)); row.status == 200 && got != want {
					t.Errorf("%q, want %q", got, want)
				}
				if row.status == 401 && got != "bad credentials" {
					t.Errorf("the upstream's own body is gone: %q", got)
				}
			}
		})
	}
}

func TestAnEarly401NeedsNoneOfTheBodyYetUnread(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if calls.Add(1) == 1 { // without reading, as a server does that checks the header first
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.Header().Set("Connection", "close")
			w.WriteHeader(401)
			return
		}
		body, _ := io.ReadAll(req.Body)
		fmt.Fprint(w, string(body))
	})
	renewed := make(chan struct{})
	r.set(func(c *proxy.Caller) {
		c.Renew = func(context.Context) (proxy.Credential, error) {
			close(renewed)
			return r.mount.Token(secret.New(second)), nil
		}
	})
	in, out := io.Pipe()
	go func() {
		_, _ = io.WriteString(out, "first ")
		testenv.Receive(t, "the renewal", renewed) // the rest is written when the token was renewed
		_, _ = io.WriteString(out, "second")
		_ = out.Close()
	}()
	if got := text(t, r.do("POST", "/api/x/a", in)); got != "first second" {
		t.Errorf("%q", got)
	}
}

// A client that says the next thing only after it was answered is answered: the second sending begins with what was
// kept, while the first still waits for the client.
func TestASecondSendingDoesNotWaitForTheClient(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Connection", "close")
		if calls.Add(1) == 1 {
			expect(t, req.Body, "piece ")
			w.WriteHeader(401)
			return
		}
		for buf := make([]byte, 6); ; {
			if _, err := io.ReadFull(req.Body, buf); err != nil {
				return
			}
			_, _ = w.Write(bytes.ToUpper(buf))
			_ = rc.Flush()
		}
	})
	r.renewing(nil)
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /api/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\npiece ")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, res.Body, "PIECE ")
	for range 2 {
		_, _ = io.WriteString(conn, "other ")
		expect(t, res.Body, "OTHER ")
	}
}

func TestACallIsRetriedWithANewTokenOnce(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(401) })
	n := r.renewing(nil)
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != 401 || n.Load() != 1 || len(r.lines()) != 2 ||
		r.err() != nil {
		t.Errorf("%d, renewed %d times, %v", res.StatusCode, n.Load(), r.err())
	}
	r.set(func(c *proxy.Caller) { c.Credential = r.mount.Token(secret.New(second)) })
	r.lines()
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != 401 || len(r.lines()) != 1 {
		t.Errorf("the same token was sent twice: %d", res.StatusCode)
	}
}

func TestA403IsNeverTriedAgain(t *testing.T) {
	for _, challenge := range []string{"", `Bearer error="invalid_token"`, `Bearer error="insufficient_scope"`} {
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(403)
		})
		n := r.renewing(nil)
		r.do("GET", "/api/x/a", nil)
		if n.Load() != 0 || len(r.lines()) != 1 {
			t.Errorf("%q: renewed %d times", challenge, n.Load())
		}
	}
}

func TestARenewalThatFailsIsTheAnswer(t *testing.T) {
	r := newRig(t, refusing("", nil))
	own := errors.New("the provider is down")
	r.renewing(own)
	r.do("GET", "/api/x/a", nil)
	if !errors.Is(r.err(), own) {
		t.Errorf("%v", r.err())
	}
}

func TestTheOldTokenIsWatchedForAfterARenewal(t *testing.T) {
	answer := refusing("", func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, token, " ", second) })
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(103) // by this the tripwire is set, for the first token
		answer(w, req)
	})
	r.renewing(nil)
	if got := text(t, r.do("GET", "/api/x/a", nil)); leaks(got, token) || leaks(got, second) {
		t.Errorf("%q", got)
	}
}

func TestAWishForMoreScopesIsNoRefusedToken(t *testing.T) {
	legacy := `{"error":{"code":403,"errors":[{"domain":"global","reason":"insufficientPermissions","message":"Insufficient Permission"}]}}`
	newer := `{"error":{"code":403,"status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`
	for _, row := range []struct {
		name, challenge, body, encoding string
		status                          int
		found                           bool
		scopes                          string
	}{
		{"RFC 6750", `Bearer realm="x", error="insufficient_scope", scope="a b"`, "{}", "", 403, true, "a b"},
		{"RFC 6750 with 401", `Bearer error=insufficient_scope,scope=a`, "", "", 401, true, "a"},
		{"RFC 9470", `Bearer error="insufficient_user_authentication", acr_values="myACR", max_age="5"`, "", "", 401,
			true, ""},
		{"a second challenge", `Basic realm="a, error=\"x\"", Bearer error="insufficient_scope"`, "", "", 403, true,
			""},
		{"Google's older words", "", legacy, "", 403, true, ""},
		{"Google's newer words", "", newer, "", 403, true, ""},
		{"Google's words in gzip", "", newer, "gzip", 403, true, ""},
		{"a quota", "", `{"error":{"code":403,"errors":[{"reason":"userRateLimitExceeded"}]}}`, "", 403, false, ""},
		{"a file that is not the user's", "",
			`{"error":{"errors":[{"reason":"insufficientFilePermissions"}],"message":"insufficientPermissions"}}`, "", 403, false, ""},
		{"the word somewhere else", "", `{"note":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}`, "", 403, false, ""},
		{"the word in what is no JSON", "", `insufficientPermissions`, "", 403, false, ""},
		{"another status", `Bearer error="insufficient_scope"`, legacy, "", 400, false, ""},
		{"a reason in a description", `Bearer error_description="insufficient_scope"`, "", "", 403, false, ""},
		{"more than is read", "", `{"x":"` + strings.Repeat("a",
			100<<10) + `","error":{"errors":[{"reason":"insufficientPermissions"}]}}`, "", 403, false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			body := []byte(row.body)
			if row.encoding == "gzip" {
				body = gz(body)
			}
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Content-Type", "application/json; charset=UTF-8")
				if row.challenge != "" {
					w.Header().Set("WWW-Authenticate", row.challenge)
				}
				if row.encoding != "" {
					w.Header().Set("Content-Encoding", row.encoding)
				}
				w.WriteHeader(row.status)
				_, _ = w.Write(body)
			})
			res := r.do("GET", "/api/x/a", nil)
			got := text(t, res)
			if !row.found {
				if r.err() != nil || res.StatusCode != row.status || !bytes.Equal([]byte(got),
					body) || res.Header.Get("BFF-Error") != "" {
					t.Errorf("the upstream's own error did not pass: %d %.80q %v", res.StatusCode, got, r.err())
				}
				return
			}
			c := challengeFrom(t, r.err())
			if c.Status != row.status || strings.Join(c.Scopes, " ") != row.scopes || string(c.Body) != row.body {
				t.Errorf("%+v", c)
			}
			if strings.Contains(row.name, "9470") && (c.ACRValues != "myACR" || c.MaxAge != "5") {
				t.Errorf("%+v", c)
			}
		})
	}
}
