// Package live knows which sessions something long runs for on this instance, and says at once when one ends or
// changes.
//
//	the vault's bus ─► a session ended: its done channel is closed
//	                ─► a connection changed: listeners are woken
//	                ─► announcements were missed: every watched session is read again
//	a ticker        ─► those whose idle or absolute time has passed are read again
//
// It owns the event stream of the browser (GET /bff/events). A store that is down ends nobody.
package live
