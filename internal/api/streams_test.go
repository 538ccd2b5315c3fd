package api_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// An endless upstream sends an event, or answers what a WebSocket says, for as long as somebody listens.
func endless(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
			if err != nil {
				return
			}
			defer func() { _ = conn.CloseNow() }()
			for {
				kind, b, err := conn.Read(r.Context())
				if err != nil || conn.Write(r.Context(), kind, b) != nil {
					return
				}
			}
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte("data: tick\n\n")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func withMount(s *httptest.Server) func(*settings) {
	return func(set *settings) {
		set.mounts = []proxy.Config{{Name: "endless", Path: "/api/endless", Upstream: s.URL, Allow: []string{"GET /x"}}}
	}
}

// ticking opens a proxied stream, waits for its first event, and returns what is closed when it ends.
func ticking(t *testing.T, b *browser) <-chan struct{} {
	t.Helper()
	resp := b.fetch("GET", "/api/endless/x", "", header("Accept", "text/event-stream"))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text(resp))
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "data: tick" {
		t.Fatalf("no event came")
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for lines.Scan() {
		}
	}()
	return over
}

func ended(t *testing.T, what string, over <-chan struct{}) {
	t.Helper()
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s goes on", what)
	}
}

// Guarantee 6, attack class 21: nothing that runs outlives its session.
func TestProxiedStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	upstream := endless(t)
	here, there, _ := pair(t, withMount(upstream))
	for name, end := range map[string]func(*browser){
		"a logout here":                func(b *browser) { b.fetch("POST", "/bff/logout", "") },
		"a logout on another instance": func(b *browser) { b.at(there).fetch("POST", "/bff/logout", "") },
		"another session of the user":  func(*browser) { other(there).fetch("DELETE", "/bff/sessions", "") },
		"the provider":                 func(*browser) { there.backchannel(logoutToken(t, there, "ada", "", nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			b, grace := here.browser(), here.browser()
			b.signIn("ada")
			grace.signIn("grace")
			over, socket := ticking(t, b), dial(t, b)
			others := ticking(t, grace)
			end(b)
			ended(t, "the stream", over)
			if _, _, err := socket.Read(t.Context()); err == nil {
				t.Error("the socket goes on")
			}
			select {
			case <-others:
				t.Error("another user's stream ended")
			default:
			}
		})
	}
}

// dial opens a WebSocket through the mount and proves that it works.
func dial(t *testing.T, b *browser) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	address := "ws" + strings.TrimPrefix(b.w.front.URL, "http") + "/api/endless/x"
	conn, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPHeader: http.Header{
		"Cookie": {"bff=" + b.cookie("bff")}, "Origin": {b.w.origin}, "Sec-Fetch-Site": {"same-origin"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, back, err := conn.Read(ctx); err != nil || string(back) != "hello" {
		t.Fatalf("%q %v", back, err)
	}
	return conn
}

func TestProxiedStreamsEndWithTheIdleTime(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, withMount(endless(t)), func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	over := ticking(t, b)
	clock.advance(33 * time.Minute)
	ended(t, "the stream", over)
}

// A session that is used elsewhere lives on, and with it what runs.
func TestProxiedStreamsLiveAsLongAsTheirSessionIsUsed(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, withMount(endless(t)), func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	over := ticking(t, b)
	clock.advance(20 * time.Minute)
	b.fetch("GET", "/bff/session", "")
	clock.advance(20 * time.Minute) // beyond what the stream knew when it began
	select {
	case <-over:
		t.Fatal("it ended with a session that lives")
	case <-time.After(5 * time.Second): // more than two looks
	}
	b.fetch("POST", "/bff/logout", "")
	ended(t, "the stream", over)
}

// A proxied stream may finish while the instance drains; what is left at the very end is ended.
func TestProxiedStreamsOutliveADrainUntilTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMount(endless(t)))
	b := w.browser()
	b.signIn("ada")
	over, socket := ticking(t, b), dial(t, b)
	w.server.Drain()
	select {
	case <-over:
		t.Fatal("a drain ended it")
	case <-time.After(300 * time.Millisecond):
	}
	w.server.Close()
	ended(t, "the stream", over)
	if _, _, err := socket.Read(t.Context()); err == nil {
		t.Error("the socket goes on")
	}
}

func TestProxiedStreamsOutliveAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	here, _, store := pair(t, withMount(endless(t)))
	b := here.browser()
	b.signIn("ada")
	over := ticking(t, b)
	b.loses(store)
	select {
	case <-over:
		t.Fatal("an outage ended it")
	case <-time.After(3 * time.Second):
	}
	store.Start()
	testenv.Eventually(t, "the store is back", func() bool { return b.session()["authenticated"] == true })
	b.fetch("POST", "/bff/logout", "")
	ended(t, "the stream", over)
}
