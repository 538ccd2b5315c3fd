package client

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what an error means to whoever called.
type Kind int

// The kinds. api maps each to one answer.
const (
	KindFailed        Kind = iota + 1 // the provider or its ID token got something wrong: login_failed
	KindDenied                        // the person or the provider said no: access_denied
	KindUnavailable                   // the provider is down, slow or talks nonsense; RetryAfter
	KindMisconfigured                 // the provider refuses bff itself: the operator must correct the configuration
	KindReauth                        // the connection is dead; Reason
	KindStore                         // the store does not answer
	KindGone                          // the connection or its session ended meanwhile
	KindUnknown                       // no provider of that name
)

var kindNames = [...]string{
	KindFailed:        "failed",
	KindDenied:        "denied",
	KindUnavailable:   "unavailable",
	KindMisconfigured: "misconfigured",
	KindReauth:        "needs reauth",
	KindStore:         "store unavailable",
	KindGone:          "gone",
	KindUnknown:       "unknown provider",
}

// Reasons for needs_reauth.
const (
	ReasonRevoked       = "revoked"
	ReasonExpired       = "expired"
	ReasonSessionPolicy = "session_policy"
	ReasonRotatedAway   = "rotated_away"
	ReasonUnknown       = "unknown"

	// ReasonValues: what is kept with the connection leads nowhere that the configuration allows. It is never stored.
	ReasonValues = "values"
)

// An Error is every error of this package. Its text names operation and provider and holds no value from the wire.
type Error struct {
	Kind       Kind
	Op         string
	Provider   string
	Reason     string        // of KindReauth
	RetryAfter time.Duration // of KindUnavailable
	Err        error         // of this package's own making, or nil
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %s", e.Op, e.Provider, kindNames[e.Kind])
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, or 0 when it is not of this package.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}
