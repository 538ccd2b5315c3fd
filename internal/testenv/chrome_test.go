package testenv_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// The recorder is what the proof of guarantee 1 rests on, so it must see what it claims to see.
func TestChromeRecordsWhatReachesIt(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.SetCookie(w, &http.Cookie{Name: "c", Value: "mark-in-cookie", HttpOnly: true})
			w.Header().Set("X-Mark", "mark-in-header")
			_, _ = io.WriteString(w, `<!doctype html><title>t</title><p>mark-in-body`)
		case "/next":
			http.SetCookie(w, &http.Cookie{Name: "d", Value: "mark-in-redirect", HttpOnly: true})
			http.Redirect(w, r, "/json", http.StatusFound)
		case "/json":
			_, _ = io.WriteString(w, `{"a":"mark-in-fetch"}`)
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: mark-in-event\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	b := testenv.Chrome(t)
	tab := b.Tab()
	tab.Do(chromedp.Navigate(server.URL + "/"))
	if got := testenv.Eval[string](tab, `fetch("/next").then(r => r.text())`); !strings.Contains(got, "mark-in-fetch") {
		t.Fatal(got)
	}
	if got := testenv.Eval[string](
		tab, `new Promise(ok => { const s = new EventSource("/events"); s.onmessage = e => { s.close(); ok(e.data) } })`,
	); got != "mark-in-event" {
		t.Fatal(got)
	}
	testenv.Eval[string](tab, `console.error("mark-in-console"), ""`)
	testenv.Eventually(t, "the console message arrives", func() bool { return len(b.Complaints()) > 0 })
	seen := string(b.Received())
	for _, mark := range []string{"mark-in-cookie", "mark-in-header", "mark-in-body", "mark-in-redirect", "mark-in-fetch", "mark-in-event", "mark-in-console"} {
		if !strings.Contains(seen, mark) {
			t.Errorf("%s was not recorded", mark)
		}
	}
	if missed := b.Missed(); len(missed) > 0 {
		t.Errorf("missed %q", missed)
	}
	if readable := tab.Readable(); !strings.Contains(readable, "mark-in-body") ||
		strings.Contains(readable, "mark-in-cookie") {
		t.Error("a script reads something else than the page")
	}
	found := false
	for _, c := range b.Cookies() {
		found = found || c.Value == "mark-in-cookie" && c.HTTPOnly
	}
	if !found {
		t.Error("the HttpOnly cookie is not in the store")
	}
}
