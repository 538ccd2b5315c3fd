// Package explain says in words what happened to one request, session, user or connection: what was decided, why, and
// what to do.
//
//	audit.Recorder ─► [Keeper].Record ─► queue ─► worker ─► Store.Append   one list for each id that the event names
//	`bff explain ID`, GET /explain/{id} ─► Store.Read ─► [Tell] ─► words
//	calls that went well ─► [Calls], in memory ─► GET /explain/{id} of this instance
//
// Recording never waits: what does not fit into the queue is dropped and counted, and so is what goes beyond the rate
// that an instance may write. A call that went well is no event, so it costs the store nothing; the instance that carried it
// remembers the last ones.
//
// # What can go wrong
//
//   - The store is down: the events of that time are lost for explanations. The audit log has those of them that are
//     audited.
//   - Somebody causes events without end: an id has a list for each class (what is audited, tokens that services used,
//     what services asked, calls and strangers), each with its last [MaxEvents]; an instance writes so many events of a
//     class a second and no more; everything is gone after the time that `explain` in the configuration says, what only
//     names a stranger's request after an hour.
package explain
