package apis

import (
	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
	"bff/internal/demo/shelf"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// An event of a calendar, in Google's shape.
type event struct {
	Kind        string      `json:"kind"`
	ETag        string      `json:"etag"`
	ID          string      `json:"id"`
	Status      string      `json:"status"`
	HTMLLink    string      `json:"htmlLink"`
	Created     string      `json:"created"`
	Updated     string      `json:"updated"`
	Summary     string      `json:"summary"`
	Description string      `json:"description,omitempty"`
	Location    string      `json:"location,omitempty"`
	ColorID     string      `json:"colorId,omitempty"`
	Creator     actor       `json:"creator"`
	Organizer   actor       `json:"organizer"`
	Start       eventTime   `json:"start"`
	End         eventTime   `json:"end"`
	Attendees   []attending `json:"attendees,omitempty"`

	calendar string
}

type actor struct {
	Email       string `json:"email"`
	DisplayName string `json:"displayName,omitempty"`
	Self        bool   `json:"self,omitempty"`
}

type attending struct {
	Email          string `json:"email"`
	ResponseStatus string `json:"responseStatus"`
	Self           bool   `json:"self,omitempty"`
}

type eventTime struct {
	Date     string `json:"date,omitempty"`
	DateTime string `json:"dateTime,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
}

func (t eventTime) instant() time.Time {
	if at, err := time.Parse(time.RFC3339, t.DateTime); err == nil {
		return at
	}
	at, _ := time.Parse(time.DateOnly, t.Date)
	return at
}

const teamCalendar = "team@group.calendar.example.com"

// calendar is the calendar API.
type calendar struct {
	now       func() time.Time
	log       *journal.Journal
	streaming context.Context // ends with the streams

	mu       sync.Mutex
	added    map[string][]event // person -> events they created
	watchers map[chan event]string
}

func newCalendar(cfg Config, streaming context.Context) *calendar {
	return &calendar{
		now: cfg.Now, log: cfg.Log, streaming: streaming, added: map[string][]event{}, watchers: map[chan event]string{},
	}
}

// calendarsOf are a person's own calendar and the one they share.
func calendarsOf(p *provider.Person) []map[string]any {
	return []map[string]any{
		{
			"kind":            "calendar#calendarListEntry",
			"etag":            `"1"`,
			"id":              p.Email,
			"summary":         p.Email,
			"timeZone":        "UTC",
			"colorId":         "14",
			"backgroundColor": "#3f6ad8",
			"foregroundColor": "#ffffff",
			"selected":        true,
			"accessRole":      "owner",
			"primary":         true,
		},
		{
			"kind":            "calendar#calendarListEntry",
			"etag":            `"2"`,
			"id":              teamCalendar,
			"summary":         "Team",
			"description":     "Everybody's week",
			"timeZone":        "UTC",
			"colorId":         "7",
			"backgroundColor": "#0f9d72",
			"foregroundColor": "#ffffff",
			"selected":        true,
			"accessRole":      "reader",
		},
	}
}

func (c *calendar) serveCalendarList(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	items := calendarsOf(p)
	from, to, next := page(r, "maxResults", 100, len(items))
	out := map[string]any{"kind": "calendar#calendarList", "etag": `"p1"`, "items": items[from:to]}
	if next != "" {
		out["nextPageToken"] = next
	} else {
		out["nextSyncToken"] = "s1"
	}
	answer.JSON(w, http.StatusOK, out)
}

// calendarOf resolves the path's calendar id, "primary" too.
func calendarOf(w http.ResponseWriter, r *http.Request, p *provider.Person) (string, bool) {
	switch id := r.PathValue("calendar"); id {
	case "primary", p.Email:
		return p.Email, true
	case teamCalendar:
		return teamCalendar, true
	}
	apiError(w, http.StatusNotFound, "notFound", "Not Found")
	return "", false
}

// events are those of a calendar in the order of their start.
func (c *calendar) events(p *provider.Person, calendar string) []event {
	out := weekOf(p, c.now(), calendar)
	c.mu.Lock()
	for _, e := range c.added[p.Name] {
		if e.calendar == calendar {
			out = append(out, e)
		}
	}
	c.mu.Unlock()
	slices.SortStableFunc(out, func(a, b event) int { return a.Start.instant().Compare(b.Start.instant()) })
	return out
}

func (c *calendar) serveEvents(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	calendar, ok := calendarOf(w, r, p)
	if !ok {
		return
	}
	q := r.URL.Query()
	from, err1 := optionalTime(q.Get("timeMin"))
	to, err2 := optionalTime(q.Get("timeMax"))
	if err1 != nil || err2 != nil {
		apiError(w, http.StatusBadRequest, "badRequest", "Bad Request")
		return
	}
	items := slices.DeleteFunc(c.events(p, calendar), func(e event) bool {
		return !from.IsZero() && !e.End.instant().After(from) || !to.IsZero() && !e.Start.instant().Before(to) ||
			!strings.Contains(strings.ToLower(e.Summary), strings.ToLower(q.Get("q")))
	})
	start, end, next := page(r, "maxResults", 250, len(items))
	role := "owner"
	if calendar == teamCalendar {
		role = "reader"
	}
	out := map[string]any{
		"kind":             "calendar#events",
		"etag":             `"e1"`,
		"summary":          calendar,
		"updated":          c.now().UTC().Format(time.RFC3339),
		"timeZone":         "UTC",
		"accessRole":       role,
		"defaultReminders": []any{},
		"items":            items[start:end],
	}
	if next != "" {
		out["nextPageToken"] = next
	} else {
		out["nextSyncToken"] = "s1"
	}
	answer.JSON(w, http.StatusOK, out)
}

func optionalTime(v string) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, v)
}

func (c *calendar) serveEvent(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	calendar, ok := calendarOf(w, r, p)
	if !ok {
		return
	}
	for _, e := range c.events(p, calendar) {
		if e.ID == r.PathValue("event") {
			answer.JSON(w, http.StatusOK, e)
			return
		}
	}
	apiError(w, http.StatusNotFound, "notFound", "Not Found")
}

const maxAdded = 200 // events a person may add

// serveInsert keeps a new event of the person's own calendar.
func (c *calendar) serveInsert(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	calendar, ok := calendarOf(w, r, p)
	if !ok {
		return
	}
	if calendar != p.Email {
		apiError(w, http.StatusForbidden, "requiredAccessLevel", "You need to have writer access to this calendar.")
		return
	}
	var in struct {
		Summary, Description, Location string
		Start, End                     eventTime
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in) != nil || in.Start.instant().IsZero() ||
		in.End.instant().Before(in.Start.instant()) {
		apiError(w, http.StatusBadRequest, "badRequest", "Bad Request")
		return
	}
	e := newEvent(p, calendar, "x"+strings.ToLower(shelf.Random(9)), in.Summary, c.now())
	e.Description, e.Location, e.Start, e.End = in.Description, in.Location, in.Start, in.End
	c.mu.Lock()
	if len(c.added[p.Name]) < maxAdded {
		c.added[p.Name] = append(c.added[p.Name], e)
	}
	for ch, who := range c.watchers {
		if who == p.Name {
			select {
			case ch <- e:
			default: // a reader that does not keep up misses events rather than holding everybody
			}
		}
	}
	c.log.Note("calendar", p.Name, "the app added an event to %s's calendar", p.GivenName())
	c.mu.Unlock()
	answer.JSON(w, http.StatusOK, e)
}

// serveCancel removes an event that the person added.
func (c *calendar) serveCancel(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	c.mu.Lock()
	before := len(c.added[p.Name])
	c.added[p.Name] = slices.DeleteFunc(c.added[p.Name], func(e event) bool { return e.ID == r.PathValue("event") })
	gone := len(c.added[p.Name]) < before
	c.mu.Unlock()
	if !gone {
		apiError(w, http.StatusNotFound, "notFound", "Not Found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func newEvent(p *provider.Person, calendar, id, summary string, at time.Time) event {
	me := actor{Email: p.Email, DisplayName: p.FullName, Self: true}
	stamp := at.UTC().Truncate(time.Second).Format(time.RFC3339)
	return event{
		Kind:      "calendar#event",
		ETag:      `"` + id + `"`,
		ID:        id,
		Status:    "confirmed",
		HTMLLink:  "https://calendar.example.com/event?eid=" + id,
		Created:   stamp,
		Updated:   stamp,
		Summary:   summary,
		Creator:   me,
		Organizer: me,
		calendar:  calendar,
	}
}
