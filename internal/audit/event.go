package audit

import (
	"context"
	"time"
)

// An Actor is who caused an event. The zero Actor is bff itself.
type Actor struct {
	Kind ActorKind `json:"kind"`
	Name string    `json:"name,omitempty"` // user id, name of the client, or name of the provider
}

// An ActorKind says what an actor is.
type ActorKind string

// Who may act.
const (
	ByBFF      ActorKind = "bff"      // a timer, a worker or a timeout
	ByUser     ActorKind = "user"     // the person, in a browser; Name is the user id where it is known
	ByClient   ActorKind = "client"   // a service on the admin listener; Name is its name
	ByProvider ActorKind = "provider" // an order of a provider; Name is its name
	ByOperator ActorKind = "operator" // the command line, or the configuration
)

// An Event is one decision. Fields that do not apply are empty. No field may hold a credential or a text of somebody
// else's.
type Event struct {
	Kind       Kind      `json:"event"`
	At         time.Time `json:"at"`
	Request    string    `json:"request,omitempty"` // BFF-Request-Id
	Actor      Actor     `json:"actor"`
	User       string    `json:"user,omitempty"`       // u_…
	Session    string    `json:"session,omitempty"`    // s_…
	Connection string    `json:"connection,omitempty"` // c_…
	Provider   string    `json:"provider,omitempty"`
	API        string    `json:"api,omitempty"`
	Client     string    `json:"client,omitempty"` // the service that asked
	Code       string    `json:"code,omitempty"`   // of a problem document or bff_error
	Reason     string    `json:"reason,omitempty"` // of a closed list, or what a service gave as its reason
	Rights     []string  `json:"rights,omitempty"` // as they are after the event
	Missing    []string  `json:"missing,omitempty"`
	Changed    []string  `json:"changed,omitempty"` // keys of the configuration that are others than before
}

// A Recorder takes events. Record never blocks longer than a write to a local file and returns nothing: what was
// decided stands, whether or not it could be written down. It is safe for concurrent use.
type Recorder interface {
	Record(ctx context.Context, e Event)
}

// Discard is a Recorder that keeps nothing.
type Discard struct{}

// Record implements Recorder.
func (Discard) Record(context.Context, Event) {}
