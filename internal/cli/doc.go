// Package cli turns the words of a command line into a command that runs, and its error into an exit code.
//
//	args ─► Program.Run ─► kong ─► the command's Run(*Shell) ─► nil | WrongUse 2 | Failure 1
//
// It knows how a command ends, what a mistake in usage is called, and how a shell completes words; what a command does
// is the command's.
package cli
