// Package demo plays the provider and the API behind it: an authorization server with Google's habits that misbehaves
// on request, a calendar API and a files API that answer a valid access token of the right scope and nobody else.
// `bff dev` runs it, tests and `bff provider simulate` break it.
//
// It owns make-believe people, their grants, and what goes wrong. It refuses to know anything of bff: it is what bff
// meets, so it imports none of it, keeps to the standards by itself, and is proven by clients that bff did not write.
//
//	browser ─► /o/oauth2/v2/auth ─► pick a person ─► consent, scope by scope ─► code ─► redirect URI (exact, iss, state)
//	bff     ─► /token  code + PKCE S256 ─► family of tokens: access (30 s), refresh (rotating; a used one kills the family), ID token
//	        ─► /revoke, /v1/userinfo, /oauth2/v3/certs, /.well-known/openid-configuration, /logout
//	        ─► (another port) /calendar/v3/…, /drive/v3/…, /upload/drive/v3/…
//	        ─► (a third port) /greeting: an application's own backend, which takes assertions
//	demo    ─► bff: back-channel logout, security events
//
// [Habits] say what kind of provider it plays, [Mode] what is wrong with it at the moment. The authorization server
// and the APIs listen on two ports, so that the one can be down (really: connection refused) while the other answers.
//
// It listens on loopback only, and its issuer is http://localhost:PORT: a browser that reached bff as 127.0.0.1 is
// then on another site, and SameSite cookies behave as they will in production. All state is in memory and bounded;
// all random values are crypto/rand's; its log never holds a token.
//
// Specifications: RFC 6749, RFC 6750, RFC 7009, RFC 7636, RFC 8417, RFC 8935, RFC 9207, OpenID Connect Core,
// Discovery, RP-Initiated Logout and Back-Channel Logout.
package demo
