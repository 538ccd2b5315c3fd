// Package simulate tries providers: Check looks at what a real one publishes, as far as it goes without a person; Run
// plays one as its file says, or as it was recorded, with everything that goes wrong, against the product.
//
//	file ─► simulation ─► for each scenario: stand-in + Instance + browsers ─► what happened, compared with what is expected
//	             └─► for each key: the file with that key wrong, in the scenarios that show facts ─► a warning where none differs
//
// It refuses to repeat a scenario that failed, and to say that a provider is as its file says.
package simulate
