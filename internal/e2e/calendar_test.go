package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/option"

	"bff/internal/demo"
	"bff/internal/testenv"
)

// google is bff with its built-in provider `google`, pointed at a server with Google's habits.
func google(t *testing.T, cfg demo.Config, keep string) (*demo.Demo, *testenv.BFFProcess) {
	t.Helper()
	t.Parallel()
	origin := fmt.Sprintf("http://127.0.0.1:%d", testenv.FreePort(t))
	cfg.Origin, cfg.Provider = origin, "google"
	d, err := demo.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	b := testenv.BFF(t, fmt.Sprintf(`origin: %s
session:
  store: %s
  keys: [env:BFF_KEY]
providers:
  google:
    issuer: %s
    client_id: %s
    client_secret: env:GOOGLE_CLIENT_SECRET
    scopes: [openid, email, profile, https://www.googleapis.com/auth/calendar.readonly]
    keep: %s
apis:
  calendar:
    provider: google
    upstream: %s
    scopes: [https://www.googleapis.com/auth/calendar.readonly]
    allow:
      - GET /users/me/calendarList
      - GET /calendars/{id}/events
`, origin, testenv.Redis(t).URL, d.Issuer, d.ClientID, keep, d.APIURL), "GOOGLE_CLIENT_SECRET="+d.ClientSecret)
	return d, b
}

// pass goes to the provider, has a person agree there, and comes back.
func pass(t *testing.T, d *demo.Demo, c *testenv.Client, target, person string) *testenv.Answer {
	t.Helper()
	out := c.Leave(target)
	if out.Status != http.StatusFound {
		t.Fatalf("%s: %d %s", target, out.Status, out.Body)
	}
	back, err := d.Approve(out.Header.Get("Location"), person)
	if err != nil {
		t.Fatal(err)
	}
	return c.OpenFrom(d.Issuer, back)
}

// cookieOnly is what a program has that was given the browser's cookie: no token, no Google credential.
type cookieOnly struct{ c *testenv.Client }

func (o cookieOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-CSRF", "1") // it is no browser and sends neither Sec-Fetch-Site nor Origin
	return o.c.Do(r)
}

// A client nobody here wrote lists calendars and events through the mount, with only a cookie, over several expiries,
// against a server with Google's habits; a second sign-in there brings no refresh token.
func TestGoogleCalendarClient(t *testing.T) {
	d, b := google(t, demo.Config{TokenLifetime: 2 * time.Second}, "session")
	c := testenv.NewClient(b)
	if a := pass(t, d, c, "/bff/login/google?return_to=/", "ada"); strings.Contains(a.URL, "bff_error") {
		t.Fatalf("sign-in ended at %s", a.URL)
	}
	service, err := calendar.NewService(
		t.Context(),
		option.WithEndpoint(b.Origin+"/api/calendar/"),
		option.WithHTTPClient(&http.Client{Transport: cookieOnly{c}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	before := d.Counts().Refreshes
	for d.Counts().Refreshes < before+3 {
		list, err := service.CalendarList.List().Do()
		if err != nil || len(list.Items) == 0 {
			t.Fatalf("calendars: %v %v", list, err)
		}
		events, err := service.Events.List(list.Items[0].Id).Do()
		if err != nil || len(events.Items) == 0 {
			t.Fatalf("events: %v %v", events, err)
		}
	}
	if _, err := service.Events.Insert("primary", &calendar.Event{Summary: "not allowed"}).Do(); err == nil ||
		!strings.Contains(err.Error(), "403") {
		t.Errorf("a route that is not on the list: %v", err)
	}
}

// Google's granular consent: a scope that was unticked is missed by name, and the fix asks for that scope alone.
func TestGoogleScopeUnticked(t *testing.T) {
	d, b := google(t, demo.Config{}, "session")
	c := testenv.NewClient(b)
	const scope = "https://www.googleapis.com/auth/calendar.readonly"
	out := c.Leave("/bff/login/google")
	back, err := d.Approve(out.Header.Get("Location"), "grace", scope)
	if err != nil {
		t.Fatal(err)
	}
	c.OpenFrom(d.Issuer, back)
	p := problem(t, c.Fetch("GET", "/api/calendar/users/me/calendarList", ""), http.StatusForbidden, "missing_scopes")
	if missing := fmt.Sprint(p["missing_scopes"]); missing != "["+scope+"]" {
		t.Errorf("missing_scopes is %s", missing)
	}
	fix, _ := p["fix"].(map[string]any)
	if fix["kind"] != "connect" {
		t.Fatalf("fix %v", fix)
	}
	if a := pass(t, d, c, fmt.Sprint(fix["url"]), "grace"); strings.Contains(a.URL, "bff_error") {
		t.Fatalf("the fix ended at %s", a.URL)
	}
	if a := c.Fetch("GET", "/api/calendar/users/me/calendarList", ""); a.Status != http.StatusOK {
		t.Errorf("after the fix: %d %s", a.Status, a.Body)
	}
}

// Google sends a refresh token with the first consent only. With keep: user a later sign-in, on another device, uses
// the kept one.
func TestGoogleSecondSignIn(t *testing.T) {
	d, b := google(t, demo.Config{TokenLifetime: 2 * time.Second}, "user")
	first := testenv.NewClient(b)
	pass(t, d, first, "/bff/login/google", "ada")
	second := testenv.NewClient(b)
	if a := pass(t, d, second, "/bff/login/google", "ada"); strings.Contains(a.URL, "bff_error") {
		t.Fatalf("the second sign-in ended at %s", a.URL)
	}
	for _, c := range []*testenv.Client{first, second} {
		if a := c.Fetch("GET", "/api/calendar/users/me/calendarList", ""); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	before := d.Counts().Refreshes
	for d.Counts().Refreshes < before+2 {
		a := first.Fetch("GET", "/api/calendar/users/me/calendarList", "")
		if a.Status != http.StatusOK {
			t.Fatalf("the first device, after the second signed in: %d %s", a.Status, a.Body)
		}
	}
}
