// Package explain says in words what happened to one request, session, user or connection: what was decided, why, and
// what to do.
//
//	audit.Recorder ─► [Keeper].Record ─► queue ─► worker ─► Store.Append   one list for each id that the event names
//	`bff explain ID`, GET /explain/{id} ─► Store.Read ─► [Tell] ─► words
//
// Recording never waits: what does not fit into the queue is dropped and counted, and so is what goes beyond the rate
// that an instance may write. A call that went well is no event, so it costs the store nothing.
//
// # What can go wrong
//
//   - The store is down: the events of that time are lost for explanations. The audit log has those of them that are
//     audited.
//   - Somebody causes events without end: an id has two lists, of what is audited and of the rest, each with its last
//     [MaxEvents]; an instance writes so many events a second and no more, those of refused calls and of strangers in
//     bounds of their own; everything is gone after the time that `explain` in the configuration says, what only names a
//     stranger's request after an hour.
package explain
