package users_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/users"
	"bff/internal/webhook"
)

// A hookServer is the operator's program. It misbehaves on request.
type hookServer struct {
	t   testing.TB
	srv *httptest.Server
	key webhook.Key

	mu     sync.Mutex
	answer http.HandlerFunc
	asked  [][]byte
}

func newHook(t testing.TB) *hookServer {
	key, err := webhook.ParseKey(secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	if err != nil {
		t.Fatal(err)
	}
	h := &hookServer{t: t, key: key}
	h.says(http.StatusOK, `{}`)
	h.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err := key.Verify(r.Header, body); err != nil {
			t.Errorf("a question is not signed: %v", err)
		}
		h.mu.Lock()
		h.asked = append(h.asked, body)
		answer := h.answer
		h.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(h.srv.Close)
	return h
}

func (h *hookServer) does(f http.HandlerFunc) { h.mu.Lock(); h.answer = f; h.mu.Unlock() }

func (h *hookServer) says(status int, body string) {
	h.does(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (h *hookServer) questions() [][]byte { h.mu.Lock(); defer h.mu.Unlock(); return h.asked }

func (h *hookServer) hook(required bool) *users.Hook {
	return &users.Hook{Required: required, Sender: webhook.NewSender(webhook.Transport(), nil),
		Endpoint: webhook.Endpoint{URL: h.srv.URL, Key: h.key, Timeout: 300 * time.Millisecond}}
}

func TestTheHookIsAskedWhoSignsIn(t *testing.T) {
	h := newHook(t)
	h.says(
		200,
		`{"id": "42", "rights": ["editor", "editor", "author"], "data": {"plan": "pro", "n": 12345678901234567890},
			"more": 1}`,
	)
	who := ada
	who.New, who.Picture, who.Claims = true, "https://p.example/ada.png", claims(
		t,
		`{"sub": "1", "n": 12345678901234567890}`,
	)
	d, err := policy(t, users.Config{Hook: h.hook(true)}).SignIn(t.Context(), who, users.Known{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Hook.ID != "42" || strings.Join(d.Hook.Rights, ",") != "author,editor" ||
		string(d.Hook.Data) != `{"plan":"pro","n":12345678901234567890}` {
		t.Errorf("%+v", d.Hook)
	}
	want := `{"type":"sign_in","user":{"id":"u_1","new":true,"provider":"acme","subject":"1","email":"ada@example.com",` +
		`"email_verified":true,"name":"Ada","picture":"https://p.example/ada.png",` +
		`"claims":{"n":12345678901234567890,"sub":"1"}}}`
	if got := h.questions(); len(got) != 1 || string(got[0]) != want {
		t.Errorf("asked: %s", got)
	}
}

func TestTheHookIsNotAskedAboutThoseWhoMayNotSignInAnyway(t *testing.T) {
	h := newHook(t)
	_, err := policy(
		t,
		users.Config{Hook: h.hook(true), Allow: []string{"domain:other.example"}},
	).SignIn(t.Context(), ada, users.Known{})
	if !errors.Is(err, users.ErrNotAllowed) || len(h.questions()) != 0 {
		t.Errorf("%v, asked %d times", err, len(h.questions()))
	}
	// Where the hook's rights may admit somebody, it has to be asked.
	h.says(200, `{"rights": ["staff"]}`)
	_, err = policy(
		t,
		users.Config{Hook: h.hook(true), Allow: []string{"domain:other.example", "right:staff"}},
	).SignIn(t.Context(), ada, users.Known{})
	if err != nil || len(h.questions()) != 1 {
		t.Errorf("%v, asked %d times", err, len(h.questions()))
	}
}

// Shapes that are not the agreed one, with status 200.
var wrongShapes = map[string]string{
	"nothing":                       ``,
	"a page":                        `<!doctype html><title>Sign in</title>`,
	"null":                          `null`,
	"a list":                        `[]`,
	"a string":                      `"ok"`,
	"two objects":                   `{} {}`,
	"an object and a word":          `{} true`,
	"an object that breaks off":     `{"id": "42"`,
	"an id that is a number":        `{"id": 42}`,
	"an id that is empty":           `{"id": ""}`,
	"an id that is too long":        `{"id": "` + strings.Repeat("x", 257) + `"}`,
	"an id with a line break":       `{"id": "4\n2"}`,
	"an id that is an object":       `{"id": {"id": "42"}}`,
	"rights that are a string":      `{"rights": "admin"}`,
	"rights that are an object":     `{"rights": {"admin": true}}`,
	"a right that is a number":      `{"rights": [7]}`,
	"a right that is null":          `{"rights": ["editor", null]}`,
	"a right that is empty":         `{"rights": [""]}`,
	"a right with a space around":   `{"rights": [" admin"]}`,
	"a right with a control":        `{"rights": ["admin\u0000"]}`,
	"too many rights":               `{"rights": [` + strings.Repeat(`"x",`, users.MaxRights) + `"x"]}`,
	"data that is a list":           `{"data": []}`,
	"data that is a string":         `{"data": "x"}`,
	"a name that comes twice":       `{"rights": [], "rights": ["admin"]}`,
	"a name that comes twice below": `{"data": {"a": {"b": 1, "b": 2}}}`,
	"nesting without end":           `{"data": {"a": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`,
	"bytes that are not UTF-8":      "{\"id\": \"\xff\"}",
}

func TestAnAnswerOfTheWrongShapeIsAFailure(t *testing.T) {
	for name, body := range wrongShapes {
		if _, err := users.ReadAnswer(200, []byte(body)); !errors.Is(err, users.ErrHookFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, status := range []int{100, 201, 202, 204, 206, 301, 302, 307, 400, 401, 404, 409, 410, 418, 429, 500,
		502, 503} {
		if _, err := users.ReadAnswer(status, []byte(`{"rights": ["admin"]}`)); !errors.Is(err, users.ErrHookFailed) {
			t.Errorf("status %d: %v", status, err)
		}
	}
	for name, body := range map[string]string{
		"an empty object": `{}`,
		"nulls":           `{"id": null, "rights": null, "data": null}`,
		"unknown fields":  `{"version": 2, "user": {"id": 1}}`,
		"space around":    "\n {\"rights\": []}\r\n",
	} {
		said, err := users.ReadAnswer(200, []byte(body))
		if err != nil || said.ID != "" || said.Rights == nil || len(said.Rights) != 0 || said.Data != nil {
			t.Errorf("%s: %+v, %v", name, said, err)
		}
	}
}

// misbehaviours are what can be wrong with a program that is asked, beside the shape of its answer.
func misbehaviours(h *hookServer, stop <-chan struct{}) map[string]http.HandlerFunc {
	trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"rights": ["admin"]}`)
	}))
	h.t.Cleanup(trap.Close)
	return map[string]http.HandlerFunc{
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		},
		"it begins and never ends": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"rights": [`)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		},
		"down":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"broken": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"it breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"rights": ["admin"]}`)
		},
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"rights": ["admin"], "data": {"x": "`+strings.Repeat("x", webhook.MaxAnswer)+`"}}`)
		},
		"redirecting": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, trap.URL, http.StatusPermanentRedirect)
		},
		"lying": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"rights": {"admin": true}}`) },
		"a login page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<form>`)
		},
	}
}

func TestAFailingHookLetsNobodyInWhereItIsRequired(t *testing.T) {
	h := newHook(t)
	stop := make(chan struct{})
	defer close(stop)
	p := policy(t, users.Config{Hook: h.hook(true)})
	known := users.Known{Hook: &users.Said{ID: "42", Rights: []string{"editor"}}}
	for name, f := range misbehaviours(h, stop) {
		h.does(f)
		if _, err := p.SignIn(t.Context(), ada, known); !errors.Is(err, users.ErrHookFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFailingHookThatIsNotRequiredLeavesTheLastKnownAnswer(t *testing.T) {
	h := newHook(t)
	stop := make(chan struct{})
	defer close(stop)
	p := policy(t, users.Config{Hook: h.hook(false), Rights: map[string][]string{"acme": {"provider:acme"}}})
	last := &users.Said{ID: "42", Rights: []string{"editor"}, Data: json.RawMessage(`{"plan":"pro"}`)}
	for name, f := range misbehaviours(h, stop) {
		h.does(f)
		d, err := p.SignIn(t.Context(), ada, users.Known{Hook: last})
		if err != nil || d.Hook != last || strings.Join(d.All(nil), ",") != "acme,editor" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		d, err = p.SignIn(t.Context(), ada, users.Known{})
		if err != nil || d.Hook != nil || strings.Join(d.All(nil), ",") != "acme" {
			t.Errorf("%s, and it never answered before: %+v, %v", name, d, err)
		}
	}
}

func TestARefusalOfTheHookCountsAlsoWhereItIsNotRequired(t *testing.T) {
	h := newHook(t)
	last := users.Known{Hook: &users.Said{Rights: []string{"editor"}}}
	for name, body := range map[string]string{
		"with a message":     `{"message": "Your trial is over."}`,
		"without one":        `{}`,
		"with nothing":       ``,
		"with a page":        `<html>`,
		"with a lie":         `{"rights": ["admin"], "message": 7}`,
		"with control bytes": `{"message": "a\u001b[2Jb"}`,
	} {
		h.says(http.StatusForbidden, body)
		for _, required := range []bool{true, false} {
			_, err := policy(t, users.Config{Hook: h.hook(required)}).SignIn(t.Context(), ada, last)
			if !errors.Is(err, users.ErrNotAllowed) || errors.Is(err, users.ErrHookFailed) {
				t.Errorf("%s, required %t: %v", name, required, err)
			}
			var refusal *users.Refusal
			if errors.As(err, &refusal) && strings.ContainsRune(refusal.Message, 0x1b) {
				t.Errorf("%s: the message holds a control byte", name)
			}
		}
	}
}

func TestAnAnswerReplacesTheOneBefore(t *testing.T) {
	h := newHook(t)
	h.says(200, `{"rights": []}`)
	last := users.Known{Hook: &users.Said{ID: "42", Rights: []string{"editor"}, Data: json.RawMessage(`{}`)}}
	d, err := policy(t, users.Config{Hook: h.hook(true)}).SignIn(t.Context(), ada, last)
	if err != nil || d.Hook.ID != "" || len(d.Hook.Rights) != 0 || d.Hook.Data != nil {
		t.Errorf("%+v, %v", d.Hook, err)
	}
}

func TestNoErrorOfTheHookRepeatsWhatItSaid(t *testing.T) {
	h := newHook(t)
	for _, body := range []string{`{"id": 4242424242}`, `{"rights": ["canary\n"]}`, `canary`} {
		h.says(200, body)
		_, err := policy(t, users.Config{Hook: h.hook(true)}).SignIn(t.Context(), ada, users.Known{})
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "4242") ||
			strings.Contains(err.Error(), h.srv.URL) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Whatever a hook answers: an accepted answer has valid rights, its data is one JSON object, and it reads the same
// again.
func FuzzHookAnswer(f *testing.F) {
	for _, body := range wrongShapes {
		f.Add(200, []byte(body))
	}
	f.Add(200, []byte(`{"id": "42", "rights": ["editor"], "data": {"plan": "pro"}}`))
	f.Add(403, []byte(`{"message": "no"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		said, err := users.ReadAnswer(status, body)
		if (said == nil) == (err == nil) {
			t.Fatal("an answer and an error, or neither")
		}
		if err != nil {
			if !errors.Is(err, users.ErrHookFailed) && !errors.Is(err, users.ErrNotAllowed) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if status != 200 {
			t.Fatalf("status %d is an answer", status)
		}
		for _, r := range said.Rights {
			if users.CheckRight(r) != nil {
				t.Fatalf("a right that is none: %q", r)
			}
		}
		fields := map[string]any{"rights": said.Rights}
		if said.ID != "" {
			fields["id"] = said.ID
		}
		if said.Data != nil {
			fields["data"] = said.Data
		}
		again, err := json.Marshal(fields)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		second, err := users.ReadAnswer(200, again)
		if err != nil && len(again) <= webhook.MaxAnswer {
			t.Fatalf("what was written does not read: %v\n%s", err, again)
		}
		if err == nil &&
			(second.ID != said.ID || len(second.Rights) != len(said.Rights) || (second.Data == nil) != (said.Data == nil)) {
			t.Fatalf("%+v became %+v", said, second)
		}
		if said.Data != nil && !bytes.HasPrefix(said.Data, []byte("{")) {
			t.Fatalf("data is no object: %s", said.Data)
		}
	})
}
