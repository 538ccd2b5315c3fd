// Package archtest holds the source of bff to the law of its layers and to a list of bans.
//
// layers.go is the law: every package, and what it may import. bans.go is the list: each ban has one sentence that
// says why, and CONTRIBUTING.md says how to add one. There are no exemptions: no list of files to skip and no comment
// that switches a ban off, but for the one length that a function's own comment can explain.
// shape.go counts long lines, the paths through each function, and the methods of each type; arrows.go the arrows between
// the files of a package that run back up.
//
//	layers.go ────────────────────┐
//	                              ├──► Check ──► violations, each with file:line and the reason
//	*.go, *.js … ──► Source ──────┘
package archtest
