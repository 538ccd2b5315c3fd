package vault

import (
	"context"

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

// toldReason is what browsers and programs hear of why a session ended.
func toldReason(reason string) string {
	switch reason {
	case endedTooMany:
		return "ended_elsewhere"
	case endedReplaced:
		return "logout"
	}
	return reason
}

// record writes down what was done, once the store has it. Who did it, and in which request, is what ctx says; an event
// that has an actor keeps it.
func (c *core) record(ctx context.Context, e audit.Event) {
	if c.cfg.Audit == nil {
		return
	}
	e.At, e.Request = c.now(), trace.From(ctx).ID
	if e.Actor.Kind == "" {
		e.Actor = audit.By(ctx)
	}
	if e.Actor.Kind == audit.ByClient && e.Client == "" {
		e.Client = e.Actor.Name
	}
	c.cfg.Audit.Record(ctx, e)
}

// recordEnds writes down which sessions of a user ended.
func (c *core) recordEnds(ctx context.Context, userID, reason string, sessions []string) {
	for _, id := range sessions {
		c.record(ctx, audit.Event{Kind: audit.SessionEnded, User: userID, Session: id, Reason: reason})
	}
}

// recordGrantEnd writes down that a connection needs the person from now on.
func (c *core) recordGrantEnd(ctx context.Context, was, is *Connection) {
	if is.Status != StatusNeedsReauth || was.Status == StatusNeedsReauth {
		return
	}
	e := audit.Event{Kind: audit.RefreshRefused, User: is.owner.user, Session: is.owner.session, Connection: is.ID,
		Provider: is.Provider, Reason: is.Reason, Actor: audit.Actor{Kind: audit.ByProvider, Name: is.Provider}}
	if is.Reason == endedExpired { // by the clock: nobody was asked
		e.Actor = audit.Actor{Kind: audit.ByBFF}
	}
	c.record(ctx, e)
}

// recordUser writes down how a record differs from what it was. before is zero for a new one.
func (c *core) recordUser(ctx context.Context, before, next *UserRecord) {
	if before.ID == "" {
		c.record(ctx, audit.Event{Kind: audit.UserRegistered, User: next.ID, Provider: next.Provider,
			Rights: next.AllRights()})
		return
	}
	for _, i := range next.Identities {
		if !before.has(i) {
			c.record(ctx, audit.Event{Kind: audit.IdentityAdded, User: next.ID, Provider: i.Provider})
		}
	}
	for _, i := range before.Identities {
		if !next.has(i) {
			c.record(ctx, audit.Event{Kind: audit.IdentityRemoved, User: next.ID, Provider: i.Provider})
		}
	}
	if before.loses(next) || next.loses(before) {
		c.record(ctx, audit.Event{Kind: audit.RightsChanged, User: next.ID, Rights: next.AllRights()})
	}
}
