package main_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	main "bff/cmd/bff"
	"bff/internal/testenv"
)

// With a configuration, `bff dev` runs that one: its providers are played, its secrets need not be set, its own
// upstreams are called.
func TestDevRunsYourConfiguration(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "your own "+strings.Fields(r.Header.Get("Authorization") + " none")[0])
	}))
	t.Cleanup(upstream.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<p>your page"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bff.yaml")
	if err := os.WriteFile(file, []byte("origin: https://app.example.com\nsession: {keys: [env:BFF_KEY, 'file:/nowhere/key'], store: "+
		"'redis://redis.internal/0'}\nproviders:\n  github: {client_id: x, client_secret: env:NOT_SET}\n  acme: {issuer: 'https://id.acme.example', client_id: "+
		"x, client_secret: env:NOT_SET_EITHER}\napis:\n  own: {provider: acme, upstream: '"+upstream.URL+"', allow: [GET /a]}\n"+
		"  calendar: {provider: acme, upstream: 'https://www.googleapis.com/calendar/v3', allow: [GET /users/me/calendarList]}\n"+
		"frontend: {dir: .}\ntls: {acme: {cache: ./acme}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out := &shared{}
	done := make(chan int, 1)
	go func() {
		done <- main.Run(ctx, []string{"dev", "--listen", "127.0.0.1:0", "--config", file}, func(string) string { return "" }, out, out)
	}()
	t.Cleanup(func() {
		stop()
		if code, _ := next(t, "the end of bff dev", done); code != 0 {
			t.Errorf("bff dev ends with %d\n%s", code, out)
		}
	})
	testenv.Eventually(t, "the address is printed", func() bool { return opened.MatchString(out.String()) })
	p := somebody(t, opened.FindStringSubmatch(out.String())[1])
	if a := p.goTo("/bff/login/acme", "ada"); a.status != http.StatusOK || !strings.Contains(a.body, "your page") {
		t.Errorf("the sign-in ends with %d %s", a.status, a.body)
	}
	if a := p.fetch(http.MethodGet, "/api/own/a", ""); a.status != http.StatusOK || a.body != "your own Bearer" {
		t.Errorf("your own upstream: %d %s", a.status, a.body)
	}
	if a := p.fetch(http.MethodGet, "/api/calendar/users/me/calendarList", ""); a.status != http.StatusOK &&
		a.code() != "missing_scopes" {
		t.Errorf("a provider's API: %d %s", a.status, a.body)
	}
	if a := p.goTo("/bff/login/github", "grace"); a.status != http.StatusOK {
		t.Errorf("the sign-in at the other provider ends with %d", a.status)
	}
}

// Without --listen, `bff dev` is where the configuration says that browsers find it, when that is this machine; its admin
// listener is at the configuration's port.
func TestDevListensWhereTheOriginIs(t *testing.T) {
	port, admin := testenv.FreePort(t), testenv.FreePort(t)
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf("origin: http://localhost:%d\nsession: {store: 'memory:', keys: [env:BFF_KEY]}\n"+
		"admin: ':%d'\nproviders: {acme: {issuer: 'https://id.acme.example', client_id: x, client_secret: env:NOT_SET}}\n", port, admin)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, done := &shared{}, make(chan int, 1)
	go func() {
		done <- main.Run(ctx, []string{"dev", "--config", file}, func(string) string { return "" }, out, out)
	}()
	testenv.Eventually(t, "the address is printed", func() bool { return opened.MatchString(out.String()) || len(done) > 0 })
	stop()
	code, _ := next(t, "the end of bff dev", done)
	if !strings.Contains(out.String(), fmt.Sprintf("http://127.0.0.1:%d/metrics", admin)) {
		t.Errorf("operators find it elsewhere than the configuration says, port %d:\n%s", admin, out)
	}
	if at := opened.FindStringSubmatch(out.String()); code != 0 || at == nil || at[1] != fmt.Sprintf("http://127.0.0.1:%d", port) {
		t.Errorf("exit code %d; it says\n%s", code, out)
	}
}
