// Package deliver brings events to programs of the operator's own.
//
// It owns the order and the times of deliveries: at least once, in order for each user, tried again for three days. It
// refuses to say what happened: the vault queues an event in the step that makes it true, and this package takes from
// that queue.
//
//	vault.Due ─► webhook.Sender ─► 2xx: vault.Delivered
//	        ▲                                410, or three days old: vault.Delivered, with a warning
//	        └── vault.Retry ◄─────── everything else
//
// # What can go wrong
//
//   - An instance dies: what it had taken is due again when its lease ends, and is sent again with the same id.
//   - A program is slow or down: it has its own queue, its own goroutine and at most [parallel] requests. Nothing that
//     serves people waits for it.
//   - The store is down: nothing is due. What was sent and could not be noted is sent again.
package deliver
