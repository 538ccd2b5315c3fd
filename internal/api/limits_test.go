package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/proxy"
	"bff/internal/testenv"
)

// A desk is an upstream whose calls stay until they are let go, and which answers what a test sets.
type desk struct {
	*httptest.Server
	mu     sync.Mutex
	inside int
	calls  int
	open   chan struct{}
	answer func(http.ResponseWriter)
	app    bool // it is a backend of the application's own, not a provider's api
}

// ofBoth runs a test against a provider's api and against a backend: limits are the same for both.
func ofBoth(t *testing.T, test func(*testing.T, *desk)) {
	for _, app := range []bool{false, true} {
		t.Run(map[bool]string{false: "an api", true: "a backend"}[app], func(t *testing.T) {
			d := newDesk(t)
			d.app = app
			test(t, d)
		})
	}
}

func newDesk(t *testing.T) *desk {
	d := &desk{open: make(chan struct{})}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.inside++
		d.calls++
		answer := d.answer
		d.mu.Unlock()
		if answer != nil {
			answer(w)
			return
		}
		select {
		case <-d.open:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) count() (inside, calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inside, d.calls
}

// behind is a world with the desk mounted twice, under these limits.
func (d *desk) behind(t *testing.T, limits api.Limits, change ...func(*settings)) *world {
	t.Helper()
	return newWorld(t, append(change, func(s *settings) {
		s.mounts = []proxy.Config{
			{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}, Backend: d.app},
			{Name: "other", Path: "/api/other", Upstream: d.URL, Allow: []string{"GET /x"}, Backend: d.app},
		}
		s.api = func(c *api.Config) {
			c.Limits = limits
			for i := range c.Mounts {
				if m := &c.Mounts[i]; d.app {
					m.Provider, m.Scopes, m.Identity = "", nil, "app"
				}
			}
		}
	})...)
}

// occupy has b take n places of an api and waits until they are taken.
func (d *desk) occupy(t *testing.T, b *browser, target string, n int) (leave func()) {
	t.Helper()
	before, _ := d.count()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { b.fetch("GET", target, "") })
	}
	testenv.Eventually(t, "the calls are at the upstream", func() bool { now, _ := d.count(); return now == before+n })
	return func() {
		close(d.open)
		testenv.Finished(t, "the calls", calls.Wait)
	}
}

func TestASessionHasSoManyCallsInFlight(t *testing.T) { ofBoth(t, soManyInFlight) }

func soManyInFlight(t *testing.T, d *desk) {
	w := d.behind(t, api.Limits{SessionConcurrency: 3})
	ada, grace := w.browser(), w.browser()
	ada.signIn("ada")
	grace.signIn("grace")
	leave := d.occupy(t, ada, "/api/desk/x", 3)
	resp := ada.fetch("GET", "/api/other/x", "")
	refused(t, resp, 429, "rate_limited")
	if resp.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
	}
	d.mu.Lock()
	d.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
	d.mu.Unlock()
	if resp := grace.fetch("GET", "/api/desk/x", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("another session: %d", resp.StatusCode)
	}
	leave()
	if resp := ada.fetch("GET", "/api/other/x", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("after they left: %d", resp.StatusCode)
	}
}

func TestOneSessionNeverHoldsAllPlacesOfAnAPI(t *testing.T) {
	oneSessionNeverHoldsAll(t, api.Limits{APIConcurrency: 6}, http.StatusOK)
}

// The other api has the same provider.
func TestOneSessionNeverHoldsAllPlacesOfAProvider(t *testing.T) {
	oneSessionNeverHoldsAll(t, api.Limits{ProviderConcurrency: 6}, http.StatusTooManyRequests)
}

// oneSessionNeverHoldsAll also says what a call through the other api gets when this one is full.
func oneSessionNeverHoldsAll(t *testing.T, limits api.Limits, other int) {
	d := newDesk(t)
	w := d.behind(t, limits)
	ada, grace, linus := w.browser(), w.browser(), w.browser()
	ada.signIn("ada")
	grace.signIn("grace")
	linus.signIn("linus")
	leave := d.occupy(t, ada, "/api/desk/x", 3) // alone: half
	refused(t, ada.fetch("GET", "/api/desk/x", ""), 429, "rate_limited")
	d2 := d.occupyMore(t, grace, 2) // two of them: a third each
	refused(t, grace.fetch("GET", "/api/desk/x", ""), 429, "rate_limited")
	d3 := d.occupyMore(t, linus, 1)                                        // whoever comes next finds a place
	refused(t, linus.fetch("GET", "/api/desk/x", ""), 429, "rate_limited") // and then it is full
	d.mu.Lock()
	d.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
	d.mu.Unlock()
	if resp := linus.fetch("GET", "/api/other/x", ""); resp.StatusCode != other {
		t.Errorf("through the other api: %d", resp.StatusCode)
	}
	leave()
	testenv.Finished(t, "the second desk", d2.Wait)
	testenv.Finished(t, "the third desk", d3.Wait)
}

// occupyMore is occupy without an end of its own.
func (d *desk) occupyMore(t *testing.T, b *browser, n int) *sync.WaitGroup {
	t.Helper()
	before, _ := d.count()
	calls := &sync.WaitGroup{}
	for range n {
		calls.Go(func() { b.fetch("GET", "/api/desk/x", "") })
	}
	testenv.Eventually(t, "the calls are at the upstream", func() bool { now, _ := d.count(); return now == before+n })
	return calls
}

// through makes ten calls and says how many were let through.
func through(t *testing.T, b *browser) (n int) {
	t.Helper()
	for range 10 {
		switch resp := b.fetch("GET", "/api/desk/x", ""); resp.StatusCode {
		case http.StatusOK:
			n++
		default:
			refused(t, resp, 429, "rate_limited")
		}
	}
	return n
}

func TestAProviderIsSentSoManyCallsPerSecond(t *testing.T) {
	clock := newClock()
	d := newDesk(t)
	d.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
	w := d.behind(t, api.Limits{ProviderPerSecond: 8}, func(s *settings) { s.now, s.life = clock.now, time.Hour })
	var got []int
	for _, name := range []string{"ada", "grace", "linus"} {
		b := w.browser()
		b.signIn(name)
		got = append(got, through(t, b))
	}
	if !slices.Equal(got, []int{4, 4, 0}) { // two seconds' worth of a quarter each, until the provider's second is spent
		t.Errorf("%v went through", got)
	}
}

func TestASessionHasSoManyCallsPerSecond(t *testing.T) { ofBoth(t, soManyPerSecond) }

func soManyPerSecond(t *testing.T, d *desk) {
	clock := newClock()
	d.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
	w := d.behind(t, api.Limits{SessionPerSecond: 2}, func(s *settings) { s.now, s.life = clock.now, time.Hour })
	ada, grace := w.browser(), w.browser()
	ada.signIn("ada")
	grace.signIn("grace")
	if n := through(t, ada); n != 4 {
		t.Errorf("%d went through at once, want two seconds' worth", n)
	}
	if n := through(t, grace); n != 4 {
		t.Errorf("another session: %d", n)
	}
	clock.advance(time.Second)
	if n := through(t, ada); n != 2 {
		t.Errorf("%d went through a second later", n)
	}
}

// An upstream that says when to come again is left alone until then: by that session, for that api.
func TestAnUpstreamsRetryAfterIsHonoured(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		after  func(now time.Time) string
		pause  time.Duration // 0: none
	}{
		"429 in seconds":               {429, func(time.Time) string { return "20" }, 20 * time.Second},
		"429 with a date":              {429, func(now time.Time) string { return now.Add(20 * time.Second).UTC().Format(http.TimeFormat) }, 20 * time.Second},
		"429 for an hour: a minute":    {429, func(time.Time) string { return "3600" }, time.Minute},
		"429 without a time":           {429, func(time.Time) string { return "" }, 0},
		"429 with nonsense":            {429, func(time.Time) string { return "soon" }, 0},
		"429 with a negative number":   {429, func(time.Time) string { return "-5" }, 0},
		"429 with a date that is over": {429, func(now time.Time) string { return now.Add(-time.Hour).UTC().Format(http.TimeFormat) }, 0},
		"503 is not about the caller":  {503, func(time.Time) string { return "20" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			d := newDesk(t)
			d.answer = func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", c.after(clock.now()))
				w.WriteHeader(c.status)
			}
			w := d.behind(t, api.Limits{}, func(s *settings) { s.now, s.life, s.pause = clock.now, time.Hour, api.PauseAPI })
			ada, grace := w.browser(), w.browser()
			ada.signIn("ada")
			grace.signIn("grace")
			first := ada.fetch("GET", "/api/desk/x", "")
			if first.StatusCode != c.status || first.Header.Get("BFF-Error") != "" {
				t.Fatalf("the upstream's own answer passes: %d %s", first.StatusCode, first.Header.Get("BFF-Error"))
			}
			second := ada.fetch("GET", "/api/desk/x", "")
			if c.pause == 0 {
				if _, calls := d.count(); calls != 2 || second.Header.Get("BFF-Error") != "" {
					t.Fatalf("%d calls reached the upstream, %s", calls, second.Header.Get("BFF-Error"))
				}
				return
			}
			refused(t, second, 429, "rate_limited")
			if n, _ := strconv.Atoi(second.Header.Get("Retry-After")); n < int(c.pause.Seconds())-1 ||
				n > int(c.pause.Seconds()) {
				t.Errorf("Retry-After %d", n)
			}
			ada.fetch("GET", "/api/other/x", "")
			grace.fetch("GET", "/api/desk/x", "")
			if _, calls := d.count(); calls != 3 {
				t.Errorf("%d calls reached the upstream: another api and another session are not concerned", calls)
			}
			clock.advance(c.pause)
			ada.fetch("GET", "/api/desk/x", "")
			if _, calls := d.count(); calls != 4 {
				t.Errorf("%d calls reached the upstream after the pause", calls)
			}
		})
	}
}

// An upstream's 429 is its own answer and stops nothing, unless the api says so; then it stops one route, or the api.
func TestAnUpstreams429PausesWhatTheAPISays(t *testing.T) {
	for pause, want := range map[api.Pause]struct{ same, other bool }{
		"": {false, false}, api.PauseOff: {false, false}, api.PauseRoute: {true, false}, api.PauseAPI: {true, true},
	} {
		t.Run("pause "+string(pause), func(t *testing.T) {
			d := newDesk(t)
			d.answer = func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(http.StatusTooManyRequests)
			}
			w := newWorld(t, func(s *settings) {
				s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x", "GET /y"}}}
				s.life, s.pause = time.Hour, pause
			})
			b := w.browser()
			b.signIn("ada")
			b.fetch("GET", "/api/desk/x", "")
			for path, paused := range map[string]bool{"/api/desk/x": want.same, "/api/desk/y": want.other} {
				if code := b.fetch("GET", path, "").Header.Get("BFF-Error"); (code == "rate_limited") != paused {
					t.Errorf("%s: %q", path, code)
				}
			}
		})
	}
}
