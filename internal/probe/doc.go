// Package probe reaches for what a configuration names, and says what it found: providers, upstreams, dev servers.
//
//	Provider ─► metadata ─► endpoints ─► keys ─► habits ─► []Finding
//	Upstream ─► one GET without credentials                 ─► Finding
//	Health   ─► one GET of an instance's own health        ─► its answer
//
// It sends no credential, follows no redirect, and prints nothing that it received but status codes, words of the
// standards and, of an issuer or a redirect, the bare address.
package probe
