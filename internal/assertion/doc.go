// Package assertion signs what a backend is given instead of a provider's token: who is asking, for whom it is meant,
// and what that user may do.
//
// It owns the signing keys, the choice among them, the JWK Set and the checks of an assertion. It knows no session
// and no store: what must be kept is behind [Board].
//
// # The rules are
//
//  1. Every key of the key ring gives one Ed25519 key (RFC 8037), by derivation. Nothing is configured, nothing
//     private is stored, and all instances have the same keys. Its id is the thumbprint of RFC 7638.
//  2. The JWK Set has the keys of every ring entry. Each is accepted by Verify.
//  3. A key signs only when no verifier can still hold a JWK Set without it: when no instance has published a set
//     that lacks it for [Published]. Until then the next key of the ring signs. Verifiers may therefore keep a set
//     for an hour and never fetch it again in between.
//  4. An assertion lives for a minute. It is signed once for a session, audience and issuer, and anew when half of
//     its life is over or a claim has changed.
//
// # Who publishes what
//
//	instance 1  [new old]  publishes new,old ──┐
//	instance 2  [old]      publishes old       ├──► Board: list of key ids -> when it was last published
//	instance 3  [old]      publishes old     ──┘
//
// new signs, on every instance that has it, once the list "old" is older than Published. What the board holds is
// public. Who can write to it can delay or hasten a change of keys, and forges nothing.
//
// An assertion is a JWS of RFC 7515 with typ at+jwt (RFC 9068 section 2.1).
package assertion
