// Package oauth speaks to providers: sign-in flows, ID tokens, the one refresh path, revocation. It knows no browser: no cookie, no response writer.
//
//	Begin ─► the provider's page ─► Finish        code + PKCE S256 (RFC 7636), state, nonce, iss (RFC 9207), ID token (OpenID Connect Core 3.1.3.7)
//	Token, Renew ─► refresh ─► one call           RFC 6749 section 6
//	Revocation ─► the vault's outbox ─► Run       RFC 7009
//
// A provider is data ([ProviderConfig]); what it publishes is read when first needed and kept (discovery), so one that is down does not stop
// the start. golang.org/x/oauth2 makes the requests; below it a round tripper bounds and straightens what comes back, above it every
// answer is classified once ([verdict]).
//
// # One refresh
//
//	fresh      now < expiry - margin     use it
//	margin     a quarter of its life, at most a minute, less some jitter: use it, and refresh behind the caller's back
//	spent      wait for the refresh; if the provider is down, an access token still serves to its last second
//
// Callers of one process merge. The refresh is detached from all of them; each waits no longer than Patience, the call itself may take TokenTimeout.
// Between instances the vault's lock lets one through; the others sleep on the bus and read again. The lock saves calls, it is not what keeps
// tokens right: the compare-and-set is.
//
// # What can go wrong
//
//   - The answer is lost (crash, timeout, broken connection): the intent in the store outlives it. The next one waits a moment for a holder of the
//     answer to write it, then tries the old token once. Refused, the connection needs_reauth with reason rotated_away.
//   - The store is gone when the answer arrives: the new tokens are held here, used, and written when it is back.
//   - The provider is down, slow, or talks nonsense: KindUnavailable. A breaker keeps callers from queueing; nobody's status changes.
//   - The provider refuses bff itself: KindMisconfigured, loudly. Nobody's status changes.
//   - invalid_grant, for a token that is no longer the stored one: another instance was faster; its token is used.
//   - invalid_grant, for the token that is still stored: needs_reauth. This alone ends a connection.
package oauth
