// Package claims checks what a provider's signed token says: ID tokens (OpenID Connect Core section 3.1.3.7), logout
// tokens (OpenID Connect Back-Channel Logout 1.0 section 2.6) and security event tokens (RFC 8417). One check serves
// all: who made the token, for whom, and when.
//
// The signature was verified before; the package makes no request and keeps nothing. A claim is read only where it
// decides something, so one of an unexpected type that belongs to another vendor keeps nobody out. A fault is a fixed
// sentence, never a value from the wire.
package claims
