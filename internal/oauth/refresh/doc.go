// Package refresh keeps access tokens fresh: the one refresh protocol.
//
//	fresh     use it
//	ageing    the last quarter of its life, at most a minute, less some jitter: use it, and refresh without the caller
//	          in its last moments (a fifth, at most a second) wait for that, and use it where there is no better one
//	spent     wait for the refresh
//
// Callers of one process merge. The refresh is detached from all of them; each waits no longer than Patience, the
// request itself may take TokenTimeout. Between instances the vault's lock lets one through; the others wait on the
// bus and read again. The lock saves requests, it is not what keeps tokens right: that is the compare-and-set.
// model_test.go holds the whole of it as a model.
//
//	Subscribe ► Lock ► read again ► SetIntent ► the request ► Update ► Release
//	              │ held by another: wait, read again          │ the store is away: held, used, written when it is back
//
// The times of a token are of the instance's clock that wrote it. If a time is in the future, or if this instance saw
// the token appear, it counts from the moment at which this instance saw it.
//
// # What can go wrong
//
//   - The answer is lost (crash, timeout, broken connection, a gateway's 5xx): the intent in the store outlives it.
//     The next one leaves the lock free for a moment, for a holder of the answer to write it, or to take the lock
//     again if it still waits. Then it tries the old token, but not while the access token still serves, unless the
//     provider is known to accept it twice. Refused, the connection needs_reauth with reason rotated_away. A holder
//     that was cut off or frozen for longer still writes what it has: the connection is active again.
//   - The store is gone when the answer arrives: the new tokens are held here, used, and written when it is back.
//   - The store is gone before: nothing is sent. A valid token serves, a spent one is KindStore.
//   - The provider is down, slow, or its answers make no sense: KindUnavailable, and a token that is valid serves
//     to its last second. A breaker keeps callers from queueing; all wait as long as Retry-After of a 5xx says, at most five
//     minutes. Nobody's status changes.
//   - The provider refuses this client (invalid_client): KindMisconfigured, logged as an error, and it is not asked
//     for a while. Nobody's status changes.
//   - It refuses one grant in words that are not known to mean a dead grant, or with 429: that connection alone
//     waits, longer each time or as long as Retry-After says. An answer about one grant never delays others.
//   - invalid_grant, for a token that is no longer the stored one: another instance was faster; its token is used.
//   - invalid_grant, for the token that is still stored: needs_reauth. This alone ends a connection, beside an
//     access token without a refresh token at its end.
//   - The answer's ID token is another account's: its tokens are not used.
//   - The connection is unlinked meanwhile: the new token is revoked too. Its session ends meanwhile: the grant is
//     left alone. Neither comes back.
package refresh
