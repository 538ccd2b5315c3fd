// Package browser tests what people see: the demo app, the account page and the client, in Debian's Chromium.
//
// It owns the proof that no byte of a credential reaches a browser, with everything captured that the DevTools
// protocol shows; what pages of other sites can do to a person who is signed in (nothing); ways back that go wrong;
// and the pictures in docs/screenshots. It refuses to look inside: bff is the built binary, the provider is
// internal/demo with every credential it makes marked.
//
//	Chromium ──► bff serve ──► the demo's provider and APIs, credentials marked
//	    │            └───────► the demo app's files and its control, as a dev server behind bff
//	    └──────► a stranger's page, on another site or another port
package browser
