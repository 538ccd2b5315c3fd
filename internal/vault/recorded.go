package vault

import (
	"context"
	"time"

	"bff/internal/audit"
	"bff/internal/trace"
)

// Why sessions end, beside what callers say. Browsers and programs hear of a closed list, in which the first two have
// other names.
const (
	endedTooMany  = "too_many" // a user had more sessions than one may have
	endedReplaced = "replaced" // a sign-in in the same browser took its place
	endedExpired  = "expired"  // it was not used for the idle time, or its lifetime was over
)

// noticeReason is what browsers and programs hear of why a session ended.
func noticeReason(reason string) string {
	switch reason {
	case endedTooMany:
		return "ended_elsewhere"
	case endedReplaced:
		return "logout"
	}
	return reason
}

// A recorder tells the audit what the store has.
type recorder struct {
	to  audit.Recorder // nil: nothing is recorded
	now func() time.Time
}

// did writes down what was done, once the store has it. Who did it, and in which request, is what ctx says; an event
// that has an actor keeps it.
func (r recorder) did(ctx context.Context, e audit.Event) {
	if r.to == nil {
		return
	}
	e.At, e.Request = r.now(), trace.From(ctx).ID
	if e.Actor.Kind == "" {
		e.Actor = audit.By(ctx)
	}
	if e.Actor.Kind == audit.ByClient && e.Client == "" {
		e.Client = e.Actor.Name
	}
	r.to.Record(ctx, e)
}

// ends writes down which sessions of a user ended.
func (r recorder) ends(ctx context.Context, userID, reason string, sessions []string) {
	for _, id := range sessions {
		r.did(ctx, audit.Event{Kind: audit.SessionEnded, User: userID, Session: id, Reason: reason})
	}
}

// grantEnd writes down that a connection needs the person from now on.
func (r recorder) grantEnd(ctx context.Context, was, is *Connection) {
	if is.Status != StatusNeedsReauth || was.Status == StatusNeedsReauth {
		return
	}
	e := audit.Event{Kind: audit.RefreshRefused, User: is.owner.user, Session: is.owner.session, Connection: is.ID,
		Provider: is.Provider, Reason: is.Reason, Actor: audit.Actor{Kind: audit.ByProvider, Name: is.Provider}}
	if is.Reason == endedExpired { // by the clock: nobody was asked
		e.Actor = audit.Actor{Kind: audit.ByBFF}
	}
	r.did(ctx, e)
}

// user writes down how a record differs from what it was. before is zero for a new one.
func (r recorder) user(ctx context.Context, before, next *UserRecord) {
	if before.ID == "" {
		r.did(ctx, audit.Event{Kind: audit.UserRegistered, User: next.ID, Provider: next.Provider,
			Rights: next.AllRights()})
		return
	}
	for _, i := range next.Identities {
		if !before.has(i) {
			r.did(ctx, audit.Event{Kind: audit.IdentityAdded, User: next.ID, Provider: i.Provider})
		}
	}
	for _, i := range before.Identities {
		if !next.has(i) {
			r.did(ctx, audit.Event{Kind: audit.IdentityRemoved, User: next.ID, Provider: i.Provider})
		}
	}
	if before.loses(next) || next.loses(before) {
		r.did(ctx, audit.Event{Kind: audit.RightsChanged, User: next.ID, Rights: next.AllRights()})
	}
}
