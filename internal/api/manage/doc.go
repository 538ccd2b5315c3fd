// Package manage answers the services that manage users on the admin listener: list and see users, set rights, end
// sessions, unlink, erase, and keep data of their own beside sessions and users.
//
//	a row with Manage or Data ─► rate of the client ─► vault ─► audit event ─► answer
//
// # What can go wrong
//
//   - A service asks for more than it was given: 403 forbidden by the pipeline, before anything is read.
//   - A service asks without end: 429 after its share, so that people are served meanwhile.
//   - An erasing is broken off: it is taken up where it stopped when it is asked for again.
//
// No answer holds a token, a ticket or a key.
package manage
