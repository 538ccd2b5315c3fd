package demo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/demo/trouble"
	"bff/internal/testenv"

	"github.com/coreos/go-oidc/v3/oidc"
)

// refreshRaw makes one token call and gives the answer, or the error of a connection that broke.
func (c *client) refreshRaw(ctx context.Context, token string) (int, http.Header, string, error) {
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {token},
		"client_id":     {c.ClientID},
		"client_secret": {c.ClientSecret},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.d.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.GetBody = nil // or the transport would send it again on a connection that was cut
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, resp.Header, string(b), err
}

func mustSwitch(t *testing.T, d *demo.Demo, m trouble.Mode) {
	t.Helper()
	if err := d.Switch(m); err != nil {
		t.Fatal(err)
	}
}

// Each trouble: what the client sees, and whether the refresh token was spent by it.
func TestTroubleAtTheTokenEndpoint(t *testing.T) {
	for name, row := range map[string]struct {
		mode  trouble.Mode
		see   func(status int, h http.Header, body string, err error) bool
		spent bool
	}{
		"down answers 503 with Retry-After": {trouble.Down, func(s int, h http.Header, _ string, _ error) bool { return s == 503 && h.Get("Retry-After") != "" },
			false},
		"refuse refuses the connection": {trouble.Refuse,
			func(_ int, _ http.Header, _ string, err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }, false},
		"garbage is 200 with nonsense": {trouble.Garbage,
			func(s int, _ http.Header, b string, _ error) bool { return s == 200 && strings.Contains(b, "<html>") }, false},
		"huge does not end":                 {trouble.Huge, func(s int, _ http.Header, b string, _ error) bool { return s == 200 && len(b) == 1<<20 }, false},
		"lose-answer breaks the connection": {trouble.LoseAnswer, func(_ int, _ http.Header, _ string, err error) bool { return errors.Is(err, io.EOF) }, true},
		"fail-after answers 503":            {trouble.FailAfter, func(s int, _ http.Header, _ string, _ error) bool { return s == 503 }, true},
		"truncate sends a half": {trouble.Truncate, func(s int, _ http.Header, _ string, err error) bool {
			return s == 200 && errors.Is(err, io.ErrUnexpectedEOF)
		}, true},
		"refuse-client is invalid_client": {trouble.RefuseClient, func(s int, _ http.Header, b string, _ error) bool {
			return s == 401 && strings.Contains(b, "invalid_client")
		}, false},
		"refuse-grant is invalid_grant": {trouble.RefuseGrant, func(s int, _ http.Header, b string, _ error) bool {
			return s == 400 && strings.Contains(b, "invalid_grant")
		}, false},
		"invalid-rapt has its subtype": {trouble.InvalidRapt, func(s int, _ http.Header, b string, _ error) bool {
			return s == 400 && strings.Contains(b, `"error_subtype":"invalid_rapt"`)
		}, false},
		"rate-limit is 429 and Retry-After": {trouble.RateLimit,
			func(s int, h http.Header, _ string, _ error) bool { return s == 429 && h.Get("Retry-After") != "" }, false},
		"flaky fails the first call": {trouble.Flaky, func(s int, _ http.Header, _ string, _ error) bool { return s == 503 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, nil)
			c := newClient(t, d)
			tok := c.signIn("ada")
			mustSwitch(t, d, row.mode)
			c.http.CloseIdleConnections()
			status, header, body, err := c.refreshRaw(t.Context(), tok.RefreshToken)
			if !row.see(status, header, body, err) {
				t.Errorf("the client sees %d %.80q %v", status, body, err)
			}
			if got := d.Counts().Refreshes == 1; got != row.spent {
				t.Errorf("the refresh token is spent: %v, want %v", got, row.spent)
			}
			mustSwitch(t, d, trouble.Up)
			if _, err := c.refresh(tok.RefreshToken); (err != nil) != row.spent {
				t.Errorf("afterwards the same token says %v", err)
			}
		})
	}
}

func TestHangAnswersNothingUntilItIsSwitchedOff(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("ada")
	mustSwitch(t, d, trouble.Hang)
	if _, _, _, err := c.refreshRaw(ctxSeconds(t, 50*time.Millisecond), tok.RefreshToken); !errors.Is(
		err,
		context.DeadlineExceeded,
	) {
		t.Errorf("it answers: %v", err)
	}
	done := make(chan error, 1)
	calls := d.Counts().TokenCalls
	go func() {
		_, _, _, err := c.refreshRaw(t.Context(), tok.RefreshToken)
		done <- err
	}()
	testenv.Eventually(t, "the call has arrived", func() bool { return d.Counts().TokenCalls > calls })
	mustSwitch(t, d, trouble.Up)
	if err := testenv.Receive(t, "the end of it", done); err == nil {
		t.Error("a call that hung is answered in the end")
	}
	if _, err := c.refresh(tok.RefreshToken); err != nil {
		t.Error(err)
	}
}

// Slow does its work after the wait, Late before it: a client that left has spent its token with Late alone.
func TestSlowWaitsBeforeTheWorkAndLateAfterIt(t *testing.T) {
	for name, row := range map[string]struct {
		mode  trouble.Mode
		spent bool
	}{"slow": {trouble.Slow, false}, "late": {trouble.Late, true}} {
		t.Run(name, func(t *testing.T) {
			d := start(t, nil)
			c := newClient(t, d)
			tok := c.signIn("ada")
			if err := d.Delay(row.mode, time.Hour); err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := c.refreshRaw(ctxSeconds(t, 300*time.Millisecond), tok.RefreshToken); err == nil {
				t.Error("it answers at once")
			}
			if name == "late" {
				if d.Counts().Refreshes != 1 {
					t.Error("the work is not done")
				}
			}
			mustSwitch(t, d, trouble.Up)
		})
	}
}

func TestTroubleOfTheTokenEndpointLeavesThePagesAlone(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	for _, m := range trouble.Modes() {
		wide := slices.Contains([]trouble.Mode{trouble.Slow, trouble.Down, trouble.Refuse, trouble.Hang, trouble.Garbage}, m)
		if wide {
			continue
		}
		mustSwitch(t, d, m)
		if _, err := oidc.NewProvider(c.ctx(), d.Issuer); err != nil {
			t.Errorf("%s: discovery fails: %v", m, err)
		}
	}
}

func TestTheAPIsAnswerWhileTheProviderIsDown(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	tok := c.signIn("ada")
	for _, m := range []trouble.Mode{trouble.Down, trouble.Refuse, trouble.Hang} {
		mustSwitch(t, d, m)
		if resp, _ := c.call(d.APIURL+"/users/me/calendarList", tok.AccessToken); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: the calendar answers %d", m, resp.StatusCode)
		}
	}
}

func TestSwitchNextEndsByItself(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	tok := c.signIn("ada")
	if err := d.SwitchNext(trouble.Down, 2); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.refresh(tok.RefreshToken); err == nil {
			t.Error("the provider is up too early")
		}
	}
	if _, err := c.refresh(tok.RefreshToken); err != nil || d.Mode() != trouble.Up {
		t.Errorf("afterwards: %v, %s", err, d.Mode())
	}
	if err := d.Switch("nonsense"); err == nil {
		t.Error("a mode that does not exist is taken")
	}
}

// The APIs answer 401 for a token that was ended behind everybody's back, and 403 for quota, which is no matter of
// tokens.
func TestTroubleOfTheAPIs(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d, provider.ScopeCalendarReadonly)
	tok := c.signIn("ada")
	list := d.APIURL + "/users/me/calendarList"
	for name, row := range map[string]struct {
		mode   trouble.Mode
		status int
		text   string
	}{
		"down":       {trouble.Down, 503, "backendError"},
		"rate limit": {trouble.RateLimit, 429, "rateLimitExceeded"},
		"quota":      {trouble.Quota, 403, "rateLimitExceeded"},
		"flaky":      {trouble.Flaky, 503, "backendError"},
		"echo":       {trouble.Echo, 500, tok.AccessToken},
		"up":         {trouble.Up, 200, "ada@example.com"},
	} {
		d.SwitchAPI(row.mode)
		if resp, body := c.call(list, tok.AccessToken); resp.StatusCode != row.status || !strings.Contains(body, row.text) {
			t.Errorf("%s: it answers %d %s", name, resp.StatusCode, body)
		}
	}
	d.SwitchAPI(trouble.Up)
	d.ExpirePerson("grace")
	if resp, _ := c.call(list, tok.AccessToken); resp.StatusCode != http.StatusOK {
		t.Errorf("somebody else's tokens expired with hers: %d", resp.StatusCode)
	}
	d.ExpireAll()
	if resp, _ := c.call(list, tok.AccessToken); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an ended token is answered %d", resp.StatusCode)
	}
	if again, err := c.refresh(tok.RefreshToken); err != nil {
		t.Error(err)
	} else if resp, _ := c.call(list, again.AccessToken); resp.StatusCode != http.StatusOK {
		t.Errorf("the renewed token is answered %d", resp.StatusCode)
	}
}

func TestRevokedByThePerson(t *testing.T) {
	d := start(t, nil)
	c := newClient(t, d)
	ada, grace := c.signIn("ada"), c.signIn("grace")
	d.RevokePerson("ada")
	if _, err := c.refresh(ada.RefreshToken); code(t, err) != "invalid_grant" {
		t.Errorf("ada's token lives: %v", err)
	}
	if tok, err := c.refresh(grace.RefreshToken); err != nil {
		t.Errorf("grace's token died: %v", err)
	} else {
		grace = tok
	}
	d.RevokeAll()
	if _, err := c.refresh(grace.RefreshToken); code(t, err) != "invalid_grant" {
		t.Errorf("grace's token lives: %v", err)
	}
	c.signIn("ada") // she can come back
}
