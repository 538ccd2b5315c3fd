// Package trouble is what goes wrong on purpose in the demo's servers: the modes and the switch that holds one, answers
// that are delayed, lost or cut, and a port that can stop listening. It knows no route; each server decides what a mode
// means for its own.
package trouble
