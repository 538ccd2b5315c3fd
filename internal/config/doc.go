// Package config reads bff.yaml: every mistake with its position and what to write instead, the defaults, and the
// warnings.
//
//	file ─► parse ─► value ─► Config
//	        source collects every mistake
//
// The YAML is read strictly: a key that is unknown or there twice is a mistake, and all mistakes of a file are
// reported at once (source.go has the rules by which no secret is shown). Nothing is expanded; a secret is a
// reference. A value is checked where it is read, once, and is of its final type from there on.
//
// It refuses to reach for anything but the files that the configuration names.
package config
