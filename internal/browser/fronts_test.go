package browser_test

import (
	"crypto/tls"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/demo"
	"bff/internal/testenv"
)

// Three sites of one product over two instances on one store: the first on loopback, one by https on a domain of its
// own, one more on another host.
type threeSites struct {
	*rig
	shop, desk string
	instances  [2]string // where they listen
	tls        string    // the port of the site that is https
	admins     [2]string // where they answer services
}

const frontPage = `<!doctype html><title>A front</title><p id="who"></p>
<a id="in" href="/bff/login/demo">Sign in</a> <a id="ask" href="/bff/login/demo?prompt=login">Sign in anew</a>
<script>fetch('/bff/session').then(r => r.json()).then(s => who.textContent = s.authenticated ? 'is ' + s.user.email : 'is nobody')</script>`

// buildSites starts them. more are further lines of the configuration, apis first; env is further environment.
func buildSites(t *testing.T, more string, env ...string) *threeSites {
	t.Helper()
	return buildSitesOf(t, more, true, env...)
}

// buildSitesOf is buildSites with pages of the sites' own, or without.
func buildSitesOf(t *testing.T, more string, pages bool, env ...string) *threeSites {
	t.Helper()
	s := &threeSites{rig: &rig{t: t, marks: map[string]string{}}, shop: "https://shop.example"}
	s.instances, s.admins = [2]string{address(t), address(t)}, [2]string{address(t), address(t)}
	s.origin = "http://" + s.instances[0]
	s.desk = "http://desk.localhost:" + s.instances[1][strings.LastIndexByte(s.instances[1], ':')+1:]
	var err error
	s.demo, err = demo.Start(demo.Config{Origin: s.origin, TokenLifetime: time.Minute, Issued: s.mark,
		PostLogoutURIs: []string{s.shop + "/", s.desk + "/"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.demo.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(frontPage), 0o600); err != nil {
		t.Fatal(err)
	}
	own := ""
	if pages {
		own = "frontend: {dir: " + dir + "}"
	}
	text := s.configuration() + more +
		fmt.Sprintf("%[1]s\nfronts: [{origin: %[2]q, %[1]s}, {origin: %[3]q, %[1]s}]\n", own, s.shop, s.desk)
	s.both(text, env...)
	s.tls = s.terminate(s.instances[1])
	s.browser = s.another()
	s.tab = s.browser.Tab()
	return s
}

// another is one more browser, which finds the sites.
func (s *threeSites) another() *testenv.Browser {
	return testenv.Chrome(s.t, chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("host-resolver-rules", "MAP shop.example 127.0.0.1:"+s.tls))
}

// both starts both instances on one configuration.
func (s *threeSites) both(text string, env ...string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "bff.yaml")
	write(s.t, file, text)
	env = append(env, "BFF_KEY="+testenv.NewKey(s.t))
	for i, listen := range s.instances {
		s.run(file, listen, s.admins[i], env)
	}
}

// terminate speaks TLS in front of an instance, and passes the browser's Host on.
func (s *threeSites) terminate(instance string) (port string) {
	to, err := url.Parse("http://" + instance)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}})
	proxy.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	proxy.StartTLS()
	s.t.Cleanup(proxy.Close)
	return proxy.URL[strings.LastIndexByte(proxy.URL, ':')+1:]
}

// at opens a front's page and waits until it says who is there.
func (s *threeSites) at(front, who string) {
	s.t.Helper()
	s.tab.Do(chromedp.Navigate(front + "/"))
	s.settled(front, who)
}

func (s *threeSites) settled(front, who string) {
	s.t.Helper()
	s.tab.Await("location.origin == " + strconv.Quote(front) + " && " + shows("is "+who))
}

// seen is how often the browser was at the provider.
func (s *threeSites) seen() (n int) {
	for _, r := range s.browser.Requests() {
		if strings.HasPrefix(r, "GET "+s.demo.Issuer) {
			n++
		}
	}
	return n
}

// everywhere logs out on the front that is open.
func (s *threeSites) everywhere() {
	s.t.Helper()
	const logout = `fetch('/bff/logout', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{"everywhere": true}'}).then(r => r.status)`
	if status := testenv.Eval[int](s.tab, logout); status != 200 {
		s.t.Fatalf("logout: %d", status)
	}
}

// Signed in on one site, signed in on the next without the provider; asked for, the provider shows; everywhere is
// everywhere. Two instances, one of the sites https.
func TestSingleSignOnOverThreeSites(t *testing.T) {
	s := buildSites(t, "")
	const ada, nobody = "ada@example.com", "nobody"
	s.at(s.origin, nobody)
	click(s.tab, "#in")
	agree(s.tab, "ada")
	s.settled(s.origin, ada)
	before := s.seen()
	s.at(s.shop, nobody)
	click(s.tab, "#in")
	s.settled(s.shop, ada)
	if s.seen() != before {
		t.Error("the provider was seen on the way to the second site")
	}
	s.at(s.desk, nobody)
	click(s.tab, "#ask")
	agree(s.tab, "ada")
	s.settled(s.desk, ada)
	if s.seen() == before {
		t.Error("the provider was not seen although it was asked for")
	}
	s.everywhere()
	for _, front := range []string{s.desk, s.shop, s.origin} {
		s.at(front, nobody)
	}
	// It begins on a further site, by https: back there, and signed in on the others.
	s.at(s.shop, nobody)
	click(s.tab, "#in")
	agree(s.tab, "ada")
	s.settled(s.shop, ada)
	before = s.seen()
	s.at(s.origin, ada)
	s.at(s.desk, nobody)
	click(s.tab, "#in")
	s.settled(s.desk, ada)
	if s.seen() != before {
		t.Error("the provider was seen on the way to the third site")
	}
	for _, c := range s.browser.Cookies() {
		if strings.Contains(c.Name, "bff") && (!c.HTTPOnly || strings.HasPrefix(c.Name, "__Host-") != (c.Domain == "shop.example")) {
			t.Errorf("cookie %s of %s", c.Name, c.Domain)
		}
	}
}
