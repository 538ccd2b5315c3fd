// Package devsite is what `bff dev` adds to bff: the demo provider, the demo APIs, and the demo app with its control
// below /demo/.
//
//	browser ─► devsite (frontend) ─► /demo/… the control of the demo
//	   │                         ├─► the demo app
//	   │                         └─► the shop, the frontend of a second front
//	   └─────► bff ─► internal/demo (provider, APIs)
//
// The configuration is read by the reader of `bff serve`, and the same Instance runs it. It refuses to serve other
// machines: in the demo everybody may sign in as anybody.
package devsite
