// Package vault keeps secrets.
//
// It owns the key ring, sealing, the session records, the tokens of every
// connection, sign-in attempts, the revocation outbox, the refresh lock and
// the bus on which instances tell each other what changed. It knows no
// protocol: not what a provider is, not what a route is.
//
// # The rules are
//
//  1. A value that authenticates anybody is a [secret.Text]. It prints as
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
//  6. A store that does not answer is [ErrUnavailable], never "no session", and
//     so is one that refuses: the password, the user, a command. A missing key
//     counts as gone only if a server says so that takes writes.
//  7. The store's clock ends a session: the time to live of its key. The sealed
//     times are held against the instance's clock with two minutes to spare.
//  8. What exists once waits for a replica, where there are any: a sign-in, a
//     rotated token, an end.
//
// Examine is for operators: it says what the store is, and why it does not serve.
//
// What they do not cover: who can write to the store can put an older record of
// the same place back, or delete it. That does not let them read anything.
//
// # The ticket
//
//	cookie = base64url( user 16 | finder 16 | opener 32 )      86 characters
//	                    `-- finds --------'   `- opens -'
//
// The first half finds the record, by a keyed hash; the second half opens it.
// user is a digest of the user's id. It picks the partition: every key of one
// user carries the same Redis hash tag, so that the scripts below are atomic on
// a single node, under Sentinel and in a Cluster alike, and one pipeline
// (one round trip) reads the session and all its connections.
//
//	<prefix>:{<user>}:s:<hmac(ring key, finder)>   string  the session, or its tombstone
//	<prefix>:{<user>}:c:<hmac(ring key, finder)>   hash    connection id -> sealed connection (keep: session)
//	<prefix>:{<user>}:k                            hash    connection id -> sealed connection (keep: user)
//	<prefix>:{<user>}:i                            hash    session id -> where it is, sealed device and times
//	<prefix>:{<user>}:u                            string  the user's record
//	<prefix>:{<user>}:g                            string  what the hook said of the user
//	<prefix>:{<user>}:t                            string  when a session of the user was touched last
//	<prefix>:{<user>}:d                            hash    client -> its data beside the user
//	<prefix>:{<user>}:b:<session id>               hash    client -> its data beside the session
//	<prefix>:{<user>}:q:<program>                  list    events for a program, the oldest in front
//	<prefix>:{<user>}:z:<program>                  string  who is delivering the first of them
//	<prefix>:{<user>}:p                            string  preferences
//	<prefix>:{<user>}:l:<connection id>            string  refresh lock, its owner
//	<prefix>:{<user>}:n:<connection id>            string  refresh intent
//	<prefix>:{<user>}:o                            hash    revocations waiting for their provider
//	<prefix>:{<user>}:e:<digest of a session id>   string  the user ended that session, for an hour
//	<prefix>:o                                     zset    users with such revocations, by due time
//	<prefix>:h:<hmac(ring key, handle)>            hash    session id -> sealed user and location, for EndHandle
//	<prefix>:d:<hmac(ring key, account)>           string  the user that an account signs in as, sealed
//	<prefix>:s:<hmac(ring key, name)>              hash    accounts that a provider calls by one name, sealed, for Called
//	<prefix>:a:<hmac(ring key, state)>             string  a sign-in attempt, then who took it
//	<prefix>:b:<hmac(ring key, state)>             string  what became of an attempt, for a minute
//	<prefix>:m                                     hash    minute -> bytes of the attempts begun in it
//	<prefix>:x:<digest>                            string  who claimed an id accepted once, then "done"
//	<prefix>:e:<hmac(ring key, id)>                list    what happened to the id, sealed
//	<prefix>:{<user>}:y:<run>                      string  what a run that ended sessions answered, for ten seconds
//	<prefix>:y                                     list    what commands did, sealed, until an instance writes it to its audit log
//	<prefix>:j                                     hash    ids of public keys -> when they were last published together
//	<prefix>:g                                     string  digests of the configuration that an instance read last, sealed
//	<prefix>:bus                                   channel what changed
//	<prefix>:v                                     string  the secret of the names, where they are spelled under one, sealed
//
// Where there is <prefix>:v, every other key begins with <prefix>:v:, and <user>, which is a digest that needs no key
// for users of before there were records, is spelled under that secret; so are the tags and ids within sorted sets and
// queued events. Rename brings a store there; store/layout.go has the rules.
//
// The keys that end in "w" (<prefix>:{<user>}:w and the like) are never there,
// but for the probe by which the cache sees that the store reports changes:
// to delete one is how a read asks whether a server takes writes.
//
// # Turning the ring
//
// With several ring keys the pipeline looks under each key's hmac; a session
// found under an old key is sealed anew and moved at its next touch, with its
// connections, unless a refresh is under way; preferences when they are read. An
// instance that lacks a key finds nothing that was written under it. So where
// several instances run, a new key comes second everywhere, and in front with
// the next deployment. An old key may go when the lifetime of a session is over;
// what a user keeps and has not touched since goes with it.
//
// # The rooms
//
//	seal     key ring, ticket, format; knows no store
//	store    Redis: scripts, pipelines, bus, reports of changed keys; knows no record
//	vault    the records and what may be done to them, in parts that know those before them:
//	         core ◄ Outbox ◄ reader ◄ Connections ◄ Index ◄ Sessions; Accounts ◄ Users; Locks, Attempts
//
// # The read
//
//	Load ─► cache ─► gorilla ─► reader.read ─► one pipeline
//	          │                 reader.openSession, openConnections
//	          └── Config.Cache: emptied by the store's own reports
//
// The cache answers at most 100 ms behind the store, and who ends a session
// waits that long before it answers: a logout has no window (see cache.go).
// If the bytes of a record have not changed, the decoded session is used again, and
// nothing is decrypted.
package vault
