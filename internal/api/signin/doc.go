// Package signin takes a person to a provider and back: the start of a sign-in or of the linking of an account, the
// attempt that lives in between, and the callback.
//
//	GET /bff/login/{provider}     ─► attempt sealed in the store, opener in a Lax cookie ─► 302 to the provider
//	GET /bff/callback/{provider}  ─► state finds it, the cookie opens it, it is used up ─► code exchanged ─► session or link
//
// A [Flow] has the routes. Its parts, each of which knows those before it alone:
//
//	offered   which providers people may use, and what for
//	values    what a person says of an account before it is linked; typedForm: the credential itself
//	attempts  what is left in the store and in the browser until the way back, and where a callback led
//	crossing  the way from one front to the other, and back
//	accounts  what a grant becomes: a user, a session, a link
//	ends      where a sign-in leads that came to nothing
//
// # Who chooses what a sign-in asks for
//
// Any site may link to a sign-in, and a person's click begins it. What it asks for beyond the configuration (scopes,
// acr_values, max_age) and the linking of an account are chosen by pages of this origin alone: [Flow.Login] answers
// csrf_rejected before anything else happens, the row of [Flow.Connect] is a [route.OwnNavigation], and no way back
// leads to such an address ([route.ReturnPath]).
//
// A key or a password that a person types is read once ([Flow.ConnectTyped]) and no answer has a place for it: neither
// the form, which is filled with names of the configuration, nor the session, nor the account's export.
//
// # What can go wrong
//
//   - The way back is cross-site and brings no Strict cookie: the attempt carries what is needed.
//   - A state without the browser's own cookie: login_expired. A state alone proves nothing.
//   - A provider answers at another's redirect URI (mix-up, RFC 9700 section 4.4.2): login_failed.
//
// Standards: RFC 6749, RFC 9700, OpenID Connect Core 1.0, OAuth 2.0 Form Post Response Mode.
package signin
