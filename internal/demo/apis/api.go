package apis

import (
	"context"
	"net/http"
	"strings"

	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
	"bff/internal/demo/trouble"
)

// APIs are a calendar and a drive. Safe for concurrent use.
type APIs struct {
	APIURL    string // …/calendar/v3
	FilesURL  string // …/drive/v3
	UploadURL string // …/upload/drive/v3

	cfg      Config
	calendar *calendar
	drive    *drive
	closing  context.Context
	trouble  *trouble.Switch
	hangUp   context.CancelFunc
}

// New returns APIs that answer on port until closing ends.
func New(closing context.Context, port *trouble.Port, cfg Config) *APIs {
	base := port.URL()
	a := &APIs{
		APIURL: base + "/calendar/v3", FilesURL: base + "/drive/v3", UploadURL: base + "/upload/drive/v3",
		cfg: cfg, closing: closing, trouble: trouble.NewSwitch(),
	}
	streaming, hangUp := context.WithCancel(closing)
	a.hangUp = hangUp
	a.calendar = newCalendar(cfg, streaming)
	a.drive = newDrive(cfg, a.UploadURL)
	port.Serve(a.routes())
	return a
}

// EndStreams ends what the APIs still stream, and refuses no other call. Whoever drains a proxy in front of them
// calls it first.
func (a *APIs) EndStreams() { a.hangUp() }

// SwitchAPI puts the APIs into a mode: Up, Slow, Down, Hang, RateLimit, Quota, Flaky or Echo; any other counts as Up.
func (a *APIs) SwitchAPI(m trouble.Mode) {
	a.trouble.Set(m, trouble.DefaultDelay, 0)
	a.cfg.Log.Note("switch", "", "the APIs are in the mode %q", string(m))
}

// routes is everything on the APIs' port: a route, and the scopes of which one must be granted.
func (a *APIs) routes() http.Handler {
	mux := http.NewServeMux()
	read := []string{provider.ScopeCalendarReadonly, provider.ScopeCalendar, provider.ScopeCalendarEvents}
	list := []string{provider.ScopeCalendarReadonly, provider.ScopeCalendar}
	write := []string{provider.ScopeCalendarEvents, provider.ScopeCalendar}
	files := []string{provider.ScopeDriveReadonly, provider.ScopeDrive, provider.ScopeDriveFile}
	store := []string{provider.ScopeDrive, provider.ScopeDriveFile}
	for _, route := range []struct {
		pattern string
		scopes  []string
		serve   func(http.ResponseWriter, *http.Request, *provider.Person)
	}{
		{"GET /calendar/v3/users/me/calendarList", list, a.calendar.serveCalendarList},
		{"GET /calendar/v3/calendars/{calendar}/events", read, a.calendar.serveEvents},
		{"GET /calendar/v3/calendars/{calendar}/events/{event}", read, a.calendar.serveEvent},
		{"POST /calendar/v3/calendars/{calendar}/events", write, a.calendar.serveInsert},
		{"DELETE /calendar/v3/calendars/{calendar}/events/{event}", write, a.calendar.serveCancel},
		{"GET /calendar/v3/calendars/{calendar}/stream", read, a.calendar.serveStream},
		{"GET /calendar/v3/echo", read, a.calendar.serveWebSocket},
		{"GET /drive/v3/files", files, a.drive.serveFiles},
		{"GET /drive/v3/files/{file}", files, a.drive.serveFile},
		{"DELETE /drive/v3/files/{file}", store, a.drive.serveDelete},
		{"POST /upload/drive/v3/files", store, a.drive.serveUpload},
		{"PUT /upload/drive/v3/files", store, a.drive.serveChunk},
	} {
		mux.HandleFunc(route.pattern, a.guarded(route.scopes, route.serve))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		apiError(w, http.StatusNotFound, "notFound", "Not Found")
	})
	return a.troubled(mux)
}

// guarded lets a call through that carries a valid access token with one of the scopes.
func (a *APIs) guarded(
	scopes []string,
	serve func(http.ResponseWriter, *http.Request, *provider.Person),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=0, must-revalidate, no-transform")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		access, ok := a.cfg.Access(r)
		if !ok {
			a.reject("a call without a valid access token was answered 401")
			w.Header().Set("WWW-Authenticate", provider.Challenge(r))
			apiError(w, http.StatusUnauthorized, "authError", "Request had invalid authentication credentials.")
			return
		}
		if !access.Has(scopes...) {
			a.reject("a call without the scope it needs was answered 403")
			w.Header().Set("WWW-Authenticate",
				`Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="`+strings.Join(scopes[:1], " ")+
					`"`)
			apiError(w, http.StatusForbidden, "insufficientPermissions", "Request had insufficient authentication scopes.")
			return
		}
		a.cfg.Log.Count(access.Person.Name, func(c *journal.Counts) { c.Calls++ })
		serve(w, r, access.Person)
	}
}

func (a *APIs) reject(text string) {
	a.cfg.Log.Count("", func(c *journal.Counts) { c.Rejected++ })
	a.cfg.Log.Note("rejected", "", "%s", text)
}

// troubled puts the present mode in front of the APIs.
func (a *APIs) troubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := a.trouble.Take()
		switch m.Mode {
		case trouble.Slow:
			m.Pause(r.Context())
		case trouble.Hang:
			m.Hang(r, a.closing)
		case trouble.Flaky:
			if m.Calls%2 == 1 {
				apiError(w, http.StatusServiceUnavailable, "backendError", "Backend Error")
				return
			}
		case trouble.Down:
			apiError(w, http.StatusServiceUnavailable, "backendError", "Backend Error")
			return
		case trouble.RateLimit:
			w.Header().Set("Retry-After", trouble.RetryAfter)
			apiError(w, http.StatusTooManyRequests, "rateLimitExceeded", "Rate Limit Exceeded")
			return
		case trouble.Quota:
			apiError(w, http.StatusForbidden, "rateLimitExceeded", "Rate Limit Exceeded")
			return
		case trouble.Echo:
			w.Header().Set("X-Received-Authorization", r.Header.Get("Authorization"))
			answer.JSON(w, http.StatusInternalServerError, map[string]any{"headers": r.Header})
			return
		}
		next.ServeHTTP(w, r)
	})
}
