package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// A person who comes from a mail into a deep page of a site that stands behind bff as a whole is there, signed in,
// without a second sign-in and without a loop: on each front. The first time she is sent to sign in, and comes back.
func TestALinkInAMailLeadsIntoAGuardedSiteOfEachFront(t *testing.T) {
	var mu sync.Mutex
	loads := map[string]int{}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		loads[r.URL.Path]++
		w.Header().Set("Content-Type", "text/html")
		signed := strings.Count(r.Header.Get("Authorization"), ".") == 2
		const page = "<!doctype html><title>app</title><link rel=icon href=data:,><p>%s signed %v"
		_, _ = fmt.Fprintf(w, page, r.URL.RequestURI(), signed)
	}))
	t.Cleanup(app.Close)
	const site = "  site: {path: /, upstream: %q, identity: app, anonymous: redirect, allow: [\"/{rest...}\"]}\n"
	s := buildSitesOf(t, fmt.Sprintf(site, app.URL), false)
	mail := ""
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		const page = "<!doctype html><title>a mail</title><link rel=icon href=data:,><a id=link href=%q>read</a>"
		_, _ = fmt.Fprintf(w, page, mail)
	}))
	t.Cleanup(stranger.Close)
	elsewhere := strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1)
	for i, front := range []string{s.origin, s.shop, s.desk} {
		first, again := fmt.Sprintf("/deep/first-%d?a=b&c=%%2F", i), fmt.Sprintf("/deep/again-%d?c=d", i)
		for n, target := range []string{first, again} {
			before, signIns := s.seen(), s.demo.Counts().SignIns
			mail = front + target + "#part"
			s.tab.Do(chromedp.Navigate(elsewhere+"/"), chromedp.Click("#link"))
			if i == 0 && n == 0 {
				agree(s.tab, "ada")
			}
			s.tab.Await(shows(target + " signed true"))
			if at := testenv.Eval[string](s.tab, "location.href"); !strings.HasPrefix(at, front+target) {
				t.Errorf("%s: the page is at %s", mail, at)
			}
			if i+n > 0 && (s.seen() != before || s.demo.Counts().SignIns != signIns) {
				t.Errorf("%s: the provider was seen", mail)
			}
			mu.Lock()
			path, _, _ := strings.Cut(target, "?")
			if loads[path] != 1 {
				t.Errorf("%s was loaded %d times", mail, loads[path])
			}
			mu.Unlock()
		}
	}
}
