// Package store speaks to Redis for the vault: dialling, scripts, pipelines,
// the bus, reports of changed keys, replicas, and what an operator should know
// of the server. It knows no record and no key ring; what it carries is sealed.
//
//	vault ─► Batch      several reads, one round trip
//	      ─► Call       one script (lua/*.lua), keys and arguments by name
//	      ─► Bus        what changed, as instances announce it
//	      ─► Tracker    which keys changed, as the server reports it
//
// A [Store] is made of parts that have the server in common: commands, scripts and reads.
//
// The rules are:
//
//  1. A store that does not answer is [ErrUnavailable], never "nothing there".
//     That holds for a pipeline as a whole: where sending it failed and none of
//     its commands says why, none of its answers counts.
//  2. That something is gone, only a server may say that takes writes: see Ask.
//  3. Every script may run twice: it finds its own version and reports success.
//  4. No error text holds a value, a key or the store's URL.
//
// What can go wrong: a failover to a replica that lacks the last writes. What
// must not be lost is written with RunDurably, which waits for one replica.
package store
