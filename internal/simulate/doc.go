// Package simulate tries providers: Check looks at what a real one publishes, as far as it goes without a person; Run
// imitates one with the demo provider, with everything that goes wrong, against the product.
//
//	provider ─► imitate ─► for each scenario: demo provider + Instance + browser ─► what happened, compared with what is expected
//
// It refuses to repeat a scenario that failed.
package simulate
