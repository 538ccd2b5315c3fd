package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/audit"
	"bff/internal/explain"
	"bff/internal/proxy"
	"bff/internal/users"
)

// A call that went well is explained by the instance that carried it, under each of its ids, and by no other. Neither a path
// nor a query is shown. One that bff refused is not shown as carried.
func TestACallThatWentWellIsExplainedByItsInstance(t *testing.T) {
	service := newBackendServer(t)
	calls := explain.NewCalls().Within(time.Hour)
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) {
		before := s.api
		s.api = func(a *api.Config) {
			before(a)
			a.Calls = calls
			m, err := proxy.New(proxy.Config{Name: "app", Path: "/app", Upstream: service.URL, Allow: []string{"GET /{rest...}"},
				Origin: a.Origin, Transport: proxy.NewTransport(), Backend: true})
			if err != nil {
				panic(err)
			}
			a.Mounts = append(a.Mounts, api.Mount{Mount: m, Name: "app", Identity: "app", Anonymous: api.Pass})
		}
	})
	b := w.browser()
	s := b.signIn("ada")
	const path = "/api/calendar/calendars/the-secret-id/events"
	served := b.fetch("GET", path+"?access_token=planted", "")
	backend := b.fetch("GET", "/app/the-secret-id", "")
	nobody := w.browser().fetch("GET", "/app/x", "")
	refused := b.fetch("GET", "/api/calendar/nothing", "")
	conn := connectionOf(t, s, "ada@example.com")["id"].(string)
	events := func(id string) (carried int, all string) {
		resp := manage(t, w, "GET", "/explain/"+id, "")
		all = text(resp)
		if resp.StatusCode != http.StatusOK {
			return 0, all
		}
		var story explain.Story
		if err := json.Unmarshal([]byte(all), &story); err != nil {
			t.Fatal(err)
		}
		for i := range story.Events {
			if story.Events[i].Kind == audit.CallCarried {
				carried++
			}
		}
		return carried, all
	}
	id := func(r *http.Response) string { return r.Header.Get("BFF-Request-Id") }
	for _, c := range []struct {
		name, id string
		want     int
		says     string
	}{
		{"the request", id(served), 1, "calendar"},
		{"the user", userOf(s), 2, "calendar"},
		{"the session", sessionOf(s), 2, "calendar"},
		{"the connection", conn, 1, "GET /calendars/{id}/events"},
		{"a call to a backend", id(backend), 1, "GET /{rest...}"},
		{"a call of nobody to a backend", id(nobody), 1, "answered 200"},
		{"a refused call", id(refused), 0, "the instance that carried it knows"},
	} {
		got, all := events(c.id)
		if got != c.want || !strings.Contains(all, c.says) {
			t.Errorf("%s: %d calls are shown, want %d: %s", c.name, got, c.want, all)
		}
		for _, never := range []string{"the-secret-id", "planted", b.cookie("bff")} {
			if strings.Contains(all, never) {
				t.Errorf("%s: the story holds %q: %s", c.name, never, all)
			}
		}
	}
	other := newWorld(t, withUsers(users.Config{}))
	if resp := manage(t, other, "GET", "/explain/"+id(served), ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an instance that did not carry the call: %d %s", resp.StatusCode, text(resp))
	}
}
