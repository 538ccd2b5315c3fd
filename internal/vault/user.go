package vault

import (
	"slices"
	"time"
)

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
	HookData              []byte // JSON; read by Users.Get and Users.Find alone
	Uses                  []Use
	Version               string // changes with every write

	current bool // sealed under the ring's first key
}

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

// The sources of rights. What an account's rules and claims gave is RightsOf it.
const (
	RightsHook  = "hook"
	RightsAdmin = "admin"
)
