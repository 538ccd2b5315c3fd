// Package audit says what happened: which decision was made, about whom, by whom and why.
//
// It owns the closed list of events ([Kinds]), the chained audit log, and its verification. A layer that decides
// something calls [Recorder.Record] at the place of the decision and hands in who acts; it does not know who reads
// along. The readers are
//
//	Record ─► audit log      one JSON line for each event of a kind that is audited, chained by hashes
//	       ─► explanations   the last events of a session, user or connection, for `bff explain`
//
// # A new event
//
// A constant and its [Description] in kinds.go, and the call of Record at the place of the decision: in the vault for
// what changes something. The table of docs/audit.md is made of kinds.go. A new reason has its words in package explain.
//
// # What can go wrong
//
//   - A line is changed, removed, or put in: the chain breaks at that line, and Verify names it. Whoever can
//     rewrite the whole file can also make a new chain; keep a copy of a hash elsewhere to notice that.
//   - The process dies while it writes: the incomplete last line is removed when the log is opened again, and the
//     chain goes on.
//   - The log cannot be written: the event is lost for the log, the failure is counted and logged, and the call
//     goes on. A full disk is no reason to sign everybody out.
//
// An event holds ids, names of the configuration and codes of closed lists. It has no field for a credential, a query
// or a body.
package audit
