// Package oauth speaks to providers: sign-in flows, ID tokens, the one refresh path, revocation, and what providers say by themselves. It knows no browser: no
// cookie, no response writer. It decides nothing by an error's text.
//
//	Begin, URL ─► the provider's page ─► Finish    code + PKCE S256 (RFC 7636), state, nonce, iss (RFC 9207), PAR where it is required (RFC 9126),
//	                                               ID token (OpenID Connect Core 3.1.3.7)
//	Token, Renew ─► refresh ─► one call            RFC 6749 section 6
//	Revocation ─► the vault's outbox ─► Run        RFC 7009
//	LogoutToken, SecurityEvents                    OpenID Connect Back-Channel Logout 1.0, RFC 8417
//
// A provider is data: [providers.Config], built-in ones a file each in providers/. What it publishes is read when first needed and kept (discovery), so one that is
// down does not stop the start. golang.org/x/oauth2 makes the token requests; a round tripper below it shapes them as the provider wants them, and bounds and
// straightens what comes back; above it every answer is classified once ([answer.verdict]). The client proves itself by secret (basic or post) or by
// private_key_jwt (RFC 7523). Tokens are bearer tokens: there is no DPoP (RFC 9449).
//
// # One refresh
//
//	fresh     use it
//	ageing    the last quarter of its life, at most a minute, less some jitter: use it, and refresh behind the caller's back
//	          in its last moments (a fifth, at most a second) wait for that, and use it where there is no better one
//	spent     wait for the refresh
//
// Callers of one process merge. The refresh is detached from all of them; each waits no longer than Patience, the call itself may take TokenTimeout.
// Between instances the vault's lock lets one through; the others sleep on the bus and read again. The lock saves calls, it is not what keeps tokens right:
// that is the compare-and-set. model_test.go holds the whole of it as a model.
//
//	Subscribe ► Lock ► read again ► SetIntent ► the call ► Update ► Release
//	              │ held by another: sleep, read again          │ the store is away: held, used, written when it is back
//
// The times of a token are of the clock that wrote them. One from the future, and one that was seen to appear, counts from when this instance saw it.
//
// # What can go wrong
//
//   - The answer is lost (crash, timeout, broken connection, a gateway's 5xx): the intent in the store outlives it. The next one leaves the lock free for a
//     moment, for a holder of the answer to write it, or to take the lock again if it still waits. Then it tries the old token, but not while the
//     access token still serves, unless the provider is known not to mind. Refused, the connection needs_reauth with reason rotated_away. A holder that
//     was cut off or frozen for longer still writes what it has: the connection lives again.
//   - The store is gone when the answer arrives: the new tokens are held here, used, and written when it is back. [Broker.Drain] waits for that.
//   - The store is gone before: nothing is sent. A valid token serves, a spent one is KindStore.
//   - The provider is down, slow, or talks nonsense: KindUnavailable, and a token that is valid serves to its last second. A breaker keeps callers from
//     queueing, each connection has a backoff of its own, Retry-After is honoured. Nobody's status changes.
//   - The provider refuses bff itself: KindMisconfigured, loudly, and it is left alone for a while. Nobody's status changes.
//   - invalid_grant, for a token that is no longer the stored one: another instance was faster; its token is used.
//   - invalid_grant, for the token that is still stored: needs_reauth. This alone ends a connection, beside an access token without a refresh token at its end.
//   - The connection is unlinked meanwhile: the new token is revoked too. Its session ends meanwhile: the grant is left alone. Neither comes back.
package oauth
