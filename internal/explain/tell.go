package explain

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"bff/internal/audit"
)

// A Story is what is known of one id.
type Story struct {
	ID     string `json:"id"`
	Events []Step `json:"events"` // the oldest first
}

// A Step is one event in words.
type Step struct {
	audit.Event
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Do   string `json:"do,omitempty"` // what somebody can do about it
}

// Tell reads the story of an id. An id of which nothing is known has a story without events.
func Tell(ctx context.Context, store Store, id string) (Story, error) {
	var entries [][]byte
	for class := range ofStranger { // strangers' are in the list of calls
		more, err := store.Read(ctx, listOf(id, class))
		if err != nil {
			return Story{}, err
		}
		entries = append(entries, more...)
	}
	story := Story{ID: id, Events: []Step{}}
	for _, entry := range entries {
		var e audit.Event
		if json.Unmarshal(entry, &e) == nil {
			story.Events = append(story.Events, step(e))
		}
	}
	slices.SortStableFunc(story.Events, byTime)
	return story, nil
}

func byTime(a, b Step) int { return a.At.Compare(b.At) }

func step(e audit.Event) Step {
	s := Step{Event: e, What: "Something happened that this version does not know: " + string(e.Kind) + "."}
	for _, d := range audit.Kinds() {
		if d.Kind == e.Kind {
			s.What, s.Do = d.Means, d.Advice
		}
	}
	code, reason := because(codes(), e.Code), because(reasons(), reasonOf(e))
	s.Why = strings.TrimSpace(code.why + " " + reason.why)
	s.Do = cmp.Or(code.do, reason.do, s.Do)
	switch {
	case (e.Kind == audit.TokenExchanged || e.Kind == audit.ExchangeRefused) && e.Reason != "":
		s.Why = strings.TrimSpace(code.why + " What the service gave as its reason: " + e.Reason + ".")
	case len(e.Changed) > 0:
		s.Why = strings.TrimSpace(s.Why + " Changed: " + strings.Join(e.Changed, ", ") + ".")
	}
	if len(e.Missing) > 0 {
		s.Why = strings.TrimSpace(s.Why + " Missing: " + strings.Join(e.Missing, ", ") + ".")
	}
	return s
}

// A cause is a code or a reason in words.
type cause struct{ name, why, do string }

func because(list []cause, name string) cause {
	if name == "" {
		return cause{}
	}
	for _, c := range list {
		if c.name == name {
			return c
		}
	}
	return cause{name: name, why: "Code: " + name + "."}
}

// reasonOf is the reason as the list knows it: who ended a session elsewhere makes a difference.
func reasonOf(e audit.Event) string {
	if e.Reason == "ended_elsewhere" && (e.Actor.Kind == audit.ByClient || e.Actor.Kind == audit.ByOperator) {
		return "ended_by_" + string(e.Actor.Kind)
	}
	return e.Reason
}

// codes are those of problem documents and of bff_error.
//
// Long: it is a table, a row for each code.
func codes() []cause {
	return []cause{
		{
			"not_signed_in",
			"There was no session, or it had ended.",
			"The person signs in again; explain the session's id to see why it ended.",
		},
		{"csrf_rejected", "The request came from another site, or did not say from where.",
			"Call from a page of the origin, or list the other origin in frontend.origins; a program sends X-CSRF: 1."},
		{
			"not_connected",
			"The session has no account at the api's provider.",
			"The person links one: the problem's fix leads there.",
		},
		{
			"needs_reauth",
			"The connection's grant is dead.",
			"The person links the account again; explain the connection to see why.",
		},
		{
			"missing_scopes",
			"The person has not granted what the api needs.",
			"The person grants it: the problem's fix asks for it.",
		},
		{"not_permitted", "The user lacks a right that the mount requires.", "Give the right, or change the api's require."},
		{"route_not_allowed", "The method and path are not on the api's allow-list.", "Add the pattern to the api's allow."},
		{"bad_request", "The request could be read in two ways, or a parameter was malformed.", "Read the problem's detail."},
		{"body_too_large", "The body is larger than the route takes.", ""},
		{
			"rate_limited",
			"A limit was reached.",
			"Wait for Retry-After; limits in the configuration say how much one may spend.",
		},
		{"store_unavailable", "The store did not answer for a while. Nothing ended.", "`bff check` says what the store answers."},
		{
			"provider_unavailable",
			"A refresh was needed and the provider was down or slow. Nothing ended.",
			"Look at the provider.",
		},
		{"provider_misconfigured", "The provider refuses bff's own client. Nobody was signed out.",
			"Check client_id and client_secret: `bff provider check NAME`."},
		{"upstream_failed", "The upstream broke the call off.", "Look at the upstream: it is neither bff nor the provider."},
		{
			"upstream_timeout",
			"The upstream did not answer within the api's timeout.",
			"Look at the upstream, or raise timeout.",
		},
		{"access_denied", "The person said no at the provider.", ""},
		{"login_expired", "The attempt was unknown, used or older than ten minutes.", "Begin the sign-in again."},
		{
			"login_failed",
			"The provider or its ID token got something wrong.",
			"The log has a line `a sign-in failed` that says what.",
		},
		{"wrong_account", "Another account was chosen than the one to repair.", "Choose the account that is shown."},
		{"not_allowed", "This person may not sign in.", "users.allow, or the hook's answer, decides that."},
		{
			"hook_failed",
			"The hook did not answer as it should.",
			"Look at the hook's log; users.hook.required: false lets people in meanwhile.",
		},
		{"internal", "bff has a bug.", "The log has the request id and a stack: please report it."},
	}
}

// reasons are why sessions end and grants die.
func reasons() []cause {
	return []cause{
		{"start", "An instance started.", ""},
		{"reload", "An instance was asked to read it again, or a file it names was changed.", ""},
		{"hidden", "From now on nobody can guess from a copy of the store who is in it.", ""},
		{"back", "A version that knows no other way can read the store again.",
			"Run `bff user hide-names` once that version is gone."},
		{"logout", "The person signed out.", ""},
		{"replaced", "The person signed in again in the same browser: the new session took its place.", ""},
		{"ended_elsewhere", "The person ended it from another session.", ""},
		{"ended_by_client", "A service ended it on the admin listener.", "Ask whoever runs that service."},
		{"ended_by_operator", "An operator ended it with `bff user`.", ""},
		{"too_many", "The user had more than 100 sessions, and it was the oldest.",
			"Look at who signs in so often: a program that keeps no cookies signs in anew each time."},
		{"unused", "Nobody had been there for the time that users.forget says.", ""},
		{"provider", "The provider ordered it.", "The person was signed out, or locked, at the provider."},
		{
			"expired",
			"It was not used for the idle timeout, or its lifetime was over.",
			"session.idle and session.lifetime say how long.",
		},
		{"erased", "The user was erased.", ""},
		{"revoked", "The grant was withdrawn at the provider.", "The person links the account again."},
		{"session_policy", "The provider's administrator wants a new sign-in.", "The person links the account again."},
		{
			"rotated_away",
			"A rotated refresh token was lost: its answer never arrived.",
			"The person links the account again.",
		},
		{"unknown", "The provider did not say why.", "The person links the account again."},
		{"unread", "The provider answers in a form that is neither JSON nor a form.", "Compare token_url and token_headers " +
			"with the provider's documentation; the log has a line `answers of the provider cannot be read`."},
		unread("error_field", "its error stands at a place of its own"),
		unread("grant_errors", "its error is none that is known to mean a dead grant"),
		unread("refused_refresh", "its refusal has no code"),
		unread("token_path", "its tokens stand inside an object"),
		unread("answer_names", "its token has another name"),
	}
}

// unread is an answer that a key of the provider's file would make readable.
func unread(key, why string) cause {
	return cause{"unread_" + key, "The provider's answers cannot be read: " + why + ".", "Write `" + key + "` of the provider; " +
		"the log has a line `answers of the provider cannot be read` that says what."}
}

// elsewhere says where calls that went well are kept: what a command reads of the store has none of them.
func elsewhere(id string) string {
	return "Calls that went well are in the memory of the instance that carried them: ask its admin listener for " +
		"/explain/" + id + " as a client with `manage`.\n"
}

// Text is the story for a terminal, of what the store has.
func (s Story) Text() string {
	if len(s.Events) == 0 {
		return "Nothing is known of " + s.ID + ". Events are kept as long as `explain` in the configuration says, a day " +
			"by default.\n" + elsewhere(s.ID)
	}
	var b strings.Builder
	for _, e := range s.Events {
		fmt.Fprintf(&b, "%s  %s\n", e.At.Format(time.RFC3339), e.What)
		for _, more := range []string{e.Why, about(e.Event)} {
			if more != "" {
				fmt.Fprintf(&b, "    %s\n", more)
			}
		}
		if e.Do != "" {
			fmt.Fprintf(&b, "    What to do: %s\n", e.Do)
		}
	}
	if s.ID != Changes {
		b.WriteString(elsewhere(s.ID))
	}
	return b.String()
}

// about names what an event is about and who caused it.
func about(e audit.Event) string {
	parts := []string{"by " + strings.TrimSpace(string(cmp.Or(e.Actor.Kind, audit.ByBFF))+" "+e.Actor.Name)}
	for _, p := range [...]struct{ name, value string }{
		{"user", e.User}, {"session", e.Session}, {"connection", e.Connection}, {"provider", e.Provider}, {"api", e.API},
		{"service", e.Client}, {"rights", strings.Join(e.Rights, ",")}, {"request", e.Request},
	} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	return strings.Join(parts, " · ")
}
