// Package backend says to the operator's own programs who is asking: to a backend behind a mount, and to an
// application behind a front proxy.
//
// It owns what of a session becomes a claim or a header, and the check of the rights that a mount requires. It
// refuses to hand on a provider's token, and an e-mail address that the provider has not verified goes into no
// header.
//
//	session ─┬─► Claims ──► assertion.Signer ──► Authorization: Bearer …
//	         ├─► Headers ─► BFF-User, BFF-Session, BFF-Email, BFF-Name, BFF-Rights, BFF-App-Id
//	         └─► Require ─► 403 not_permitted, with what is missing
//
// Standards: RFC 7519, RFC 8187 (names that are not ASCII), RFC 9068.
package backend
