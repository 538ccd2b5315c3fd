// Package client makes the requests to one provider: discovery, authorization requests, token requests, keys,
// userinfo and revocation. It decides what one answer means, and nothing else: when to refresh and what follows from
// an answer is decided above.
//
// A [Provider] is the configuration with a part for each thing that is requested; a part knows those below it alone:
//
//	Discovery.Metadata ──► once a day; fields of the configuration win     OpenID Connect Discovery 1.0, RFC 8414
//	AuthorizationEndpoint.URL ──► code + PKCE S256, PAR where required     RFC 6749, RFC 7636, RFC 9126
//	TokenEndpoint.Exchange, Refresh, Obtain ──► Answer ──► Verdict         RFC 6749 sections 4.1.3, 4.4 and 6
//	UserinfoEndpoint.Fetch                                                 OpenID Connect Core 5.3
//	RevocationEndpoint.Revoke                                              RFC 7009
//	Transmitter.Keys ──► who signs security events                         OpenID RISC Profile
//	Keys.Verify ──► the signature of a token                               RFC 7515, RFC 7517
//	caller ──► the requests, Reports ──► errors and log lines
//
// golang.org/x/oauth2 makes the token requests; a round tripper below it shapes them as the provider wants them, and
// bounds and normalizes what comes back. The client authenticates by secret (basic or post) or by private_key_jwt
// (RFC 7523).
//
// # The rules are
//
//   - No redirect of a request with credentials is followed; a redirect of a public document is, on the same host.
//   - Every answer has a bound, and one beyond it is called too large.
//   - Where a metadata document points is dialled only when the address is of the internet, or the issuer itself is
//     inside ([NewTransport]).
//   - An answer is classified from its status and its fields, in one place ([Answer.Verdict]).
package client
