// Package testenv runs the real processes that tests talk to.
//
// It owns redis-server (alone, under Sentinel, as a Cluster), a certified OpenID Provider, an API that demands a good
// bearer token, bff itself, a browser, and a client that behaves like one. It refuses to fake any of them: what
// misbehaves is a real process that is killed, paused, cut off or asked to.
//
//	Client, Chrome ──► BFF ──► Toxi ──► Redis, Sentinel, Cluster
//	                    ├────► OIDC   (node, oidc-provider)
//	                    └────► API    (asks OIDC whose token it was given)
//
// Everything listens on loopback, on free ports, keeps its files in folders of the test, and ends with its test: by
// the test's cleanup, and by the kernel (PR_SET_PDEATHSIG) when the test binary itself is killed.
package testenv
