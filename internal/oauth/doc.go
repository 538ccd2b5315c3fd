// Package oauth speaks to providers: sign-in flows, what providers say by themselves, and what is revoked. It knows
// no browser: no cookie, no response writer. It decides nothing by an error's text.
//
//	Begin, URL ─► the provider's page ─► Finish    code + PKCE S256 (RFC 7636), state, nonce, iss (RFC 9207)
//	Token, Renew ─► oauth/refresh                  RFC 6749 section 6
//	Revocation ─► the vault's outbox ─► Run        RFC 7009
//	LogoutToken, SecurityEvents                    OpenID Connect Back-Channel Logout 1.0, RFC 8417
//
// A provider is data ([providers.Config]); oauth/client makes the requests to it, oauth/claims checks what its signed
// tokens say. What it publishes is read when first needed and kept, so one that is down does not stop the start.
// Tokens are bearer tokens: there is no DPoP (RFC 9449).
package oauth
