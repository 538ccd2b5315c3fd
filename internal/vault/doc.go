// Package vault keeps secrets.
//
// It owns the key ring, sealing, the session records, the tokens of every
// connection, sign-in attempts, the revocation outbox, the refresh lock and
// the bus on which instances tell each other what changed. It knows no
// protocol: not what a provider is, not what a route is.
//
// # The rules are
//
//  1. A value that authenticates anybody is a [Secret]. It prints as
//     "[redacted]" through fmt, slog, JSON, text and CBOR; Reveal is the only
//     way out and is meant to be grepped for.
//  2. Nothing reaches the store unsealed. Sealed bytes are bound to a kind, an
//     owner and the format version, so no ciphertext can stand in for another.
//  3. A session is opened by the server's key ring AND the second half of the
//     browser's cookie. So are the tokens of connections kept by the session.
//     Connections kept by the user are opened by the key ring alone.
//  4. Every write is compare-and-set on a random version, and idempotent: a
//     script that ran twice after a lost answer reports success.
//  5. Only a sign-in creates a session key. Ending one leaves a tombstone, and
//     every script that writes below a session looks at it first.
//  6. A store that does not answer is [ErrUnavailable], never "no session".
//
// # The ticket
//
//	cookie = base64url( user 16 | finder 16 | opener 32 )      86 characters
//	                    `-- finds --------'   `- opens -'
//
// user is a digest of the user's id. It picks the partition: every key of one
// user carries the same Redis hash tag, so that the scripts below are atomic on
// a single node, under Sentinel and in a Cluster alike, and one pipeline
// (one round trip) reads the session and all its connections.
//
//	<prefix>:{<user>}:s:<hmac(ring key, finder)>   string  the session, or its tombstone
//	<prefix>:{<user>}:c:<hmac(ring key, finder)>   hash    connection id -> sealed connection (keep: session)
//	<prefix>:{<user>}:k                            hash    connection id -> sealed connection (keep: user)
//	<prefix>:{<user>}:i                            hash    session id -> where it is, sealed device and times
//	<prefix>:{<user>}:p                            string  preferences
//	<prefix>:{<user>}:l:<connection id>            string  refresh lock, its owner
//	<prefix>:{<user>}:n:<connection id>            string  refresh intent
//	<prefix>:{<user>}:o                            hash    revocations waiting for their provider
//	<prefix>:o                                     zset    users with such revocations, by due time
//	<prefix>:a:<hmac(ring key, finder)>            string  a sign-in attempt
//	<prefix>:bus                                   channel what changed
//
// With several ring keys the pipeline looks under each key's hmac; a session
// found under an old key is sealed anew and moved at its next write.
package vault
