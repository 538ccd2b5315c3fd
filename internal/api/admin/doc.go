// Package admin is the listener for services, probes and front proxies, never for browsers: health, metrics,
// introspection (RFC 7662), token exchange (RFC 8693), forward-auth. Its rows go through the same pipeline as the
// browser's.
//
// # A new row
//
// One line in [Admin.Rows] and one function. `May: route.Manage` and the like let only clients in whose configuration
// has it. A ClientForm row posts a form and is answered in the words of RFC 6749; a ClientBasic row is answered by
// problems.
package admin
