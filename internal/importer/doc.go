// Package importer turns the entries of other catalogues into provider files, as far as they go.
//
//	file ─► entries, each with what its alias has ─► provider file + what it lacks ─► Folder
//
// No address is contacted, no file that is there is replaced, nothing of a catalogue is kept here, and no expression of it
// is run.
package importer
