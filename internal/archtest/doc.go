// Package archtest holds the house against its own drawing.
//
// It owns two laws. The law of the layers is the drawing in ARCHITECTURE.md itself: it is read from there, so the two cannot drift. The bans
// are a table in bans.go, each with one sentence that says why; CONTRIBUTING.md tells how to add one. It refuses exemptions: there is no
// list of files to pass over and no comment that switches a ban off, but for the one length that a function's own comment can explain.
//
//	ARCHITECTURE.md ──► Drawing ──┐
//	                              ├──► Check ──► violations, each with file:line and the reason
//	*.go, *.js … ──► Source ──────┘
package archtest
