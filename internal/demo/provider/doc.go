// Package provider plays an authorization server: Google's habits or others, people with accounts, consent scope by
// scope, and tokens that rotate. It misbehaves on request ([bff/internal/demo/trouble]).
//
//	authorization  /o/oauth2/v2/…   requests, people, consent; makes codes            authorize.go, interact.go
//	browsers                        who is signed in where, flows under way           browsers.go
//	tokens         /token, /revoke  client authentication, the shapes of answers      token.go, answer.go, revoke.go
//	Ledger                          codes, families of tokens, grants                 grants.go, refresh.go
//	Keys           /certs           signs ID tokens, logout tokens, security events   keys.go
//	Signals                         back-channel logout, security events              signals.go
//	endSession     /logout          RP-initiated logout                               session.go
//	pages                           everything that a person sees                     pages.go
//
// Each part has its own lock where it has state. Locks are taken in the order Ledger, browsers, then client, Register
// and journal, which call nobody while they hold theirs.
//
// Specifications: RFC 6749, RFC 6750, RFC 7009, RFC 7636, RFC 8417, RFC 8935, RFC 9207, OpenID Connect Core,
// Discovery, RP-Initiated Logout and Back-Channel Logout.
package provider
