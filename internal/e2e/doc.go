// Package e2e tests the built binary from outside.
//
// It owns the proof of the guarantees: real bff processes over real Redis, a certified provider, an API that demands
// a good token, a client that behaves like a browser, and each of them killed, frozen or cut off in the middle. It
// refuses to look inside: what it knows of bff is its commands, its configuration, its routes and their answers.
//
//	client ──► bff, bff, bff ──► redis-server
//	               ├───────────► oidc-provider
//	               └───────────► API, asks the provider whose token it was given
package e2e
