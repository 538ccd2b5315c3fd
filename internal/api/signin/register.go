package signin

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"bff/internal/api/metrics"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/users"
	"bff/internal/vault"
)

// registrations is how often a sign-in is decided again because the account became somebody else's meanwhile.
const registrations = 3

// accounts are what a grant of the provider becomes: a user, a session, or a link.
type accounts struct {
	vault   *vault.Vault
	users   *users.Policy
	offered *offered
	metrics *metrics.Metrics
}

var errMoved = errors.New("the account became another user's meanwhile")

func identity(g oauth.Grant) vault.Identity {
	return vault.Identity{Provider: g.User.Provider, Issuer: g.Issuer, Subject: g.User.Subject,
		Named: g.Named}
}

// register decides whether the account may sign in, and registers its user, or finds the one that it is an identity of.
// What was decided is written in the same step: no session begins with rights that are not the user's.
func (a *accounts) register(c *route.Call, g oauth.Grant) (vault.User, error) {
	ctx, cancel := context.WithTimeout(
		context.WithoutCancel(c.Ctx()),
		time.Minute,
	) // the code is used up: a browser that went away loses nothing
	defer cancel()
	who := users.Person{Provider: g.User.Provider, Subject: g.User.Subject, Email: g.User.Email,
		EmailVerified: g.User.EmailVerified, Name: g.User.Name, Picture: g.User.Picture, Claims: g.Claims}
	var err error
	for range registrations {
		var known vault.UserRecord
		if who.ID, who.New, known, err = a.find(ctx, identity(g)); err != nil {
			return vault.User{}, err
		}
		var decided users.Decision
		if decided, err = a.users.SignIn(ctx, who, knownOf(known)); err != nil {
			return vault.User{}, err
		}
		var rec vault.UserRecord
		c.As(audit.Actor{Kind: audit.ByUser, Name: who.ID})
		as := audit.As(ctx, audit.By(c.Ctx()))
		rec, _, err = a.vault.Users.Register(as, identity(g), profile(g), func(u *vault.UserRecord) error {
			if u.ID != who.ID { // the hook was asked about another user
				return errMoved
			}
			keep(u, who, decided)
			return nil
		})
		if !errors.Is(err, errMoved) {
			return rec.User(), err
		}
	}
	return vault.User{}, err
}

// find returns the id of the user whose identity it is, or the one that a registration would give.
func (a *accounts) find(ctx context.Context, i vault.Identity) (id string, fresh bool, known vault.UserRecord, err error) {
	known, err = a.vault.Users.Find(ctx, i)
	if errors.Is(err, vault.ErrNotFound) {
		id, err = a.vault.Users.PlannedUserID(ctx, i)
		return id, true, vault.UserRecord{}, err
	}
	return known.ID, false, known, err
}

func profile(g oauth.Grant) vault.Profile {
	return vault.Profile{
		Name:          g.User.Name,
		Email:         g.User.Email,
		EmailVerified: g.User.EmailVerified,
		Picture:       g.User.Picture,
	}
}

// knownOf is what the policy needs to know of a user.
func knownOf(u vault.UserRecord) users.Known {
	known := users.Known{Admin: u.Rights[vault.RightsAdmin]}
	if u.HookAnswered {
		known.Hook = &users.Said{ID: u.AppID, Rights: u.Rights[vault.RightsHook], Data: json.RawMessage(u.HookData)}
	}
	return known
}

// keep writes a decision into the record.
func keep(u *vault.UserRecord, who users.Person, d users.Decision) {
	if u.Rights == nil {
		u.Rights = map[string][]string{}
	}
	u.Rights[vault.RightsOf(who.Provider, who.Subject)] = d.Rights
	if d.Hook == nil {
		u.AppID, u.HookData, u.HookAnswered = "", nil, false
		delete(u.Rights, vault.RightsHook)
		return
	}
	u.AppID, u.HookData, u.HookAnswered = d.Hook.ID, d.Hook.Data, true
	u.Rights[vault.RightsHook] = d.Hook.Rights
}

// link links the account to the session, and makes it one more way to sign in, unless its provider is for linking only
// or the account is another user's: then it is linked all the same, and nothing is merged.
func (a *accounts) link(c *route.Call, session *vault.Session, account vault.Connection, i vault.Identity) error {
	c.As(audit.Actor{Kind: audit.ByUser, Name: session.User.ID})
	if _, err := a.vault.Connections.Link(c.Ctx(), session, account); err != nil {
		return err
	}
	if a.offered.linkedOnly(account.Provider) {
		return nil
	}
	_, err := a.vault.Users.AddIdentity(c.Ctx(), session.User.ID, i)
	if errors.Is(err, vault.ErrTaken) ||
		errors.Is(err, vault.ErrNotFound) { // not found: a session of before there were users
		return nil
	}
	return err
}
