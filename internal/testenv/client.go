package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Client behaves like one browser: one cookie jar with SameSite, Sec-Fetch-* and Origin headers, navigations that
// follow redirects across sites. It keeps every byte it received. It is safe for concurrent use.
type Client struct {
	Origin string // of the page it is on

	tb      testing.TB
	jar     *jar
	http    *http.Client
	seen    *record
	lenient bool
}

// An Answer is what came back, read to its end.
type Answer struct {
	Status int
	URL    string // where the redirects ended
	Header http.Header
	Body   []byte
}

// record is what the browser received from bff, and from everybody else.
type record struct {
	mu              sync.Mutex
	ours, elsewhere bytes.Buffer
}

func (r *record) write(ours bool, what []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &r.elsewhere
	if ours {
		b = &r.ours
	}
	b.Write(what)
	b.WriteByte('\n')
}

// NewClient is a browser with nothing in it, on the page of an origin. Requests to that origin go to the instance b.
func NewClient(b *BFFProcess) *Client {
	b.tb.Helper()
	return (&Client{Origin: b.Origin, tb: b.tb, jar: &jar{}, seen: &record{}}).Via(b)
}

// Via is the same browser (cookies, record), whose requests to the origin go to another instance: what a load
// balancer does.
func (c *Client) Via(b *BFFProcess) *Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	origin, err := url.Parse(b.Origin)
	if err != nil {
		c.tb.Fatal(err)
	}
	t := &http.Transport{MaxIdleConnsPerHost: 2048, DisableCompression: true}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == origin.Host {
			addr = b.Addr
		}
		return dialer.DialContext(ctx, network, addr)
	}
	c.tb.Cleanup(t.CloseIdleConnections)
	n := *c
	n.http = &http.Client{
		Transport:     t,
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &n
}

// Lenient is the same browser for times when answers may well not come, of an instance that is killed: such an answer
// has the status 0.
func (c *Client) Lenient() *Client {
	n := *c
	n.lenient = true
	return &n
}

// Navigate opens a URL or a path of the origin from the page it is on, as a click on a link does, and follows
// redirects wherever they go.
func (c *Client) Navigate(target string) *Answer {
	c.tb.Helper()
	return c.navigate(c.Origin, target)
}

// Open is Navigate by typing into the address bar; OpenFrom by a link on a page of another origin.
func (c *Client) Open(target string) *Answer { c.tb.Helper(); return c.navigate("", target) }
func (c *Client) OpenFrom(origin, target string) *Answer {
	c.tb.Helper()
	return c.navigate(origin, target)
}

func (c *Client) navigate(from, target string) *Answer {
	c.tb.Helper()
	u := c.resolve(target)
	site := siteOf(parse(from), u)
	for range 20 {
		a := c.visit(u, site)
		next := a.Header.Get("Location")
		if a.Status < 300 || a.Status > 399 || next == "" {
			return a
		}
		to, err := u.Parse(next)
		if err != nil {
			c.tb.Fatalf("redirected to %q", next)
		}
		// A chain that left the site once stays cross-site, as the Fetch standard says.
		if hop := siteOf(u, to); site != "cross-site" && hop != "same-origin" && hop != "none" {
			site = hop
		}
		u = to
	}
	c.tb.Fatalf("more than 20 redirects from %s", target)
	return nil
}

// Leave is Navigate without following: the browser is about to go to another site, and the answer's Location says
// where.
func (c *Client) Leave(target string) *Answer {
	c.tb.Helper()
	u := c.resolve(target)
	return c.visit(u, siteOf(parse(c.Origin), u))
}

func (c *Client) visit(u *url.URL, site string) *Answer {
	c.tb.Helper()
	r, err := http.NewRequest("GET", u.String(), nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	for k, v := range map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1",
		"Upgrade-Insecure-Requests": "1", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"} {
		r.Header.Set(k, v)
	}
	return c.send(r)
}

// Fetch is fetch() of a script of the page. headers are name, value pairs. Redirects are not followed.
func (c *Client) Fetch(method, target, body string, headers ...string) *Answer {
	c.tb.Helper()
	return c.send(c.Request(method, target, body, headers...))
}

// Request is what Fetch would send, cookies apart. For a stream, give it to Do.
func (c *Client) Request(method, target, body string, headers ...string) *http.Request {
	c.tb.Helper()
	u := c.resolve(target)
	r, err := http.NewRequest(method, u.String(), strings.NewReader(body))
	if err != nil {
		c.tb.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", siteOf(parse(c.Origin), u))
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Accept", "*/*")
	if method != "GET" && method != "HEAD" {
		r.Header.Set("Origin", c.Origin)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// Do sends a request with the browser's cookies and leaves the body to the caller, who closes it.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	site := r.Header.Get("Sec-Fetch-Site")
	if h := c.jar.header(r.URL, site == "cross-site",
		r.Method == "GET" && r.Header.Get("Sec-Fetch-Mode") == "navigate"); h != "" {
		r.Header.Set("Cookie", h)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	c.jar.set(r.URL, resp.Header)
	var head bytes.Buffer
	fmt.Fprintln(&head, resp.Status)
	_ = resp.Header.Write(&head)
	c.seen.write(c.ours(r.URL), head.Bytes())
	return resp, nil
}

func (c *Client) send(r *http.Request) *Answer {
	c.tb.Helper()
	resp, err := c.Do(r)
	var a *Answer
	if err == nil {
		a, err = readAnswer(resp)
	}
	if err != nil {
		if !c.lenient {
			c.tb.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		return &Answer{Header: http.Header{}}
	}
	c.seen.write(c.ours(r.URL), a.Body)
	return a
}

// ReadAnswer reads an answer to its end and closes it.
func ReadAnswer(tb testing.TB, resp *http.Response) *Answer {
	tb.Helper()
	a, err := readAnswer(resp)
	if err != nil {
		tb.Fatalf("%s: the body broke off: %v", resp.Request.URL.Path, err)
	}
	return a
}

func readAnswer(resp *http.Response) (*Answer, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	return &Answer{Status: resp.StatusCode, URL: resp.Request.URL.String(), Header: resp.Header, Body: body}, nil
}

func (c *Client) ours(u *url.URL) bool { return "http://"+u.Host == c.Origin }

// Note adds bytes to what the browser received from bff: of a stream that a test read itself.
func (c *Client) Note(body []byte) { c.seen.write(true, body) }

// Received is every status, header and body that the browser got from bff; a code passes through the browser too, but
// on the provider's own redirect.
func (c *Client) Received() []byte {
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	return bytes.Clone(c.seen.ours.Bytes())
}

// Cookies is what the jar holds for the origin's host. SetCookie puts one there, as an attacker on a sibling might.
func (c *Client) Cookies() []*http.Cookie { return c.jar.named(parse(c.Origin).Hostname()) }
func (c *Client) SetCookie(line string) {
	c.jar.set(parse(c.Origin), http.Header{"Set-Cookie": {line}})
}

// Forget drops the cookies of a host, so that a provider asks again who is there.
func (c *Client) Forget(host string) { c.jar.forget(host) }

// Session is the value of the session cookie, "" when there is none.
func (c *Client) Session() string {
	for _, k := range c.Cookies() {
		if k.Name == "bff" || k.Name == "__Host-bff" {
			return k.Value
		}
	}
	return ""
}

// SignIn signs in at a provider that needs no forms, and fails the test when nobody is signed in afterwards. query is
// for /bff/login.
func (c *Client) SignIn(provider string, query ...string) {
	c.tb.Helper()
	target := "/bff/login/" + provider
	if len(query) > 0 {
		target += "?" + strings.Join(query, "&")
	}
	if a := c.Navigate(target); strings.Contains(a.URL, "bff_error=") || c.Session() == "" {
		c.tb.Fatalf("sign-in ended at %s with %d: %s", a.URL, a.Status, a.Body)
	}
	if s := c.Fetch("GET", "/bff/session", "").JSON(c.tb); s["authenticated"] != true {
		c.tb.Fatalf("nobody is signed in: %v", s)
	}
}

// Code is the problem's code, "" for an answer that is none.
func (a *Answer) Code() string { return a.Header.Get("BFF-Error") }

// JSON is the body as an object.
func (a *Answer) JSON(tb testing.TB) map[string]any {
	tb.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.Body, &v); err != nil {
		tb.Fatalf("%d, not a JSON object: %.300s", a.Status, a.Body)
	}
	return v
}

func (c *Client) resolve(target string) *url.URL {
	c.tb.Helper()
	u, err := parse(c.Origin).Parse(target)
	if err != nil {
		c.tb.Fatal(err)
	}
	return u
}

func parse(origin string) *url.URL {
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil
	}
	return u
}
