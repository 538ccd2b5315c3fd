// Package backend plays an application's own backend: it greets whoever an assertion names, and keeps a row for every
// person that the hook asked about. It knows no provider and no session, and believes whoever signed the assertion, by
// the keys that the issuer publishes, and whoever signed a message with the secret that it gave out.
//
//	GET  /greeting      ─► assertion: EdDSA, typ at+jwt, issuer, audience, expiry ─► name and rights
//	POST /hooks/sign-in ─► Standard Webhooks ─► a row ─► the application's own id and rights
//	POST /hooks/events  ─► Standard Webhooks ─► noted, each once
//
// Specifications: RFC 7519, RFC 9068, Standard Webhooks.
package backend
