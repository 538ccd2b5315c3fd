package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bff/internal/testenv"
)

// A liar stands between bff and its store, and changes one answer of the store on request.
type liar struct {
	store string // the store's address
	url   string

	mu     sync.Mutex
	wait   int // answers that come before the one that is changed
	change lie // nil: none
}

// A lie is what stands in the place of an answer. before is the answer that came before it on the same connection.
type lie func(answer, before []byte) (out []byte, hangUp bool)

func newLiar(t *testing.T, store string) *liar {
	t.Helper()
	l := &liar{store: store}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	l.url = "redis://" + listener.Addr().String() + "/0"
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(near)
		}
	}()
	return l
}

func (l *liar) serve(near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", l.store)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	in := bufio.NewReader(far)
	var before []byte
	for {
		var frame bytes.Buffer
		if readFrame(in, &frame) != nil {
			return
		}
		answer := frame.Bytes()
		out, hangUp := l.say(answer, before)
		if _, err := near.Write(out); err != nil || hangUp {
			return
		}
		before = answer
	}
}

func (l *liar) say(answer, before []byte) (out []byte, hangUp bool) {
	l.mu.Lock()
	change := l.change
	if change != nil {
		if l.wait--; l.wait >= 0 {
			change = nil
		} else {
			l.change = nil
		}
	}
	l.mu.Unlock()
	if change == nil {
		return answer, false
	}
	return change(answer, before)
}

// tell has the answer after some others changed; nil is the truth again.
func (l *liar) tell(after int, change lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wait, l.change = after, change
}

// readFrame copies one answer of the store.
func readFrame(in *bufio.Reader, out *bytes.Buffer) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	out.Write(line)
	n, _ := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	switch line[0] {
	case '$', '=', '!':
		if n >= 0 {
			_, err = io.CopyN(out, in, int64(n+2))
		}
		return err
	case '%', '|':
		n *= 2
	case '*', '~', '>':
	default:
		n = 0
	}
	if line[0] == '|' {
		n++
	}
	for ; n > 0 && err == nil; n-- {
		err = readFrame(in, out)
	}
	return err
}

func instead(text string) lie {
	return func([]byte, []byte) ([]byte, bool) { return []byte(text), false }
}

func lies() map[string]lie {
	all := map[string]lie{
		"half of it, and an end": func(a, _ []byte) ([]byte, bool) { return a[:len(a)/2], true },
		"nothing, and an end":    func(_, _ []byte) ([]byte, bool) { return nil, true },
		"twice":                  func(a, _ []byte) ([]byte, bool) { return append(slices.Clone(a), a...), false },
		"the one before it":      func(_, b []byte) ([]byte, bool) { return b, false },
		"the one before it, and then it": func(a, b []byte) ([]byte, bool) {
			return append(slices.Clone(b), a...), false
		},
		"a bit of it turned": func(a, _ []byte) ([]byte, bool) {
			b := slices.Clone(a)
			b[len(b)/2] ^= 1
			return b, false
		},
	}
	for _, text := range []string{"READONLY You can't write against a read only replica.", "MOVED 1 127.0.0.1:1",
		"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a script.", "NOAUTH Authentication required.",
		"OOM command not allowed when used memory > 'maxmemory'.", "NOSCRIPT No matching script.", "ERR"} {
		all["-"+text] = instead("-" + text + "\r\n")
	}
	for name, text := range map[string]string{"nothing there": "_\r\n", "nothing there, of old": "$-1\r\n", "a status": "+OK\r\n",
		"a number": ":1\r\n", "no number": ":0\r\n", "an empty text": "$0\r\n\r\n", "a text": "$5\r\nended\r\n",
		"a long text": "$80\r\n" + strings.Repeat("x", 80) + "\r\n", "an empty array": "*0\r\n", "an empty map": "%0\r\n",
		"a map of nothing": "%1\r\n_\r\n_\r\n", "a terabyte": "$999999999999\r\n", "a billion elements": "*1000000000\r\n",
		"a web server": "HTTP/1.1 400 Bad Request\r\n\r\n"} {
		all[name] = instead(text)
	}
	return all
}

// The store answers something else than it should, once, anywhere among the answers to a request, on every route: two
// people are each served as themselves or learn that the store is unavailable. Nobody is signed out, nobody is somebody
// else, no order that was answered is lost, and the process lives.
func TestOutageOfAStoreThatLies(t *testing.T) {
	secret := testenv.Random(t)
	store := testenv.Redis(t)
	l := newLiar(t, store.Addr)
	r := build(t, parts{store: l.url, session: []string{"cache: false"}, env: []string{"BILLING_SECRET=" + secret},
		top: []string{"clients:", "  billing: {secret: env:BILLING_SECRET, exchange: [acme]}"}})
	people := map[string]*testenv.Client{"ada": r.c, "grace": testenv.NewClient(r.bff)}
	for name, c := range people {
		c.SignIn("acme", "login_hint="+name)
		r.call(c)
	}
	for name, change := range lies() {
		for after := range 7 {
			for _, route := range routesOf(r, secret) {
				l.tell(after, change)
				var both sync.WaitGroup
				for who, c := range people {
					both.Go(func() {
						honest(t, fmt.Sprintf("%s, after %d: %s of %s", name, after, route.name, who), who, route.ask(c))
					})
				}
				testenv.Finished(t, "both", both.Wait)
				l.tell(0, nil)
				if t.Failed() {
					t.FailNow()
				}
			}
		}
	}
	for who, c := range people {
		a := c.Fetch("GET", "/bff/session", "")
		user, _ := a.JSON(t)["user"].(map[string]any)
		if user["subject"] != who || c.Fetch("GET", "/api/things/items", "").Status != http.StatusOK {
			t.Errorf("%s afterwards: %d %s", who, a.Status, a.Body)
		}
	}
}

// A write is several answers of the store: one person alone meets the lie at each of them, the script's own among them.
func TestOutageOfAStoreThatLiesAboutAWrite(t *testing.T) {
	store := testenv.Redis(t)
	l := newLiar(t, store.Addr)
	r := build(t, parts{store: l.url, session: []string{"cache: false"}})
	r.c.SignIn("acme", "login_hint=ada")
	for name, change := range lies() {
		for after := range 16 {
			l.tell(after, change)
			a := r.c.Fetch("PATCH", "/bff/preferences", fmt.Sprintf(`{"a":%d}`, after), "Content-Type",
				"application/merge-patch+json")
			l.tell(0, nil)
			honest(t, fmt.Sprintf("%s, after %d: PATCH /bff/preferences", name, after), "ada", a)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	if a := r.c.Fetch("GET", "/bff/session", ""); a.JSON(t)["authenticated"] != true {
		t.Errorf("afterwards: %d %s", a.Status, a.Body)
	}
}

type asking struct {
	name string
	ask  func(c *testenv.Client) *testenv.Answer
}

func routesOf(r *rig, secret string) []asking {
	plain := &http.Transport{DisableKeepAlives: true}
	get := func(path string) asking {
		return asking{"GET " + path, func(c *testenv.Client) *testenv.Answer { return c.Fetch("GET", path, "") }}
	}
	return []asking{get("/bff/session"), get("/bff/connections"), get("/bff/sessions"), get("/bff/preferences"),
		get("/api/things/items"),
		{"PATCH /bff/preferences", func(c *testenv.Client) *testenv.Answer {
			return c.Fetch("PATCH", "/bff/preferences", `{"a":1}`, "Content-Type", "application/merge-patch+json")
		}},
		{"/introspect", func(c *testenv.Client) *testenv.Answer {
			return r.bff.Ask("/introspect", "billing", secret, url.Values{"token": {c.Session()}})
		}},
		{"/token", func(c *testenv.Client) *testenv.Answer {
			return r.bff.Ask("/token", "billing", secret, url.Values{"audience": {"acme"}, "subject_token": {c.Session()},
				"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
				"subject_token_type": {"urn:bff:session"}})
		}},
		{"/verify", func(c *testenv.Client) *testenv.Answer {
			req, err := http.NewRequest("GET", r.bff.Admin+"/verify", nil)
			if err != nil {
				r.t.Error(err)
				return nil
			}
			req.Header.Set("Cookie", "bff="+c.Session())
			resp, err := plain.RoundTrip(req)
			if err != nil {
				r.t.Error(err)
				return nil
			}
			return testenv.ReadAnswer(r.t, resp)
		}},
	}
}

// honest holds an answer against what may be said while the store lies: what is who's, or that the store is unavailable.
func honest(t *testing.T, what, who string, a *testenv.Answer) {
	t.Helper()
	if a == nil {
		return
	}
	if set := a.Header.Values("Set-Cookie"); len(set) > 0 {
		t.Errorf("%s: %d sets %q", what, a.Status, set)
	}
	switch {
	case a.Status == http.StatusServiceUnavailable:
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
	case holdsNothing(what) && (strings.Contains(string(a.Body), "not_connected") ||
		strings.Contains(string(a.Body), `"connections":[]`) || strings.Contains(string(a.Body), `"sessions":[]`)):
		// Of the right type, and what a store says of somebody who has linked nothing, or has no list.
	case a.Status != http.StatusOK && a.Status != http.StatusNoContent:
		t.Errorf("%s: %d %s", what, a.Status, a.Body)
	case strings.Contains(what, "/bff/sessions") && !strings.Contains(string(a.Body), `"current":true`),
		strings.Contains(what, "/bff/session ") && !strings.Contains(string(a.Body), `"subject":"`+who+`"`),
		strings.Contains(what, "/bff/connections") && !strings.Contains(string(a.Body), `"subject":"`+who+`"`),
		strings.Contains(what, "/api/") && !strings.Contains(string(a.Body), `"sub":"`+who+`"`),
		strings.Contains(what, "/introspect") && !strings.Contains(string(a.Body), `"active":true`):
		t.Errorf("%s: %s", what, a.Body)
	}
}

// holdsNothing says whether the lie is a list or a map, and one without anything in it.
func holdsNothing(what string) bool {
	return strings.Contains(what, "an empty array") || strings.Contains(what, "an empty map") ||
		strings.Contains(what, "a map of nothing")
}

// A logout that was answered has ended the session, whatever the store answered meanwhile.
func TestOutageOfAStoreThatLiesLosesNoLogout(t *testing.T) {
	store := testenv.Redis(t)
	l := newLiar(t, store.Addr)
	r := build(t, parts{store: l.url, session: []string{"cache: false"}})
	c := r.c
	ended := 0
	for name, change := range lies() {
		for after := range 5 {
			if c.Session() == "" {
				c.SignIn("acme")
			}
			cookie := c.Session()
			l.tell(after, change)
			a := c.Fetch("POST", "/bff/logout", "")
			l.tell(0, nil)
			if a.Status != http.StatusOK && (a.Status != http.StatusServiceUnavailable || c.Session() != cookie) {
				t.Fatalf("%s, after %d: %d %s, the cookie is %q", name, after, a.Status, a.Body, c.Session())
			}
			c.SetCookie("bff=" + cookie + "; Path=/; HttpOnly")
			lives := c.Fetch("GET", "/bff/session", "")
			if lives.Status != http.StatusOK || a.Status == http.StatusOK && lives.JSON(t)["authenticated"] == true {
				t.Errorf("%s, after %d: the logout answered %d, and then: %d %s", name, after, a.Status, lives.Status, lives.Body)
			}
			if lives.JSON(t)["authenticated"] != true {
				ended++
				c.SetCookie("bff=; Path=/; Max-Age=0")
			}
		}
	}
	if ended == 0 {
		t.Error("no logout was answered")
	}
}
