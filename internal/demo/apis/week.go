package apis

import (
	"bff/internal/demo/provider"
	"fmt"
	"time"
)

// An appointment that repeats every week: day 0 is Monday, at is minutes after midnight (UTC).
type appointment struct {
	day, at, minutes int
	summary, place   string
}

// diary is what a person does all week.
func diary(name string) []appointment {
	switch name {
	case "ada":
		return []appointment{
			{0, 9 * 60, 30, "Breakfast with Charles", "Dorset Street"},
			{0, 14 * 60, 90, "Notes on the engine: section G", "Study"},
			{1, 10 * 60, 60, "Bernoulli numbers, step by step", "Study"},
			{1, 16 * 60, 45, "Letter to Augustus De Morgan", ""},
			{2, 11 * 60, 60, "Punched cards: ask the loom people", "Workshop"},
			{2, 15 * 60, 60, "Harp lesson", "Music room"},
			{3, 9*60 + 30, 90, "Translate Menabrea, last pages", "Study"},
			{3, 13 * 60, 60, "Lunch with Mary Somerville", "Chelsea"},
			{4, 10 * 60, 120, "Engine demonstration", "Dorset Street"},
			{4, 17 * 60, 60, "Ride in the park", "Hyde Park"},
			{5, 11 * 60, 60, "Flyology: wings, second attempt", "Garden"},
			{6, 15 * 60, 90, "Tea with Faraday", "Royal Institution"},
		}
	case "grace":
		return []appointment{
			{0, 8 * 60, 45, "Watch change, machine room", "Building 4"},
			{0, 13 * 60, 60, "Compiler: what to call it", "Room 12"},
			{1, 9 * 60, 120, "A-0 subroutine library", "Room 12"},
			{2, 10*60 + 30, 30, "Moth, please somebody look at relay 70", "Panel F"},
			{2, 14 * 60, 60, "COBOL committee", "Pentagon"},
			{3, 9 * 60, 60, "Nanoseconds: cut the wires", "Lecture hall"},
			{3, 15 * 60, 60, "Talk: why we always did it that way", "Lecture hall"},
			{4, 11 * 60, 90, "Standards review", "Room 3"},
			{5, 10 * 60, 60, "Knitting", ""},
			{6, 12 * 60, 120, "Lunch with family", "Home"},
		}
	case "linus":
		return []appointment{
			{0, 10 * 60, 120, "Merge window", "Home"},
			{1, 9 * 60, 60, "Read mail, answer some", "Home"},
			{1, 18 * 60, 90, "Dive club", "Pool"},
			{2, 10 * 60, 60, "Release candidate", ""},
			{3, 11 * 60, 45, "Say no politely", "Home"},
			{3, 15 * 60, 60, "Subsurface: fix the depth graph", "Home"},
			{4, 10 * 60, 60, "Maintainers", "Call"},
			{5, 9 * 60, 180, "Diving", "Coast"},
			{6, 20 * 60, 30, "Tag and push", "Home"},
		}
	}
	return []appointment{
		{0, 9 * 60, 60, "Plan the week", ""},
		{2, 13 * 60, 60, "Lunch with a friend", ""},
		{4, 16 * 60, 60, "Look back at the week", ""},
	}
}

func teamDiary() []appointment {
	return []appointment{
		{0, 10 * 60, 15, "Stand-up", "Call"},
		{1, 10 * 60, 15, "Stand-up", "Call"},
		{2, 10 * 60, 15, "Stand-up", "Call"},
		{3, 10 * 60, 15, "Stand-up", "Call"},
		{4, 10 * 60, 15, "Stand-up", "Call"},
		{2, 16 * 60, 60, "Show and tell", "Big room"},
		{4, 15 * 60, 30, "Cake", "Kitchen"},
	}
}

// weekOf writes a calendar for the week of now and the one after it.
func weekOf(p *provider.Person, now time.Time, calendar string) []event {
	list := diary(p.Name)
	if calendar == teamCalendar {
		list = teamDiary()
	}
	now = now.UTC()
	monday := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC).AddDate(0, 0, -(int(now.Weekday())+6)%7)
	var out []event
	for week := range 2 {
		for i, a := range list {
			day := monday.AddDate(0, 0, 7*week+a.day)
			start := day.Add(time.Duration(a.at) * time.Minute)
			e := newEvent(
				p,
				calendar,
				fmt.Sprintf("%s%02d%s", p.Name, i, day.Format("20060102")),
				a.summary,
				monday.AddDate(0, 0, -7),
			)
			if calendar == teamCalendar {
				e.ID = "team" + e.ID[len(p.Name):]
				e.Creator, e.Organizer = actor{
					Email:       teamCalendar,
					DisplayName: "Team",
				}, actor{
					Email:       teamCalendar,
					DisplayName: "Team",
				}
				e.Attendees = []attending{{Email: p.Email, ResponseStatus: "accepted", Self: true}}
			}
			e.Location = a.place
			e.Start = eventTime{DateTime: start.Format(time.RFC3339), TimeZone: "UTC"}
			e.End = eventTime{DateTime: start.Add(time.Duration(a.minutes) * time.Minute).Format(time.RFC3339), TimeZone: "UTC"}
			out = append(out, e)
		}
	}
	return out
}
