// Package importer turns the entries of other catalogues into provider files, as far as they go.
//
//	file ─► entries, each with what its alias has ─► provider file + what it lacks
//
// It reads text and writes text: no address is contacted, nothing of a catalogue is kept here, and no expression of it
// is run.
package importer
