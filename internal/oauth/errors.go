package oauth

import (
	"errors"

	"bff/internal/oauth/client"
)

// An Error is every error of this package. Its text names operation and provider and holds no value from the wire.
type Error = client.Error

// Kind says what an error means to whoever called.
type Kind = client.Kind

// The kinds. api maps each to one answer.
const (
	KindFailed        = client.KindFailed
	KindDenied        = client.KindDenied
	KindUnavailable   = client.KindUnavailable
	KindMisconfigured = client.KindMisconfigured
	KindReauth        = client.KindReauth
	KindStore         = client.KindStore
	KindGone          = client.KindGone
	KindUnknown       = client.KindUnknown
)

// Reasons for needs_reauth.
const (
	ReasonRevoked       = client.ReasonRevoked
	ReasonExpired       = client.ReasonExpired
	ReasonSessionPolicy = client.ReasonSessionPolicy
	ReasonRotatedAway   = client.ReasonRotatedAway
	ReasonUnknown       = client.ReasonUnknown
	ReasonValues        = client.ReasonValues
)

// What a KindFailed of an exchange wraps, when the token endpoint said so itself.
var (
	ErrClientRefused = errors.New("the provider refuses this client")
	ErrCodeRefused   = errors.New("the code was refused")
)

// KindOf returns the kind of err, or 0 when it is not of this package.
func KindOf(err error) Kind { return client.KindOf(err) }

// Outcomes are what Config.OnRefresh may be given.
func Outcomes() []string { return client.Outcomes() }
