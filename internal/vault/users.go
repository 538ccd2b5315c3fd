package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// users keeps who is registered: records, the accounts that sign in as them, and what services keep beside them.
type users struct {
	*core
	connections *connections
	index       *index
	events      *events
	called      *called
}

// An Identity is an account that signs in as a user.
type Identity struct {
	Provider string
	Issuer   string // "" for plain OAuth
	Subject  string
	LinkedAt time.Time
	Named    string // what the provider calls the person, where it has more accounts than one; "" where Subject is that
}

// same reports whether both are one account.
func (i Identity) same(o Identity) bool {
	return i.Provider == o.Provider && i.Issuer == o.Issuer && i.Subject == o.Subject
}

// A Profile is what a provider said of a person.
type Profile struct {
	Name, Email   string
	EmailVerified bool
	Picture       string
}

// A Use is that a service had a user's token while nobody was there.
type Use struct {
	Client, Provider, Connection, Reason string
	At                                   time.Time
}

// maxUses is how many uses a record keeps, the last ones.
const maxUses = 50

// A UserRecord is what is kept of a user.
type UserRecord struct {
	ID                    string
	Identities            []Identity
	Profile               Profile
	Provider, Subject     string // of the last sign-in
	CreatedAt, LastSeenAt time.Time
	Rights                map[string][]string // by source: RightsHook, RightsAdmin, RightsOf
	AppID                 string              // the application's own id, from the hook
	HookAnswered          bool
	HookData              []byte // JSON; read by GetUser and FindUser alone
	Uses                  []Use
	Version               string // changes with every write

	current bool // sealed under the ring's first key
}

// The sources of rights. What an account's rules and claims gave is RightsOf it.
const (
	RightsHook  = "hook"
	RightsAdmin = "admin"
)

// RightsOf is the source of the rights that an account has by rules and claims.
func RightsOf(provider, subject string) string { return "account:" + provider + ":" + subject }

// AllRights is the union of all sources, sorted.
func (r *UserRecord) AllRights() []string {
	var all [][]string
	for _, rights := range r.Rights {
		all = append(all, rights)
	}
	return union(all...)
}

// rightsFor are those of a session that was signed in with an account: the account's own, the hook's, the
// administrator's.
func (r *UserRecord) rightsFor(provider, subject string) []string {
	return union(r.Rights[RightsOf(provider, subject)], r.Rights[RightsHook], r.Rights[RightsAdmin])
}

func union(sources ...[]string) []string {
	all := slices.Concat(sources...)
	slices.Sort(all)
	return slices.Compact(all)
}

// User is the user as a new session has them, signed in with the account of the last sign-in.
func (r *UserRecord) User() User {
	u := User{ID: r.ID, Provider: r.Provider, Subject: r.Subject, Name: r.Profile.Name, Email: r.Profile.Email,
		EmailVerified: r.Profile.EmailVerified, Picture: r.Profile.Picture}
	r.describe(&u)
	return u
}

// describe puts what the record alone knows into u.
func (r *UserRecord) describe(u *User) {
	u.Rights, u.AppID, u.CreatedAt = r.rightsFor(u.Provider, u.Subject), r.AppID, r.CreatedAt
	u.Identities = r.Identities
}

// has reports whether an account is one of the record's identities.
func (r *UserRecord) has(i Identity) bool { return slices.ContainsFunc(r.Identities, i.same) }

// erased is what remains of a user: nothing that was in flight can bring the record back.
const erased = "erased"

// erasedFor is how long it remains. The id is not given again meanwhile.
const erasedFor = 400 * 24 * time.Hour

// GetUser reads a user. ErrNotFound when there is none, or no longer.
func (v *users) GetUser(ctx context.Context, userID string) (UserRecord, error) {
	if !strings.HasPrefix(userID, "u_") {
		return UserRecord{}, ErrNotFound
	}
	t := tag(userID)
	var rec UserRecord
	err := v.db.Ask(ctx, v.absent(t), func(b *store.Batch) func() error {
		user, hook, seen := b.Get(v.userKey(t, "u")), b.Get(v.userKey(t, "g")), b.Get(v.userKey(t, "t"))
		return func() error {
			value, err := user.Result()
			if err != nil {
				return err
			}
			if rec, err = v.openUser(userID, value); err != nil {
				return err
			}
			if err := v.noteSeen(&rec, seen); err != nil {
				return err
			}
			rec.HookData, err = v.openHookData(userID, hook)
			return err
		}
	})
	return rec, err
}

func (v *users) openHookData(userID string, text store.Text) ([]byte, error) {
	value, err := text.Result()
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := v.ring().Open(hookBinding(userID), []byte(value))
	if err != nil {
		return nil, nil // its key was removed from the ring: the next sign-in brings it again
	}
	return data, nil
}

// UpdateUser changes a user, whoever else writes: change may run again. Rights that were taken away count when it comes
// back, on every instance. An error of change aborts, and is returned.
func (v *users) UpdateUser(ctx context.Context, userID string, change func(*UserRecord) error) (UserRecord, error) {
	return v.update(ctx, userID, "user.changed", change)
}

// NoteUse notes that a service had a token of the user's while nobody was there.
func (v *users) NoteUse(ctx context.Context, userID string, use Use) error {
	_, err := v.update(ctx, userID, "", func(r *UserRecord) error {
		r.Uses = append(slices.Clone(r.Uses), use)
		r.Uses = r.Uses[max(0, len(r.Uses)-maxUses):]
		return nil
	})
	return err
}

func (v *users) update(
	ctx context.Context,
	userID, event string,
	f func(*UserRecord) error,
) (rec UserRecord, err error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	err = change(func() error {
		before, err := v.GetUser(ctx, userID)
		if err != nil {
			return err
		}
		rec = before.clone()
		if err := f(&rec); err != nil {
			return err
		}
		return v.write(ctx, &before, &rec, event)
	})
	return rec, err
}

// write writes next over before, which is zero for a new record.
func (v *users) write(ctx context.Context, before, next *UserRecord, event string) error {
	t := tag(next.ID)
	if event == "user.changed" && before.equal(next) {
		event = ""
	}
	told := v.events.about(event, queued{User: next.ID})
	if err := v.events.ahead(ctx, t, told); err != nil {
		return err
	}
	value := v.sealUser(next)
	hook := ""
	switch {
	case string(before.HookData) == string(next.HookData):
	case len(next.HookData) == 0:
		hook = "-"
	default:
		hook = string(v.ring().Seal(hookBinding(next.ID), next.HookData))
	}
	message := ""
	if event != "" {
		message = Event{Kind: EventUser, User: next.ID}.encode()
	}
	_, err := v.db.RunDurably(ctx, store.Call{Script: "user",
		Keys: store.Keys{"user": v.userKey(t, "u"), "hook": v.userKey(t, "g")},
		Args: store.Args{"expected": before.Version, "value": value, "hook_value": hook, "channel": v.db.Channel(),
			"message": message, "prefix": v.userKey(t, ""), "programs": told.programs, "item": told.item}})
	if err != nil {
		return err
	}
	next.Version, next.current = string(value[:seal.VersionSize]), true
	v.events.point(ctx, t, told)
	if before.ID != "" { // Register records a new one
		v.recorder.user(ctx, before, next)
	}
	if before.loses(next) {
		return v.settled(nil)
	}
	return nil
}

func (r *UserRecord) clone() UserRecord {
	c := *r
	c.Identities = slices.Clone(r.Identities)
	c.Rights = map[string][]string{}
	for source, rights := range r.Rights {
		c.Rights[source] = slices.Clone(rights)
	}
	return c
}

// loses reports whether next lacks a right that r has.
func (r *UserRecord) loses(next *UserRecord) bool {
	for source, rights := range r.Rights {
		for _, right := range rights {
			if !slices.Contains(next.Rights[source], right) {
				return true
			}
		}
	}
	return false
}

// equal reports whether programs would see no difference.
func (r *UserRecord) equal(o *UserRecord) bool {
	return r.Profile == o.Profile && r.AppID == o.AppID && string(r.HookData) == string(o.HookData) &&
		slices.EqualFunc(r.Identities, o.Identities, Identity.same) && !r.loses(o) && !o.loses(r)
}

// A UserQuery selects users. Limit is at most 200.
type UserQuery struct {
	Email string // "" for all
	After string // the id that the page before ended with
	Limit int
}

const (
	scanned = 200    // records read in one round trip, at most
	perPage = 10_000 // records looked at for one page, more or less
)

// ListUsers returns a page of users in the order of their ids, and the id to go on after, "" at the end. Where few match,
// a page is shorter than the limit, or empty, before the end: no query looks at everybody.
func (v *users) ListUsers(ctx context.Context, q UserQuery) (page []UserRecord, next string, err error) {
	after, read := q.After, scanned
	if q.Email == "" {
		read = min(scanned, q.Limit+1)
	}
	for seen := 0; ; seen += read {
		if seen >= perPage {
			return page, after, nil
		}
		ids, err := v.db.Listed(ctx, v.roll(), after, read)
		if err != nil || len(ids) == 0 {
			return page, "", err
		}
		all, err := v.readUsers(ctx, ids)
		if err != nil {
			return nil, "", err
		}
		for i, id := range ids {
			if len(page) == q.Limit {
				return page, after, nil
			}
			after = id
			if all[i].ID != "" && (q.Email == "" || strings.EqualFold(all[i].Profile.Email, q.Email)) {
				page = append(page, all[i])
			}
		}
	}
}

// roll is the sorted set of all user ids. An id that leads nowhere is harmless.
func (v *users) roll() string { return v.db.Global("users") }

// readUsers reads records in one round trip; those that are not there are zero.
func (v *users) readUsers(ctx context.Context, ids []string) ([]UserRecord, error) {
	all := make([]UserRecord, len(ids))
	err := v.db.Read(ctx, func(b *store.Batch) func() error {
		texts, seen := make([]store.Text, len(ids)), make([]store.Text, len(ids))
		for i, id := range ids {
			t := tag(id)
			texts[i], seen[i] = b.Get(v.userKey(t, "u")), b.Get(v.userKey(t, "t"))
		}
		return func() error {
			for i, text := range texts {
				value, err := text.Result()
				if err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
				rec, err := v.openUser(ids[i], value)
				if err != nil {
					continue
				}
				if err := v.noteSeen(&rec, seen[i]); err != nil {
					return err
				}
				all[i] = rec
			}
			return nil
		}
	})
	return all, err
}
