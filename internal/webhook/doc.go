// Package webhook sends signed messages to programs of the operator's own, as Standard Webhooks describes
// (https://www.standardwebhooks.com): the hook that is asked at a sign-in, and the events that are reported.
//
// It owns the keys of these programs, the signature, and the one bounded request that carries a message. It refuses
// to follow a redirect, to read more than [MaxAnswer] of an answer, and to send to an address that is not encrypted,
// except on loopback or where the operator insists. It retries nothing: who sends decides what an answer means.
//
//	Sender.Send ─► Key.Sign ─► POST webhook-id, webhook-timestamp, webhook-signature ─► Answer, or ErrNoAnswer
//
// Signatures are made and verified by the library of the specification's authors.
package webhook
