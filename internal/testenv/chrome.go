package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A Browser is a headless Chromium with a profile of its own. Everything that reaches any of its tabs is recorded
// through the DevTools protocol: bodies, raw headers, frames of WebSockets, events of event streams, console
// messages.
type Browser struct {
	tb  testing.TB
	ctx context.Context

	mu       sync.Mutex
	seen     bytes.Buffer
	complain []string
	requests []string
	missed   []string
}

// A Tab is one tab. Ctx is what chromedp's functions take; Do and Run below fail the test on errors.
type Tab struct {
	Ctx context.Context
	b   *Browser
}

// Chrome starts a browser. Further options of chromedp's allocator change how:
// chromedp.Flag("disable-popup-blocking", false).
func Chrome(tb testing.TB, opts ...chromedp.ExecAllocatorOption) *Browser {
	tb.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		tb.Fatal("chromium is missing: run `make tools`")
	}
	all := append(
		chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath("chromium"),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.UserDataDir(tb.TempDir()),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.WindowSize(1280, 900),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(all, opts...)...)
	ctx, closeBrowser := chromedp.NewContext(alloc)
	b := &Browser{tb: tb, ctx: ctx}
	tb.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		closeBrowser()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("start chromium: %v", err)
	}
	return b
}

// Tab opens a tab.
func (b *Browser) Tab() *Tab { b.tb.Helper(); return b.attach() }

// Attach records a tab that a page opened itself, by its id: from chromedp.WaitNewTarget.
func (b *Browser) Attach(id target.ID) *Tab {
	b.tb.Helper()
	return b.attach(chromedp.WithTargetID(id))
}

func (b *Browser) attach(opts ...chromedp.ContextOption) *Tab {
	b.tb.Helper()
	paused := make(chan *fetch.EventRequestPaused, 1024)
	ctx, cancel := chromedp.NewContext(
		b.ctx,
		append(opts, chromedp.WithListener(func(ev any) { b.listen(ev, paused) }))...)
	b.tb.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.tb.Fatalf("open a tab: %v", err)
	}
	go func() {
		for {
			select {
			case ev := <-paused:
				go b.body(ctx, ev)
			case <-ctx.Done():
				return
			}
		}
	}()
	all := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{RequestStage: fetch.RequestStageResponse}}}
	if _, err := chromedp.Call(ctx, fetch.Enable, all); err != nil {
		b.tb.Fatalf("record a tab: %v", err)
	}
	return &Tab{Ctx: ctx, b: b}
}

// listen runs inside the loop that reads the browser's messages, so it only notes.
func (b *Browser) listen(ev any, paused chan<- *fetch.EventRequestPaused) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *fetch.EventRequestPaused:
		paused <- ev
		return
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, ev.Request.Method+" "+ev.Request.URL)
	case *runtime.EventExceptionThrown:
		b.complain = append(b.complain, "exception: "+ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			raw, _ := json.Marshal(ev.Args)
			b.complain = append(b.complain, "console: "+string(raw))
		}
	case *cdplog.EventEntryAdded:
		if ev.Entry.Level == cdplog.EntryLevelError || ev.Entry.Source == cdplog.EntrySourceSecurity {
			b.complain = append(b.complain, string(ev.Entry.Source)+": "+ev.Entry.Text+" "+ev.Entry.URL)
		}
	}
	raw, _ := json.Marshal(ev)
	b.seen.Write(raw)
	b.seen.WriteByte('\n')
}

// body notes the body of an answer before the page gets it. Redirects have none, and an event stream has no end: its
// events are noted.
func (b *Browser) body(ctx context.Context, ev *fetch.EventRequestPaused) {
	stream, kind := false, ""
	for _, h := range ev.ResponseHeaders {
		if strings.EqualFold(h.Name, "Content-Type") {
			kind = h.Value
			stream = strings.HasPrefix(kind, "text/event-stream")
		}
	}
	redirect := ev.ResponseStatusCode >= 300 && ev.ResponseStatusCode < 400
	if !stream && !redirect && ev.ResponseErrorReason == "" {
		got, err := chromedp.Call(ctx, fetch.GetResponseBody, fetch.GetResponseBodyParams{RequestID: ev.RequestID})
		b.mu.Lock()
		b.seen.Write(got.Body)
		b.seen.WriteByte('\n')
		if err != nil && ctx.Err() == nil {
			b.missed = append(b.missed, ev.Request.Method+" "+ev.Request.URL+": "+err.Error())
		}
		b.mu.Unlock()
	}
	_, _ = chromedp.Call(ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: ev.RequestID})
}

// Received is everything that reached the browser so far.
func (b *Browser) Received() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.seen.Bytes())
}

// Complaints is every console error and warning, uncaught exception, failed load, and violation of a
// Content-Security-Policy so far.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.complain...)
}

// Requests is every request so far, as "METHOD URL". Missed is what could not be recorded: a proof needs it empty.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.requests...)
}

func (b *Browser) Missed() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.missed...)
}

// Cookies is the browser's whole cookie store, HttpOnly cookies included.
func (b *Browser) Cookies() []*network.Cookie {
	b.tb.Helper()
	got, err := chromedp.CallBrowser(b.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		b.tb.Fatal(err)
	}
	return got.Cookies
}

// Do runs actions in the tab, within a minute.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.b.tb.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.b.tb.Fatalf("in the browser: %v\nat %s\n%s", err, t.where(), strings.Join(t.b.Complaints(), "\n"))
	}
}

// Eval evaluates an expression, waits for it when it is a promise, and returns its value.
func Eval[T any](t *Tab, expression string) T {
	t.b.tb.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.b.tb.Fatalf("evaluate %.200s: %v\nat %s", expression, err, t.where())
	}
	return v
}

// Await waits until an expression is true.
func (t *Tab) Await(expression string) {
	t.b.tb.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, time.Minute)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ctx.Err() != nil {
			t.b.tb.Fatalf("never true: %s (%v)\nat %s\n%s", expression, err, t.where(), strings.Join(t.b.Complaints(), "\n"))
		}
		if ok {
			return
		}
		<-time.After(20 * time.Millisecond) // a page between two documents has nothing to evaluate in
	}
}

func (t *Tab) where() string {
	ctx, cancel := context.WithTimeout(t.Ctx, 5*time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	return at
}

// Readable is what a script in the page can read: its DOM, document.cookie, both storages, the names of databases and
// caches.
func (t *Tab) Readable() string {
	t.b.tb.Helper()
	return Eval[string](t, `(async () => JSON.stringify({
		dom: document.documentElement.outerHTML, cookie: document.cookie, local: {...localStorage}, session: {...sessionStorage},
		databases: indexedDB.databases ? await indexedDB.databases() : [], caches: self.caches ? await caches.keys() : [], name: window.name,
	}))()`)
}

// Screenshot is a PNG of the whole page.
func (t *Tab) Screenshot() []byte {
	t.b.tb.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, time.Minute)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.b.tb.Fatal(err)
	}
	return png
}

// Raw sends any command of the protocol to the tab.
func Raw[P, R any](t *Tab, command cdp.Command[P, R], params P) R {
	t.b.tb.Helper()
	r, err := chromedp.Call(t.Ctx, command, params)
	if err != nil {
		t.b.tb.Fatal(err)
	}
	return r
}
