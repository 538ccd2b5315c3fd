package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/testenv"
)

// asBackend makes a mount one of a backend at the root.
func asBackend(c *proxy.Config) {
	c.Backend, c.Path, c.Allow = true, "/", []string{"/{rest...}"}
	c.OwnCookie = proxy.OwnCookies("__Host-bff")
	c.Upstream = strings.TrimSuffix(c.Upstream, "/base")
}

func TestABackendSpeaksForItsOrigin(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'self'")
		h.Set("Cache-Control", "public, max-age=600, immutable")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=()")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Clear-Site-Data", `"cookies"`)
		h.Set("BFF-Error", "planted")
		h.Set("X-Accel-Redirect", "/secret")
		h.Set("WWW-Authenticate", `Basic realm="x"`)
		_, _ = io.WriteString(w, "<html><script>1</script>")
	}, asBackend)
	for _, dest := range []string{"document", "script", "style", "worker"} {
		res := r.do("GET", "/reports/q3", nil, "Sec-Fetch-Dest: "+dest)
		for name, want := range map[string]string{"Content-Type": "text/html; charset=utf-8",
			"Content-Security-Policy": "default-src 'self'",
			"Cache-Control":           "public, max-age=600, immutable", "X-Frame-Options": "DENY",
			"Permissions-Policy":          "camera=()",
			"Access-Control-Allow-Origin": "", "Clear-Site-Data": "", "Bff-Error": "", "X-Accel-Redirect": "",
			"Www-Authenticate": `Basic realm="x"`, "Cross-Origin-Resource-Policy": ""} {
			if got := res.Header.Get(name); got != want || len(res.Header.Values(name)) > 1 {
				t.Errorf("%s: %s %q, want %q", dest, name, res.Header.Values(name), want)
			}
		}
		if res.StatusCode != 200 || text(t, res) != "<html><script>1</script>" {
			t.Errorf("%s: %d", dest, res.StatusCode)
		}
	}
}

// A backend's answer to a call with an assertion is one person's: a cache in front of bff sees no Authorization, and would
// give it to others. What the backend says is for everybody stays so, and so does what it answered nobody.
func TestSharedCachesKeepNoAnswerOfABackend(t *testing.T) {
	var answer http.Header
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range answer {
			w.Header()[name] = values
		}
	}, asBackend)
	asserted := r.by
	for _, row := range []struct {
		name, control, vary, expires string // what the backend says
		want, wantVary               string // what the browser hears of somebody's call,
		open, openVary               string // and of nobody's
	}{
		{"nothing", "", "", "", "private", "Cookie", "private", "Cookie"},
		{"a time alone", "max-age=60", "", "", "max-age=60, private", "Cookie", "max-age=60", ""},
		{"a time and a check", "max-age=60, must-revalidate", "", "", "max-age=60, must-revalidate, private", "Cookie",
			"max-age=60, must-revalidate", ""},
		{"an old date", "", "", "Thu, 01 Dec 2044 16:00:00 GMT", "private", "Cookie", "", ""},
		{"its own word for one person", "Private, max-age=60", "", "", "Private, max-age=60", "Cookie",
			"Private, max-age=60", ""},
		{"one field for one person", `max-age=60, private="X-Seen"`, "", "", `max-age=60, private="X-Seen", private`, "Cookie",
			`max-age=60, private="X-Seen"`, ""},
		{"nobody keeps it", "no-store", "", "", "no-store", "Cookie", "no-store", ""},
		{"everybody", "public, max-age=60", "", "", "public, max-age=60", "", "public, max-age=60", ""},
		{"shared caches", "s-maxage = 9", "", "", "s-maxage = 9", "", "s-maxage = 9", ""},
		{"a word that only looks like it", `x="public", publicity`, "", "", `x="public", publicity, private`, "Cookie",
			`x="public", publicity`, ""},
		{"everybody, by who asks", "public, max-age=60", "Accept, authorization", "", "public, max-age=60",
			"Accept, authorization, Cookie", "public, max-age=60", "Accept, authorization, Cookie"},
		{"by the cookie already", "max-age=1", "cookie", "", "max-age=1, private", "cookie", "max-age=1", "cookie"},
	} {
		answer = http.Header{}
		for name, value := range map[string]string{"Cache-Control": row.control, "Vary": row.vary, "Expires": row.expires} {
			if value != "" {
				answer.Set(name, value)
			}
		}
		for who, want := range map[string][2]string{"somebody": {row.want, row.wantVary}, "nobody": {row.open, row.openVary}} {
			if r.by = asserted; who == "nobody" {
				r.by = proxy.Caller{Credential: noCredential{}}
			}
			h := r.do("GET", "/page", nil).Header
			got := [2]string{strings.Join(h["Cache-Control"], ", "), strings.Join(h["Vary"], ", ")}
			if got != want {
				t.Errorf("%s, asked for %s: %q, want %q", row.name, who, got, want)
			}
		}
	}
}

// noCredential is that of a call that nobody is signed in for.
type noCredential struct{}

func (noCredential) Authorize(*http.Request) error { return nil }
func (noCredential) Secrets() []secret.Text        { return nil }

func TestABackendsCookiesPassAndBFFsDoNot(t *testing.T) {
	got := make(chan http.Header, 1)
	var set []string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Header.Clone()
		w.Header()["Set-Cookie"] = set
	}, asBackend)
	for sent, want := range map[string]string{
		"app=1; __Host-bff=ticket; theme=dark":       "app=1; theme=dark",
		"__Host-bff=ticket":                          "",
		"bff=ticket; __Host-bff-abc=opener; bff-x=1": "",
		"__host-BFF=ticket; __Secure-bff=ticket":     "",
		`a="x; __Host-bff=ticket"; b=2`:              `a="x; b=2`,
		"a=1,__Host-bff=ticket":                      "a=1",
		" __Host-bff =ticket;x=y":                    "x=y",
		`"__Host-bff"=ticket; x=y`:                   "x=y",
		"bffx=1; xbff=2; __Host-app=3":               "bffx=1; xbff=2; __Host-app=3",
		"=ticket; x=y":                               "x=y",
	} {
		r.raw("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: " + sent + "\r\n\r\n")
		if h := testenv.Receive(t, "what was sent", got); strings.Join(h["Cookie"], " | ") != want {
			t.Errorf("%q became %q, want %q", sent, h["Cookie"], want)
		}
	}
	for line, passes := range map[string]bool{
		"app=1; Path=/; HttpOnly": true,
		"__Host-app=1; Path=/":    true,
		"app=bff=1":               true,
		"__Host-bff=evil; Path=/": false,
		"bff=evil":                false,
		"bff-abc=evil":            false,
		"__Host-bff-abc=evil":     false,
		"__Secure-bff=evil":       false,
		"BFF=evil":                false,
		" bff =evil":              false,
		"=bff=evil":               false,
		"bff":                     false,
		"\tbff\t=evil":            false,
		";bff=evil":               false,
	} {
		set = []string{line, "kept=1"}
		res := r.do("GET", "/a", nil)
		testenv.Receive(t, "what was sent", got)
		if lines := res.Header["Set-Cookie"]; slices.Contains(lines,
			strings.TrimSpace(line)) != passes || !slices.Contains(lines, "kept=1") ||
			!passes && len(lines) != 1 {
			t.Errorf("%q: %q", line, lines)
		}
	}
}

func TestABackendIsNotLiedToAboutWhoIsAsking(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { got <- req.Header.Clone() }, asBackend)
	for _, name := range []string{"Authorization", "BFF-User", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Proto", "X-Forwarded-User",
		"X-User-Id", "X-Real-IP", "Remote-User", "Forwarded", "X-Hasura-Role", "X-Middleware-Subrequest",
		"X-HTTP-Method-Override", "Proxy",
		"X-Original-URL", "X-CSRF"} {
		for _, spelled := range spellings(name) {
			r.raw("GET /a HTTP/1.1\r\nHost: evil.example\r\nConnection: close, " + name + "\r\n" + spelled +
				": planted\r\n\r\n")
			h := testenv.Receive(t, "what was sent", got)
			for left, values := range h {
				if slices.Contains(values, "planted") {
					t.Errorf("%s left as %s", spelled, left)
				}
			}
			if h.Get("Authorization") != "Bearer "+token || h.Get("X-Forwarded-For") != "127.0.0.1" ||
				h.Get("X-Forwarded-Proto") != "http" ||
				"http://"+h.Get("X-Forwarded-Host") != r.server.URL {
				t.Errorf("%s: %v", spelled, h)
			}
		}
	}
	r.do("POST", "/a", nil, "Origin: https://app.example.com", "Sec-Fetch-Site: same-origin",
		"Referer: https://app.example.com/x", "RSC: 1",
		"X-CSRF-Token: abc", "X-Nextjs-Data: 1", "Next-Action: x")
	h := testenv.Receive(t, "what was sent", got)
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Referer", "Rsc", "X-Csrf-Token", "X-Nextjs-Data",
		"Next-Action"} {
		if h.Get(name) == "" {
			t.Errorf("%s did not leave", name)
		}
	}
	r.set(func(c *proxy.Caller) {
		c.Credential, c.Front, c.Address = anonymous{}, "https://shop.example.org", "192.0.2.7"
	})
	r.do("GET", "/a", nil, "Authorization: Bearer planted")
	h = testenv.Receive(t, "what was sent", got)
	if h["Authorization"] != nil || h.Get("X-Forwarded-Host") != "shop.example.org" ||
		h.Get("X-Forwarded-For") != "192.0.2.7" ||
		h.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("anonymous: %v", h)
	}
}

// anonymous is the credential of nobody.
type anonymous struct{}

func (anonymous) Authorize(*http.Request) error { return nil }
func (anonymous) Secrets() []secret.Text        { return nil }

func TestABackendAtTheRootHasNothingOfBFF(t *testing.T) {
	r := newRig(t, noContent, asBackend)
	for path, serves := range map[string]bool{"/": true, "/x": true, "/bffx": true, "/x/bff/session": true,
		"/bff": false, "/bff/": false,
		"/bff/session": false, "/bff?x": false, "/%62ff/session": false, "/bf%66": false} {
		if got := r.mount.Serves(httptest.NewRequest("GET", path, nil)); got != serves {
			t.Errorf("%s: %v", path, got)
		}
	}
	long := newRig(t, noContent)
	if proxy.Precedence(r.mount, long.mount) <= 0 || proxy.Precedence(long.mount, r.mount) >= 0 {
		t.Error("the root comes before a longer path")
	}
}

func TestABackendMayUseItsOwnWords(t *testing.T) {
	r := newRig(t, noContent, asBackend)
	for _, line := range []string{"POST /documents/doc:commit", "POST /x?_method=DELETE", "DELETE /a/b%20c", "GET /"} {
		if got := r.asked(line); got != 204 {
			t.Errorf("%s: %d", line, got)
		}
	}
	for _, line := range []string{"GET /a/../b", "GET /a%2F..%2Fb", "GET //evil", "GET /a;b", "GET /a%00"} {
		if got := r.asked(line); got != 400 {
			t.Errorf("%s: %d", line, got)
		}
	}
	only := newRig(t, noContent, asBackend, func(c *proxy.Config) {
		c.Allow = []string{"GET /{rest...}",
			"POST /{rest...}"}
	})
	if got := only.asked("POST /x?_method=DELETE"); got != 403 {
		t.Errorf("a list of methods is walked around: %d", got)
	}
}

func TestABackendCannotEchoWhatItWasSent(t *testing.T) {
	b := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Echo", req.Header.Get("Authorization"))
		fmt.Fprintf(w, "<html>%s %s", req.Header.Get("Authorization"), refresh)
	}, asBackend)
	res := b.do("GET", "/a", nil)
	if got := text(t, res) + res.Header.Get("X-Echo"); leaks(got, token) || leaks(got,
		refresh) || !strings.HasPrefix(got, "<html>") {
		t.Errorf("%q", got)
	}
}

func TestABackendsRedirectsStayBelowItsMount(t *testing.T) {
	a := &answerer{status: 302}
	r := newRig(t, a.ServeHTTP, asBackend, func(c *proxy.Config) {
		c.Path, c.Origin = "/app",
			"https://app.example.com"
	})
	for in, want := range map[string]string{r.upstream.URL + "/x": "https://app.example.com/app/x", "/x": "/app/x",
		"next":                       "next",
		"https://elsewhere.example/": "https://elsewhere.example/"} {
		a.header = http.Header{"Location": {in}}
		if got := r.do("GET", "/app/y", nil).Header.Get("Location"); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// What flows flows to and from a backend too, each piece as it comes: a WebSocket, which brings the backend's own cookie
// and the assertion, an event stream, and an upload that is answered before it has ended.
func TestStreamsFlowThroughABackend(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.Header.Get("Authorization") != "Bearer "+token || strings.Contains(req.Header.Get("Cookie"), "bff"):
			w.WriteHeader(http.StatusUnauthorized)
		case req.URL.Path == "/socket":
			if req.Header.Get("Cookie") != "app=1" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			c, err := websocket.Accept(w, req, &websocket.AcceptOptions{InsecureSkipVerify: true}) // the Origin is bff's to check
			if err != nil {
				return
			}
			defer c.CloseNow()
			for {
				kind, b, err := c.Read(req.Context())
				if err != nil || c.Write(req.Context(), kind, b) != nil {
					return
				}
			}
		default: // says again what it received, line by line
			w.Header().Set("Content-Type", "text/event-stream")
			flow := http.NewResponseController(w)
			_, _ = flow.EnableFullDuplex(), flow.Flush()
			in := bufio.NewReader(req.Body)
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				_, _ = io.WriteString(w, "data: "+line+"\n")
				_ = flow.Flush()
			}
		}
	}, asBackend)
	c, _, err := websocket.Dial(t.Context(), r.server.URL+"/socket",
		&websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {"__Host-bff=secret; app=1"}, "Authorization": {"Bearer planted"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for _, said := range []string{"hello", strings.Repeat("x", 30<<10), ""} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(said)); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(t.Context()); err != nil || string(b) != said {
			t.Fatalf("%.40q, %v; want %.40q", b, err, said)
		}
	}
	body, up := io.Pipe()
	defer up.Close()
	upload, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL+"/events", body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.Do(upload)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out := bufio.NewReader(res.Body)
	for _, said := range []string{"one\n", "two\n"} { // the next is sent when the one before has come back
		if _, err := io.WriteString(up, said); err != nil {
			t.Fatal(err)
		}
		got, err := out.ReadString('\n')
		if _, blank := out.ReadString('\n'); err != nil || blank != nil || got != "data: "+said {
			t.Fatalf("%q, %v", got, err)
		}
	}
}
