// Package journal records what happens in the demo: a bounded log in plain words, and counters of all and of each
// person. It never holds a token. Its lock is the innermost of the demo's: it calls nobody while it holds it but the
// logger it was given.
package journal
