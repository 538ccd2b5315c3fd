package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/drive/v3"
	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"bff/internal/demo"
	"bff/internal/testenv"
)

// A place is bff with somebody signed in, in front of the upstream, and behind a front proxy that speaks TLS.
type place struct {
	bff    *testenv.BFFProcess
	door   *httptest.Server
	up     *upstream
	server *testenv.APIServer
	cookie string
	wire   *http.Transport // takes every name to the front proxy
}

func open(t *testing.T) *place {
	t.Helper()
	p := &place{up: &upstream{uploads: map[string]int{}}}
	p.door = httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", p.bff.Addr
	}})
	t.Cleanup(p.door.Close)
	p.wire = p.door.Client().Transport.(*http.Transport).Clone()
	p.wire.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, p.door.Listener.Addr().String())
	}
	var live tokens
	d, err := demo.Start(demo.Config{Origin: p.door.URL, Provider: "acme", TokenLifetime: time.Hour, Issued: live.note})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	p.server = testenv.API(t, live.check, p.up.ServeHTTP)
	p.up.base = p.server.URL
	config := strings.NewReplacer("ORIGIN", p.door.URL, "STORE", testenv.Redis(t).URL, "ISSUER", d.Issuer, "CLIENT", d.ClientID, "UP", p.server.URL).
		Replace(yaml)
	p.bff = testenv.BFF(t, config, "ACME_SECRET="+d.ClientSecret)
	attempt := p.get(t, "/bff/login/acme", nil)
	back, err := d.Approve(attempt.Header.Get("Location"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.get(t, strings.TrimPrefix(back, p.door.URL), attempt.Cookies()).Cookies() {
		if c.Name == "__Host-bff" {
			p.cookie = "__Host-bff=" + c.Value
		}
	}
	if p.cookie == "" {
		t.Fatal("the sign-in brought no session")
	}
	return p
}

func (p *place) get(t *testing.T, path string, cookies []*http.Cookie) *http.Response {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.door.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	resp, err := p.door.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

const yaml = `origin: ORIGIN
session:
  store: STORE
  keys: [env:BFF_KEY]
providers:
  acme:
    issuer: ISSUER
    client_id: CLIENT
    client_secret: env:ACME_SECRET
    scopes: [openid, email]
apis:
  google:
    provider: acme
    upstream: UP
    allow:
      - GET /drive/v3/files
      - GET /drive/v3/files/{id}
      - POST /upload/drive/v3/files
      - GET /calendar/v3/calendars/{id}/events
      - GET /gmail/v1/users/me/messages
  rooted:
    provider: acme
    host: example.com
    upstream: UP
    allow:
      - GET /drive/v3/files
      - GET /drive/v3/files/{id}
      - POST /upload/drive/v3/files
      - GET /calendar/v3/calendars/{id}/events
      - GET /gmail/v1/users/me/messages
  github:
    provider: acme
    upstream: UP
    allow:
      - GET /repos/{owner}/{repo}/issues
  graph:
    provider: acme
    upstream: UP
    rewrite: ['$["@odata.nextLink"]']
    allow:
      - GET /v1.0/me/messages
`

// withCookie is all that a client gets: a transport that brings the cookie. Whatever the name of the host, the front
// door is there.
func (p *place) withCookie() *http.Client { return &http.Client{Transport: cookied{p}} }

type cookied struct{ p *place }

func (c cookied) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Cookie", c.p.cookie)
	r.Header.Set("X-CSRF", "1")
	return c.p.wire.RoundTrip(r)
}

// rooted is where the mount at the root of a host is.
func (p *place) rooted() string {
	_, port, _ := net.SplitHostPort(p.door.Listener.Addr().String())
	return "https://example.com:" + port
}

// onlyGoodTokens fails when the upstream saw anything but the access token, or anything of the session.
func (p *place) onlyGoodTokens(t *testing.T) {
	t.Helper()
	calls := p.server.Calls()
	if len(calls) == 0 {
		t.Fatal("the upstream was not called")
	}
	for _, c := range calls {
		if c.Subject == "" {
			t.Errorf("%s %s came with another token", c.Method, c.Path)
		}
		if c.Header.Get("Cookie") != "" || c.Header.Get("X-CSRF") != "" || strings.Contains(fmt.Sprint(c.Header), "dummy") {
			t.Errorf("%s %s brought along %v", c.Method, c.Path, c.Header)
		}
	}
}

func TestGoogleClientsForGo(t *testing.T) {
	p := open(t)
	ctx := context.Background()
	client := option.WithHTTPClient(p.withCookie())
	for name, root := range map[string]string{"below a path": p.door.URL + "/api/google/", "at the root of a host": p.rooted() + "/"} {
		t.Run(name, func(t *testing.T) {
			d, err := drive.NewService(ctx, client, option.WithEndpoint(root+"drive/v3/"))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			if err := d.Files.List().PageSize(1).Pages(ctx, func(l *drive.FileList) error {
				for _, f := range l.Files {
					names = append(names, f.Name)
				}
				return nil
			}); err != nil || !slices.Equal(names, []string{"file 0", "file 1", "file 2"}) {
				t.Fatalf("list: %v %v", names, err)
			}
			resp, err := d.Files.Get("f1").Download()
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)); string(got) != "the content of f1" {
				t.Fatalf("media: %q", got)
			}
			_ = resp.Body.Close()
			c, err := calendar.NewService(ctx, client, option.WithEndpoint(root+"calendar/v3/"))
			if err != nil {
				t.Fatal(err)
			}
			if events, err := c.Events.List("ada@example.com").Do(); err != nil || len(events.Items) != 2 {
				t.Fatalf("events: %v", err)
			}
			g, err := gmail.NewService(ctx, client, option.WithEndpoint(root))
			if err != nil {
				t.Fatal(err)
			}
			if mail, err := g.Users.Messages.List("me").Do(); err != nil || len(mail.Messages) != 2 {
				t.Fatalf("mail: %v", err)
			}
		})
	}
	p.onlyGoodTokens(t)
}

// Drive's client drops path prefixes for uploads and follows the absolute Location of a resumable one: the mount at
// the root of a host is for it.
func TestDriveUploadsForGo(t *testing.T) {
	p := open(t)
	d, err := drive.NewService(
		context.Background(),
		option.WithHTTPClient(p.withCookie()),
		option.WithEndpoint(p.rooted()+"/drive/v3/"),
	)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := d.Files.Create(&drive.File{Name: "small"}).Media(strings.NewReader("a small one"), googleapi.ContentType("text/plain")).Do(); err != nil ||
		f.Id != "new" {
		t.Fatalf("multipart: %v %v", f, err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 80<<10) // 1.25 MiB
	f, err := d.Files.Create(&drive.File{Name: "big"}).
		Media(bytes.NewReader(big), googleapi.ContentType("application/octet-stream"), googleapi.ChunkSize(256<<10)).
		Do()
	if err != nil || f.Id != "big" || p.up.whole != len(big) {
		t.Fatalf("resumable: %v %v, %d of %d bytes", f, err, p.up.whole, len(big))
	}
	if n := len(p.server.Calls()); n < 7 {
		t.Fatalf("%d calls: the upload did not come in pieces", n)
	}
	p.onlyGoodTokens(t)
}

func TestClientsFromNPM(t *testing.T) {
	testenv.InstallNode(t, filepath.Join(testenv.Root(t), "internal", "clients", "node"))
	for client, want := range map[string]string{
		"googleapis": `{"names":["file 0","file 1","file 2"],"media":"the content of f1","made":"*","events":2,"mail":2,"denied":"route_not_allowed"}`,
		"octokit":    `{"issues":[1,2,3,4,5,6]}`,
		"graph":      `{"subjects":["mail 0","mail 1","mail 2","mail 3","mail 4","mail 5"],"next":"ORIGIN/api/graph/v1.0/me/messages?$top=2&$skip=2"}`,
	} {
		t.Run(client, func(t *testing.T) {
			p := open(t)
			trusted := filepath.Join(t.TempDir(), "door.pem")
			if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.door.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("node", "clients.mjs", client, p.door.URL, p.cookie)
			cmd.Dir = filepath.Join(testenv.Root(t), "internal", "clients", "node")
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+trusted)
			var complaints bytes.Buffer
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, complaints.String())
			}
			var got, expected map[string]any
			if json.Unmarshal(out, &got) != nil ||
				json.Unmarshal([]byte(strings.ReplaceAll(want, "ORIGIN", p.door.URL)), &expected) != nil {
				t.Fatalf("not JSON: %s", out)
			}
			for k, v := range expected {
				if v != "*" && fmt.Sprint(got[k]) != fmt.Sprint(v) || got[k] == nil {
					t.Errorf("%s: got %v, want %v", k, got[k], v)
				}
			}
			p.onlyGoodTokens(t)
		})
	}
}
