// Command bff is an OAuth token broker: it reads the configuration and runs what internal/app plugs together.
//
//	dev         the whole product in one process, with a demo provider, a demo API and the demo app
//	serve       production
//	check       every mistake of the configuration at once; then the store, the providers and the upstreams
//	init        a complete, commented bff.yaml
//	schema      the JSON Schema of bff.yaml, or of a provider file
//	keygen      a fresh key
//	provider    list, show, check, simulate, import
//	user        list, show, sign-out, erase, in the store itself
//	explain     what happened to an id, in words
//	audit       verify
//	health      whether the instance on this machine lives
//	completion  a script for bash, zsh or fish
//	version     version, commit, Go version
//
// Exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration.
//
// Each command is one file: its flags, and one call into a package below internal. It refuses to have behaviour.
package main
