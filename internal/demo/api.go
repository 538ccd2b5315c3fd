package demo

import (
	"net/http"
	"strconv"
	"strings"
)

// apiRoutes is everything on the APIs' port: a route, and the scopes of which one must be granted.
func (d *Demo) apiRoutes() http.Handler {
	mux := http.NewServeMux()
	read := []string{ScopeCalendarReadonly, ScopeCalendar, ScopeCalendarEvents}
	list := []string{ScopeCalendarReadonly, ScopeCalendar}
	write := []string{ScopeCalendarEvents, ScopeCalendar}
	files := []string{ScopeDriveReadonly, ScopeDrive, ScopeDriveFile}
	store := []string{ScopeDrive, ScopeDriveFile}
	for _, route := range []struct {
		pattern string
		scopes  []string
		serve   func(http.ResponseWriter, *http.Request, *Person)
	}{
		{"GET /calendar/v3/users/me/calendarList", list, d.serveCalendarList},
		{"GET /calendar/v3/calendars/{calendar}/events", read, d.serveEvents},
		{"GET /calendar/v3/calendars/{calendar}/events/{event}", read, d.serveEvent},
		{"POST /calendar/v3/calendars/{calendar}/events", write, d.serveInsert},
		{"DELETE /calendar/v3/calendars/{calendar}/events/{event}", write, d.serveCancel},
		{"GET /calendar/v3/calendars/{calendar}/stream", read, d.serveStream},
		{"GET /calendar/v3/echo", read, d.serveWebSocket},
		{"GET /drive/v3/files", files, d.serveFiles},
		{"GET /drive/v3/files/{file}", files, d.serveFile},
		{"DELETE /drive/v3/files/{file}", store, d.serveDelete},
		{"POST /upload/drive/v3/files", store, d.serveUpload},
		{"PUT /upload/drive/v3/files", store, d.serveChunk},
	} {
		mux.HandleFunc(route.pattern, d.guarded(route.scopes, route.serve))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		apiError(w, http.StatusNotFound, "notFound", "Not Found")
	})
	return d.apiTroubled(mux)
}

// guarded lets a call through that carries a valid access token with one of the scopes.
func (d *Demo) guarded(scopes []string, serve func(http.ResponseWriter, *http.Request, *Person)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=0, must-revalidate, no-transform")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		a, ok := d.bearer(r)
		if !ok {
			d.reject("a call without a valid access token was answered 401")
			w.Header().Set("WWW-Authenticate", challenge(r))
			apiError(w, http.StatusUnauthorized, "authError", "Request had invalid authentication credentials.")
			return
		}
		granted := d.habits.AnyScope
		for _, s := range scopes {
			granted = granted || covers(a.scopes, []string{s})
		}
		if !granted {
			d.reject("a call without the scope it needs was answered 403")
			w.Header().Set("WWW-Authenticate",
				`Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="`+strings.Join(scopes[:1], " ")+
					`"`)
			apiError(w, http.StatusForbidden, "insufficientPermissions", "Request had insufficient authentication scopes.")
			return
		}
		p := a.family.person
		d.mu.Lock()
		d.count(p.Name, func(c *Counts) { c.Calls++ })
		d.mu.Unlock()
		serve(w, r, p)
	}
}

func (d *Demo) reject(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts.Rejected++
	d.note("rejected", "", "%s", text)
}

// SwitchAPI puts the APIs into a mode: Up, Slow, Down, Hang, RateLimit, Quota, Flaky or Echo; any other counts as Up.
func (d *Demo) SwitchAPI(m Mode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.apiMode.changed)
	d.apiMode = mode{name: m, delay: defaultDelay, changed: make(chan struct{})}
	d.note("switch", "", "the APIs are in the mode %q", string(m))
}

// apiTroubled puts the present mode in front of the APIs.
func (d *Demo) apiTroubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.apiMode.calls++
		m := d.apiMode
		d.mu.Unlock()
		switch m.name {
		case Slow:
			pause(r.Context(), m)
		case Hang:
			d.fail(w, r, m)
		case Flaky:
			if m.calls%2 == 1 {
				apiError(w, http.StatusServiceUnavailable, "backendError", "Backend Error")
				return
			}
		case Down:
			apiError(w, http.StatusServiceUnavailable, "backendError", "Backend Error")
			return
		case RateLimit:
			w.Header().Set("Retry-After", retryAfter)
			apiError(w, http.StatusTooManyRequests, "rateLimitExceeded", "Rate Limit Exceeded")
			return
		case Quota:
			apiError(w, http.StatusForbidden, "rateLimitExceeded", "Rate Limit Exceeded")
			return
		case Echo:
			w.Header().Set("X-Received-Authorization", r.Header.Get("Authorization"))
			writeJSON(w, http.StatusInternalServerError, map[string]any{"headers": r.Header})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// apiError is the older of Google's two formats, which Calendar and Drive speak.
func apiError(w http.ResponseWriter, status int, reason, message string) {
	one := map[string]any{"message": message, "domain": "global", "reason": reason}
	body := map[string]any{"code": status, "message": message, "errors": []any{one}}
	switch status {
	case http.StatusUnauthorized:
		one["message"], one["location"], one["locationType"] = "Invalid Credentials", "Authorization", "header"
		body["status"] = "UNAUTHENTICATED"
	case http.StatusForbidden:
		one["domain"] = "usageLimits"
		if reason == "insufficientPermissions" {
			one["domain"], body["status"] = "global", "PERMISSION_DENIED"
		}
	}
	writeJSON(w, status, map[string]any{"error": body})
}

// page cuts one page out of n items: where it starts, where it ends, and the token of the next one.
func page(r *http.Request, sizeParam string, size, n int) (from, to int, next string) {
	q := r.URL.Query()
	if v, err := strconv.Atoi(q.Get(sizeParam)); err == nil && v > 0 {
		size = min(v, 1000)
	}
	from, err := strconv.Atoi(strings.TrimPrefix(q.Get("pageToken"), "p"))
	if err != nil || from < 0 || from > n {
		from = 0
	}
	to = min(from+size, n)
	if to < n {
		next = "p" + strconv.Itoa(to)
	}
	return from, to, next
}
