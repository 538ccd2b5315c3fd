// Command bff is an OAuth token broker: it reads the configuration and plugs the layers together.
//
//	dev       the whole product in one process, with a demo provider, a demo API and the demo app
//	serve     production
//	check     every mistake of the configuration at once; then the store and the providers
//	keygen    a fresh key
//	provider  list, show, check, simulate
//	version   version, commit, Go version
//
// Exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration.
//
//	file ─► parse ─► value ─► config ─► newInstance ─► instance.run ─► drained
//	        source collects every mistake; one is enough for exit code 2
//
// The configuration is YAML, read strictly: a key that is unknown or there twice is a mistake, and every mistake of the file is told at once,
// with its place and what to write instead (source.go has the rules by which no secret is shown). Nothing is expanded; a secret is a reference.
// A value is judged where it is read, once, and is of its final type from there on.
//
// It refuses to have behaviour: what a request does is the business of the packages below internal.
package main
