package vault

import (
	"cmp"
	"sort"
	"time"

	"github.com/fxamacker/cbor/v2"

	"bff/internal/secret"
	"bff/internal/vault/seal"
)

// The records below are what is sealed. Numbers, not names, are their keys: append, never renumber. Times are Unix
// milliseconds, 0 for none.

type sessionRecord struct {
	ID            string `cbor:"1,keyasint"`
	UserID        string `cbor:"2,keyasint"`
	Provider      string `cbor:"3,keyasint"`
	Subject       string `cbor:"4,keyasint"`
	Name          string `cbor:"5,keyasint,omitempty"`
	Email         string `cbor:"6,keyasint,omitempty"`
	EmailVerified bool   `cbor:"7,keyasint,omitempty"`
	Picture       string `cbor:"8,keyasint,omitempty"`
	Device        string `cbor:"9,keyasint,omitempty"`
	Created       int64  `cbor:"10,keyasint"`
	Seen          int64  `cbor:"11,keyasint"`
	Front         string `cbor:"12,keyasint,omitempty"`
	Auth          int64  `cbor:"13,keyasint,omitempty"`
	Handle        string `cbor:"14,keyasint,omitempty"`
}

// authenticated is when the person did; a session of the version before was made by that.
func (r *sessionRecord) authenticated() int64 { return cmp.Or(r.Auth, r.Created) }

type connectionRecord struct {
	ID            string   `cbor:"1,keyasint"`
	Provider      string   `cbor:"2,keyasint"`
	Keep          Keep     `cbor:"3,keyasint"`
	Subject       string   `cbor:"4,keyasint"`
	Email         string   `cbor:"5,keyasint,omitempty"`
	Name          string   `cbor:"6,keyasint,omitempty"`
	Status        string   `cbor:"7,keyasint"`
	Reason        string   `cbor:"8,keyasint,omitempty"`
	Scopes        []string `cbor:"9,keyasint,omitempty"`
	Connected     int64    `cbor:"10,keyasint"`
	Used          int64    `cbor:"11,keyasint,omitempty"`
	Access        string   `cbor:"12,keyasint,omitempty"`
	Obtained      int64    `cbor:"13,keyasint,omitempty"`
	Expiry        int64    `cbor:"14,keyasint,omitempty"`
	Refresh       string   `cbor:"15,keyasint,omitempty"`
	RefreshExpiry int64    `cbor:"16,keyasint,omitempty"`

	Withheld   []string          `cbor:"17,keyasint,omitempty"`
	WithheldAt int64             `cbor:"18,keyasint,omitempty"`
	Values     map[string]string `cbor:"19,keyasint,omitempty"`
}

// infoRecord is a session as its user's other sessions may see it; the ring alone opens it.
type infoRecord struct {
	Device  string `cbor:"1,keyasint,omitempty"`
	Created int64  `cbor:"2,keyasint"`
	Seen    int64  `cbor:"3,keyasint"`
	Front   string `cbor:"4,keyasint,omitempty"`
	Auth    int64  `cbor:"5,keyasint,omitempty"`
}

func encode(record any) []byte {
	b, err := cbor.Marshal(record)
	if err != nil {
		panic("vault: a record of plain fields did not encode")
	}
	return b
}

func decode(b []byte, record any) error {
	if cbor.Unmarshal(b, record) != nil {
		return seal.ErrSealed
	}
	return nil
}

// millisOf is a time to live as the store takes it.
func millisOf(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (c *Connection) record() connectionRecord {
	return connectionRecord{
		ID: c.ID, Provider: c.Provider, Keep: c.Keep, Subject: c.Account.Subject, Email: c.Account.Email,
		Name: c.Account.Name, Status: c.Status, Reason: c.Reason, Scopes: c.Scopes,
		Connected: millis(c.ConnectedAt), Used: millis(c.UsedAt),
		Access: c.Tokens.Access.Reveal(), Obtained: millis(c.Tokens.ObtainedAt), Expiry: millis(c.Tokens.Expiry),
		Refresh: c.Tokens.Refresh.Reveal(), RefreshExpiry: millis(c.Tokens.RefreshExpiry),
		Withheld: c.Withheld, WithheldAt: millis(c.WithheldAt), Values: c.Values,
	}
}

func (r *connectionRecord) connection() Connection {
	return Connection{
		ID: r.ID, Provider: r.Provider, Keep: r.Keep,
		Account: Account{Subject: r.Subject, Email: r.Email, Name: r.Name},
		Status:  r.Status, Reason: r.Reason, Scopes: r.Scopes,
		ConnectedAt: fromMillis(r.Connected), UsedAt: fromMillis(r.Used),
		Tokens: Tokens{
			Access: secret.New(r.Access), ObtainedAt: fromMillis(r.Obtained), Expiry: fromMillis(r.Expiry),
			Refresh: secret.New(r.Refresh), RefreshExpiry: fromMillis(r.RefreshExpiry),
		},
		Withheld: r.Withheld, WithheldAt: fromMillis(r.WithheldAt), Values: r.Values,
	}
}

func sortConnections(cs []Connection) {
	sort.Slice(cs, func(i, j int) bool {
		if !cs[i].ConnectedAt.Equal(cs[j].ConnectedAt) {
			return cs[i].ConnectedAt.Before(cs[j].ConnectedAt)
		}
		return cs[i].ID < cs[j].ID
	})
}
