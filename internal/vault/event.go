package vault

import "encoding/json"

// The kinds of events.
const (
	EventConnection  = "connection"  // a connection was written or removed
	EventLock        = "lock"        // a refresh lock was released
	EventSession     = "session"     // a session ended
	EventResync      = "resync"      // anything may have been missed: see Subscribe
	EventUser        = "user"        // a user's record was written, or is gone
	EventPreferences = "preferences" // a user's preferences were written
)

// An Event says that something changed, never what: readers read again. It holds ids only.
type Event struct {
	Kind       string `json:"k"`
	Session    string `json:"s,omitempty"` // session id; of a connection kept by the user, empty
	User       string `json:"u,omitempty"`
	Connection string `json:"c,omitempty"`
	Reason     string `json:"r,omitempty"` // of a session's end
	Removed    bool   `json:"x,omitempty"` // of a connection
	Key        string `json:"y,omitempty"` // Connection.Key
}

func (e Event) encode() string {
	b, err := json.Marshal(e)
	if err != nil {
		panic("vault: an event of plain fields did not encode")
	}
	return string(b)
}

func decodeEvent(message string) (e Event, ok bool) {
	return e, json.Unmarshal([]byte(message), &e) == nil
}
