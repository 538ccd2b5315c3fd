package provider

import (
	"slices"
	"strings"
)

// Scopes of the demo APIs, by Google's names.
const (
	ScopeEmail            = "https://www.googleapis.com/auth/userinfo.email"
	ScopeProfile          = "https://www.googleapis.com/auth/userinfo.profile"
	ScopeCalendar         = "https://www.googleapis.com/auth/calendar"
	ScopeCalendarReadonly = "https://www.googleapis.com/auth/calendar.readonly"
	ScopeCalendarEvents   = "https://www.googleapis.com/auth/calendar.events"
	ScopeDrive            = "https://www.googleapis.com/auth/drive"
	ScopeDriveReadonly    = "https://www.googleapis.com/auth/drive.readonly"
	ScopeDriveFile        = "https://www.googleapis.com/auth/drive.file"
)

// A scope in words, for the consent page.
type scope struct {
	Name, Title, Detail string
	SignIn              bool // who you are: never unticked
}

func catalogue() []scope {
	return []scope{
		{"openid", "Know that it is you", "An identifier that stays the same at every sign-in.", true},
		{ScopeEmail, "See your email address", "The address of this account.", true},
		{ScopeProfile, "See your name", "The name you go by here.", true},
		{
			ScopeCalendarReadonly,
			"See your calendars",
			"All events on all calendars of this account. Nothing can be changed.",
			false,
		},
		{ScopeCalendarEvents, "Add and change events", "Create, move and cancel events on your calendars.", false},
		{ScopeCalendar, "Manage your calendars", "See, change, share and delete all of them.", false},
		{ScopeDriveReadonly, "See and download your files", "All files of this account. Nothing can be changed.", false},
		{ScopeDriveFile, "Keep files of its own", "Create files, and see those that this app created.", false},
		{ScopeDrive, "Manage your files", "See, change, create and delete all of them.", false},
	}
}

// canonical gives scopes the names that answers use, each once, in order.
func (h *Habits) canonical(in []string) []string {
	var out []string
	for _, s := range in {
		if n, ok := h.ScopeNames[s]; ok {
			s = n
		}
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// describe looks a scope up; one that is not in the catalogue describes itself.
func describe(name string) (scope, bool) {
	for _, s := range catalogue() {
		if s.Name == name || name == "email" && s.Name == ScopeEmail || name == "profile" && s.Name == ScopeProfile {
			s.Name = name
			return s, true
		}
	}
	return scope{Name: name, Title: name, Detail: "As its name says."}, false
}

func signInScope(name string) bool {
	s, _ := describe(name)
	return s.SignIn || name == "offline_access"
}

// split reads a scope parameter.
func (h *Habits) split(v string) []string {
	if sep := h.ScopeSeparator; sep != "" && sep != " " {
		return strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(sep, r) || r == ' ' })
	}
	return strings.Fields(v)
}

// union appends to a what of b is not in it.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// covers says whether every one of want is in have.
func covers(have, want []string) bool {
	for _, s := range want {
		if !slices.Contains(have, s) {
			return false
		}
	}
	return true
}
