// Package app plugs the layers together and runs them: one Instance from one configuration, its listeners, and its end.
//
//	config.Config ─► New ─► Instance ─► Run(listeners) ─► drained
//	                 vault, broker, server, in this order
//
// The configuration is read again at SIGHUP, and when a file that it names has changed: a `file:` secret, a certificate,
// a provider file (reload.go). What is in flight ends by the generation in which it began.
//
// What goes on beside the calls is a list of workers (workers.go), each with what it writes to the audit log.
//
// Every HTTP client of the product is made here or in the constructor that this package calls. It refuses to have
// behaviour of its own: what a request does is the business of the packages that it plugs together.
package app
