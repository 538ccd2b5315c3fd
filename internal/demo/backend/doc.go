// Package backend plays an application's own backend: it greets whoever an assertion names. It knows no provider and no
// session, and believes whoever signed the assertion, by the keys that the issuer publishes.
//
//	GET /greeting ─► assertion: EdDSA, typ at+jwt, issuer, audience, expiry ─► name and rights
//
// Specifications: RFC 7519, RFC 9068.
package backend
