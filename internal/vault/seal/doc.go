// Package seal encrypts what the store keeps. It owns the key ring, the ticket
// (the session cookie's value) and the format of sealed values. It knows no
// store and no record.
//
//	ring key ─┐                       kind, owner ─┐
//	          ├─► HKDF-Expand ─► one AES-256-GCM key for each message ─► sealed value
//	opener ───┘                              salt ─┘
//
// The rules are:
//
//  1. A sealed value opens only under a key of the ring, for the kind and owner
//     that it was sealed for, and with the opener where it was sealed with one.
//  2. Its first 16 bytes are a random version. Scripts in the store compare it;
//     nothing trusts it.
//  3. What is searched for is searched by a keyed hash, never by its own bytes.
//  4. A binary value has one spelling: base64url without padding, strict.
//
// What can go wrong: a value sealed under a key that is no longer in the ring
// does not open, and cannot be distinguished from one that was tampered with.
//
// RFC 5869 (HKDF), NIST SP 800-38D (GCM), RFC 4648 section 5 (base64url).
package seal
